//! OAuth 2.0 token endpoints as credential sources, vendors as data, and the sources that ask no
//! endpoint.
//!
//! ```text
//!  a grant ─┐                       ┌─▶ Transport ──▶ token endpoint
//!           ├─ build ─▶ TokenSource ┤
//!  Profile ─┘                       └─▶ Credential, or an Error that says what to check
//! ```
//!
//! | to get a token | name |
//! |---|---|
//! | as oneself, with a secret, a key or a certificate | [`ClientCredentials`] |
//! | for a person who has signed in | [`RefreshToken`] |
//! | with a signed assertion, such as a Google service account's | [`JwtBearer`] |
//! | for another token | [`TokenExchange`] |
//! | by signing it oneself | [`SelfSigned`] |
//! | from a variable or a vault, a file, the first of several | [`Token`], [`TokenFile`], [`Chain`] |
//! | from a program, with the feature `exec` | `Exec` |
//! | for the token of another source | [`Composed`] |
//! | as the platform says who one is: GitHub, Kubernetes, Azure, Google | [`cloud`] |
//! | that never changes | [`Static`], [`Basic`] |
//!
//! [`Discovery`] finds the endpoint through its issuer, [`Revocation`] gives tokens back at the end.
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

mod absent;
mod answer;
mod assertion;
mod body;
mod client_credentials;
pub mod cloud;
mod dialect;
mod discovery;
mod echo;
mod encoding;
mod expiry;
mod file;
pub mod grants;
mod jwt;
mod plan;
mod profile;
mod refusal;
mod request;
mod revocation;
mod secret;
mod sources;
mod statics;
mod text;
mod token_request;
mod token_source;
mod token_url;
pub mod transport;

#[cfg(feature = "exec")]
pub use self::sources::Exec;
pub use self::{
    assertion::{Algorithm, CertificateHeader, Jwt, Key},
    client_credentials::ClientCredentials,
    dialect::{Condition, Param, Reissue},
    discovery::{Discovered, Discovery, METADATA_LIFETIME, Metadata},
    expiry::{Expiry, Unit},
    grants::{
        jwt_bearer::JwtBearer,
        refresh_token::RefreshToken,
        token_exchange::{TokenExchange, token_type},
    },
    profile::{Answer, Profile},
    request::{ClientAuth, Encoding},
    revocation::{REVOCATION_DEADLINE, Revocation},
    secret::{Secret, SecretHandle},
    sources::{Chain, Composed, SelfSigned, Token, TokenFile},
    statics::{Basic, Static},
    token_request::TokenRequest,
    token_source::{ATTEMPT_DEADLINE, QUICK_RETRIES, TokenSource},
    transport::Transport,
};
