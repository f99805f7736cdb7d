//! What an SDK for Atlar looks like on Hallpass.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use atlar_example::Atlar;
//! use hallpass::Secret;
//!
//! let atlar = Atlar::builder()
//!     .credentials(Secret::env("ATLAR_ACCESS_KEY"), Secret::env("ATLAR_SECRET"))
//!     .build()?;
//!
//! let mut accounts = atlar.accounts();
//! while let Some(page) = accounts.next_page().await? {
//!     for account in page {
//!         println!("{} {}", account.id, account.currency);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - Tokens live 300 seconds. They are renewed ahead of their end, one token request serves all
//!   callers and clones, and a call whose token was revoked is sent again with another.
//! - [`basic`](Builder::basic) puts access key and secret on each call instead.
//! - A payment has an [idempotency key](CreateTransfer::idempotency_key), so that it may be sent again
//!   whatever became of the first time.
//! - For programs without a runtime there is [`blocking`].
//! - What the SDK does not cover takes [`Atlar::credential`] to a client of its own.
//!
//! It is an example, and not Atlar's: of the API it knows what it shows.

mod accounts;
pub mod blocking;
mod builder;
mod client;
mod error;
mod transfers;

pub use self::{
    accounts::{Account, AccountStream, Accounts},
    builder::Builder,
    client::Atlar,
    error::Error,
    transfers::{CreateTransfer, Transfer, TransferRequest},
};
