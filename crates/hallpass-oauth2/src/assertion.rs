//! Signing JWTs: the keys, the claims, and the assertion that a client authenticates with.

mod certificate;
mod client;
mod der;
mod encrypted;
mod jwk;
mod jwt;
mod key;
mod key_pair;
mod skew;

pub use self::{
    certificate::{CertificateHeader, thumbprint},
    jwt::Jwt,
    key::Key,
};
pub(crate) use self::{
    client::{Audience, ClientAssertion, SettledAssertion},
    jwt::{ReadyJwt, Validity, unique},
    key::ReadyKey,
    skew::Skew,
};

#[cfg(test)]
mod vectors;
