//! Signing JWTs: the keys, the claims, and the assertion that a client authenticates with.

mod algorithm;
mod client;
mod der;
mod jwk;
mod jwt;
mod key;
mod key_pair;

pub use self::{algorithm::Algorithm, jwt::Jwt, key::Key};
pub(crate) use self::{
    client::{Audience, ClientAssertion, SettledAssertion},
    jwt::ReadyJwt,
};

#[cfg(test)]
mod vectors;
