//! The adapters, each behind the one trait.

mod codec;
mod gateway;
mod reqwest;
mod tonic;
mod tower;

pub(crate) use self::{
    reqwest::Reqwest,
    tonic::Tonic,
    tower::{Tower, transport},
};
