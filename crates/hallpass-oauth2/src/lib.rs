#![doc = include_str!("../README.md")]
//!
//! # What is where
//!
//! ```text
//!  a grant ─┐ TokenRequest           ┌─▶ Transport ──▶ token endpoint
//!           ├─── build ─▶ TokenSource ┤
//!  Profile ─┘                        └─▶ Credential, or an Error that says what to check
//! ```
//!
//! | to get a token | name |
//! |---|---|
//! | as oneself, with a secret, a key or a certificate | [`ClientCredentials`] |
//! | for a person who has signed in | [`RefreshToken`] |
//! | with a signed assertion, such as a Google service account's | [`JwtBearer`] |
//! | for another token | [`TokenExchange`] |
//! | with a person's password, where a server knows no other way | [`Password`] |
//! | by signing it oneself | [`SelfSigned`] |
//! | from a variable or a vault, a file, the first of several | [`Token`], [`TokenFile`], [`Chain`] |
//! | from a program, with the feature `exec` | `Exec` |
//! | for the token of another source | [`Composed`] |
//! | as the platform says who one is: GitHub, Kubernetes, Azure, Google | [`cloud`] |
//! | that never changes | [`Static`], [`Basic`] |
//!
//! [`Discovery`] finds the endpoint through its issuer, [`Protected`] the issuer through the API that
//! the token is for, as MCP does, [`Revocation`] gives tokens back at the end.
//! [`Dpop`] has tokens bound to a key, so that one that leaks is of no use: [here](docs::dpop) is how.
//!
//! A [`TokenSource`] asks once and keeps nothing: wrap it in a [`Cached`](hallpass_core::Cached),
//! or hand it to a layer that does. This crate opens no socket. A [`Transport`] sends the request,
//! such as `hallpass-hyper`'s or your own.

mod absent;
mod algorithm;
mod assertion;
mod basic;
mod body;
mod calendar;
pub mod cloud;
mod condition;
mod discovery;
pub mod docs;
mod dpop;
mod expiry;
mod file;
mod json;
mod json_path;
mod jwt;
mod param;
mod percent;
mod plan;
mod profile;
mod protected;
mod renewal;
mod response;
mod revocation;
mod rotation;
mod secret;
mod several;
mod sources;
mod template;
mod text;
mod token_place;
mod token_request;
mod token_source;
mod token_url;
mod toml_fields;
pub mod transport;
mod value;

#[cfg(feature = "exec")]
pub use self::sources::Exec;
pub use self::{
    algorithm::Algorithm,
    assertion::{CertificateHeader, Jwt, Key, thumbprint as certificate_thumbprint},
    condition::Condition,
    discovery::{Discovered, Discovery, METADATA_LIFETIME, MOVED_AFTER, Metadata},
    dpop::Dpop,
    expiry::{Expiry, Unit},
    param::Param,
    profile::{ClientAuth, Encoding, Grant, Profile, ResponseFormat},
    protected::{Protected, ProtectedSource, REREAD_AFTER},
    renewal::Reissue,
    revocation::{REVOCATION_DEADLINE, Revocation},
    secret::{Secret, SecretHandle},
    sources::{ABSENT, Basic, Chain, Composed, SelfSigned, Static, Token, TokenFile},
    token_request::{
        ClientCredentials, JwtBearer, Password, RefreshToken, TokenExchange, TokenRequest,
        token_type,
    },
    token_source::{ATTEMPT_DEADLINE, QUICK_RETRIES, TokenSource},
    transport::Transport,
    value::Value,
};
