//! What an SDK for Atomic looks like on Hallpass.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use atomic_example::{Atomic, Role};
//!
//! let atomic = Atomic::builder("acme", "https://auth.atomic.example/oauth2/token")
//!     .environment(123)
//!     .role(Role::Events, "events-client", std::env::var("ATOMIC_EVENTS_SECRET")?)
//!     .role(Role::Auth, "auth-client", std::env::var("ATOMIC_AUTH_SECRET")?)
//!     .on_rotation(|role, client_id, secret| save(role, client_id, secret))
//!     .build()?;
//!
//! let cards = atomic.cards().await?;
//! atomic.rotate(Role::Events).await?;
//! # let _ = cards;
//! # fn save(_: Role, _: &str, _: &str) -> std::io::Result<()> { Ok(()) }
//! # Ok(())
//! # }
//! ```
//!
//! - Each role has a client and tokens of its own, and each call says which one it needs. A call whose
//!   role was not configured fails before anything is sent.
//! - The token endpoint limits its rate: one token request serves all calls of a role, and what the
//!   endpoint says with its 429 is kept to.
//! - [`rotate`](Atomic::rotate) has Atomic make another secret for a role, and uses it from then on.
//!   Calls under way notice nothing.
//!
//! It is an example, and not Atomic's: of the API it knows what it shows.

mod builder;
mod client;
mod error;
mod roles;

pub use self::{
    builder::Builder,
    client::{Atomic, Card, Environment},
    error::Error,
    roles::Role,
};
