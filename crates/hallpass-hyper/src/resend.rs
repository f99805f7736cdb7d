//! [`Resend`]: a request to be sent again if the server has not looked at it.

use std::sync::Arc;

use hallpass_core::{BoxError, adapter::FreshProof};
use hallpass_tower::ReplayBody;
use http::{Request, request::Parts};
use http_body::Body;

use crate::{
    attempt::{Attempt, Hyper, LEFT_BEHIND},
    unprocessed::Unprocessed,
};

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
    /// `None` if the body can't be sent again, or no proof made for it.
    send: Box<dyn Fn() -> Option<Attempt> + Send>,
    connections: u8,
    refusals: u8,
    left_behind: u8,
}

impl Resend {
    /// Keeps the request, unless its body can't be sent again.
    pub(crate) fn new<B>(
        client: Arc<Hyper<ReplayBody<B>>>,
        head: &Parts,
        body: &ReplayBody<B>,
    ) -> Option<Self>
    where
        B: Body + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = (head.clone(), body.try_clone()?);
        let send = move || {
            let (mut head, body) = (head.clone(), body.try_clone()?);
            // One that was sent may be worth nothing by now, also to a server that says it saw none.
            if let Some(proof) = head.extensions.get::<FreshProof>().cloned() {
                let (method, uri) = (&head.method, &head.uri);
                proof.attach(method, uri, &mut head.headers).ok()?;
            }
            let request = Request::from_parts(head, body);
            Some(Attempt::new(&client, request, LEFT_BEHIND))
        };
        Some(Self {
            send: Box::new(send),
            connections: CONNECTIONS,
            refusals: REFUSALS,
            // Each takes a while, and is rare.
            left_behind: CONNECTIONS,
        })
    }

    /// Sends the request once more, unless that has been done often enough.
    pub(crate) fn after(&mut self, what: Unprocessed) -> Option<Attempt> {
        let left = match what {
            Unprocessed::GoneAway => &mut self.connections,
            Unprocessed::Refused => &mut self.refusals,
            Unprocessed::LeftBehind => &mut self.left_behind,
        };
        *left = left.checked_sub(1)?;
        let again = (self.send)()?;
        tracing::debug!(target: "hallpass", ?what, "the server has not looked at the request; sending it again");
        Some(again)
    }
}
