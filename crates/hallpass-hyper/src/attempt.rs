//! [`Attempt`]: a request on its way, and the connection that carries it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hallpass_core::BoxError;
use hallpass_tower::ReplayBody;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::{
    self,
    connect::{CaptureConnection, capture_connection},
};
use tokio::time::Instant;

use crate::{connector::Connector, stream::Activity};

/// From when on a request that its caller drops says something about its connection.
///
/// Longer than the way around the earth and back takes: callers that drop requests sooner, because
/// another one was faster, must not lose a good connection.
const TELLING: Duration = Duration::from_millis(250);

/// A request on its way.
///
/// If it ends without an answer, and its connection has been silent for the better part of the
/// time, the connection is given up: an HTTP/2 peer that stands still while its system acknowledges
/// everything would hold the next request too.
pub(crate) struct Attempt {
    inner: legacy::ResponseFuture,
    connection: CaptureConnection,
    began: Instant,
    ended: bool,
}

impl Attempt {
    pub(crate) fn new<B>(
        client: &legacy::Client<Connector, ReplayBody<B>>,
        mut request: Request<ReplayBody<B>>,
    ) -> Self
    where
        B: Body + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let connection = capture_connection(&mut request);
        Self {
            inner: client.request(request),
            connection,
            began: Instant::now(),
            ended: false,
        }
    }

    /// No further request goes out on this one's connection.
    pub(crate) fn give_up_connection(&self) {
        if let Some(connected) = &*self.connection.connection_metadata() {
            connected.poison();
        }
    }

    /// Its time is over.
    pub(crate) fn out_of_time(&mut self) {
        self.ended = true;
        self.give_up_if_silent();
    }

    fn give_up_if_silent(&self) {
        let connected = self.connection.connection_metadata();
        let silence = connected.as_ref().and_then(Activity::silence);
        if silence.is_some_and(|silence| silence * 2 >= self.began.elapsed()) {
            self.give_up_connection();
        }
    }
}

impl Future for Attempt {
    type Output = Result<Response<Incoming>, legacy::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.inner).poll(cx);
        self.ended |= polled.is_ready();
        polled
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended && self.began.elapsed() >= TELLING {
            self.give_up_if_silent();
        }
    }
}
