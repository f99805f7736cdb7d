//! The grants, as the type parameter of [`TokenRequest`](crate::TokenRequest), and what each puts
//! into a request.

mod answer;
mod google;
pub(crate) mod jwt_bearer;
mod material;
pub(crate) mod refresh_token;
mod rotation;
pub(crate) mod token_exchange;

pub(crate) use self::{
    material::{GrantPlan, Material, Read},
    rotation::{Rotation, Turn},
};

/// The client-credentials grant (RFC 6749 §4.4).
#[derive(Debug, Clone)]
pub enum ClientCredentials {}

/// The refresh-token grant (RFC 6749 §6).
#[derive(Debug, Clone)]
pub enum RefreshToken {}

/// The JWT bearer grant (RFC 7523 §2.1).
#[derive(Debug, Clone)]
pub enum JwtBearer {}

/// Token exchange (RFC 8693).
#[derive(Debug, Clone)]
pub enum TokenExchange {}
