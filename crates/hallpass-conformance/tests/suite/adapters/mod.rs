//! The adapters, each behind the one trait.

mod codec;
mod gateway;
mod pieces;
mod reqwest;
mod run;
mod tonic;
mod tower;

pub(crate) use self::{
    reqwest::Reqwest,
    run::Run,
    tonic::Tonic,
    tower::{Tower, transport},
};

/// The names by which rows of the table speak of them.
pub(crate) mod names {
    pub(crate) const HTTP1: &str = "tower, HTTP/1.1";
    pub(crate) const HTTP2: &str = "tower, HTTP/2";
    pub(crate) const REQWEST: &str = "reqwest";
    pub(crate) const TONIC: &str = "tonic";
    pub(crate) const RUN: &str = "`Authorizer::run`";

    pub(crate) const ALL: [&str; 5] = [HTTP1, HTTP2, REQWEST, TONIC, RUN];
    /// Those whose callers see HTTP.
    pub(crate) const HTTP: [&str; 4] = [HTTP1, HTTP2, REQWEST, RUN];
}
