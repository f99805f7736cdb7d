//! Vendors as data: [`Profile`] and what its fields are made of.

mod check;
mod client_auth;
mod description;
mod encoding;
mod file;
mod foreign;
mod grant;
mod identity;
mod response_format;
mod shipped;
mod variables;

pub(crate) use self::description::BEARER;
pub use self::{
    client_auth::ClientAuth, description::Profile, encoding::Encoding, grant::Grant,
    response_format::ResponseFormat,
};
