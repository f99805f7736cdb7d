//! [`Resend`]: a request without a body, to be sent again if the server has not looked at it.

use http::{Request, request::Parts};
use http_body::Body;
use hyper_util::client::legacy;

use hallpass_core::BoxError;

use crate::{connector::Connector, outgoing::Outgoing, unprocessed::Unprocessed};

/// How many ending connections one request may meet: 8.
///
/// Of three hundred requests at once to a server that ends each connection after fifty, the last
/// meets five. Every time there is a new connection to wait for, so that this is not a storm.
const CONNECTIONS: u8 = 8;

/// How often a request is sent again on a connection that took no further stream: once.
///
/// That heals the race with the server's limit, which a client may learn a moment too late. A
/// server that is overloaded is not to be asked again without a pause.
const REFUSALS: u8 = 1;

pub(crate) struct Resend {
    send: Box<dyn Fn() -> legacy::ResponseFuture + Send + Sync>,
    connections: u8,
    refusals: u8,
}

impl Resend {
    pub(crate) fn new<B>(client: &legacy::Client<Connector, Outgoing<B>>, head: &Parts) -> Self
    where
        B: Body + Send + Unpin + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (client, head) = (client.clone(), head.clone());
        Self {
            send: Box::new(move || {
                client.request(Request::from_parts(head.clone(), Outgoing::nothing()))
            }),
            connections: CONNECTIONS,
            refusals: REFUSALS,
        }
    }

    /// Sends the request once more, unless that has been done often enough.
    pub(crate) fn after(&mut self, what: Unprocessed) -> Option<legacy::ResponseFuture> {
        let left = match what {
            Unprocessed::GoneAway => &mut self.connections,
            Unprocessed::Refused => &mut self.refusals,
        };
        *left = left.checked_sub(1)?;
        tracing::debug!(target: "hallpass", ?what, "the server has not looked at the request; sending it again");
        Some((self.send)())
    }
}
