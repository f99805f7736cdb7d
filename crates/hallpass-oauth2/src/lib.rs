//! OAuth 2.0 token endpoints as credential sources: the client-credentials grant, and vendors as
//! data.
//!
//! ```text
//!  ClientCredentials ─┐                       ┌─▶ Transport ──▶ token endpoint
//!                     ├─ build ─▶ TokenSource ┤
//!  Profile ───────────┘                       └─▶ Credential, or an Error that says what to check
//! ```
//!
//! A [`TokenSource`] asks once and keeps nothing: wrap it in a [`Cached`](hallpass_core::Cached),
//! or hand it to a layer that does. This crate opens no socket. A [`Transport`] sends the request,
//! such as `hallpass-hyper`'s or your own.
//!
//! ```
//! use hallpass_core::{Cached, Error};
//! use hallpass_oauth2::{Profile, Secret, Transport};
//!
//! fn atlar(transport: impl Transport) -> Result<Cached, Error> {
//!     let source = Profile::named("atlar")?
//!         .client(Secret::env("ATLAR_ACCESS_KEY"), Secret::env("ATLAR_SECRET"))
//!         .build(transport)?;
//!     Ok(Cached::new(source))
//! }
//! ```

mod answer;
mod body;
mod client_credentials;
mod encoding;
mod expiry;
mod jwt;
mod plan;
mod profile;
mod refusal;
mod request;
mod secret;
mod statics;
mod text;
mod token_source;
mod token_url;
pub mod transport;

pub use self::{
    client_credentials::ClientCredentials,
    expiry::Expiry,
    profile::Profile,
    request::{ClientAuth, Encoding},
    secret::{Secret, SecretHandle},
    statics::{Basic, Static},
    token_source::{ATTEMPT_DEADLINE, QUICK_RETRIES, TokenSource},
    transport::Transport,
};
