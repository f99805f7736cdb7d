#![doc = include_str!("../README.md")]
//!
//! # What both do
//!
//! Both speak HTTP/1.1 and HTTP/2, trust what the platform trusts, use connections again, and
//! follow no redirect: a 307 or 308 comes back as the answer it is. TLS is rustls with *ring*,
//! whatever the process has installed as its default. Neither goes through a proxy, whatever the
//! environment says, unless it is given one: `Builder::new().proxy(Proxy::from_env())`. [`Builder`]
//! has the settings, among them other roots, client certificates, deadlines and a connector of your
//! own.
//!
//! | | [`HyperTransport`] | [`Client`] |
//! |---|---|---|
//! | body | whole, 1 MiB at most | streamed both ways |
//! | deadline | given with each request, for all of it | for connecting; for the head of the answer if set |
//! | idle connections are kept for | [`TRANSPORT_IDLE_TIMEOUT`] | [`CLIENT_IDLE_TIMEOUT`] |
//! | and at most so many for a host | [`TRANSPORT_MAX_IDLE`] | [`CLIENT_MAX_IDLE`] |
//! | an HTTP/2 server that stands still | probed after [`PING_INTERVAL`]; its connection is given up after a time-out | the same |
//! | a connection that had died while idle | sent once more, on a fresh connection | sent again if nothing of the request had gone out |
//! | an HTTP/2 server that has not looked at a request, and says so | sent once more, on a fresh connection | sent again with its body as far as [`ReplayBody`] keeps it; else [reported](Error::is_unprocessed) |

mod attempt;
mod builder;
mod client;
mod coding;
mod connector;
mod dialer;
mod error;
mod future;
mod outgoing;
mod proxy;
mod public;
mod resend;
mod stream;
mod taken;
mod tls;
mod transport;
mod unprocessed;

pub use self::{
    builder::{
        Builder, CLIENT_IDLE_TIMEOUT, CLIENT_MAX_IDLE, CONNECT_TIMEOUT, PING_INTERVAL,
        TRANSPORT_IDLE_TIMEOUT, TRANSPORT_MAX_IDLE,
    },
    client::Client,
    error::Error,
    future::ResponseFuture,
    proxy::Proxy,
    transport::HyperTransport,
};

pub use hallpass_core::adapter::FreshConnection;
pub use hallpass_tower::ReplayBody;

use hallpass_core::BoxError;
use http_body::Body;

/// A transport for token endpoints with the defaults; clones share its connections.
///
/// It reads the platform's roots, which may mean files: make one and clone it.
///
/// # Errors
/// If the platform has no roots to trust.
pub fn transport() -> Result<HyperTransport, hallpass_core::Error> {
    Builder::new().transport()
}

/// A client with the defaults; clones share its connections.
///
/// It reads the platform's roots, which may mean files: make one and clone it. The type of the
/// request's body follows from use.
///
/// # Errors
/// If the platform has no roots to trust.
pub fn client<B>() -> Result<Client<B>, hallpass_core::Error>
where
    B: Body + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    Builder::new().client()
}
