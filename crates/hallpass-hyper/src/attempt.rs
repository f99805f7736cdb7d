//! [`Attempt`]: a request on its way, and the connection that carries it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hallpass_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::client::legacy::{
    self,
    connect::{CaptureConnection, capture_connection},
};
use tokio::time::Instant;

use crate::{
    Error,
    connector::Connector,
    stream::Activity,
    taken::{Asked, Taken},
};

/// hyper's client as it is used here, for bodies of type `B`.
pub(crate) type Hyper<B> = legacy::Client<Connector, Asked<B>>;

/// From when on a request that its caller drops says something about its connection.
///
/// Longer than the way around the earth and back takes: callers that drop requests sooner, because
/// another one was faster, must not lose a good connection.
const TELLING: Duration = Duration::from_millis(250);

/// For how long a request stays with a connection that ended before it took the request.
///
/// hyper hands such requests back at once, but can lose one that it is given in the very moment of
/// the end: it lies in a queue that nobody reads, and its caller waits for ever (hyperium/hyper#4122).
/// It has not left, and can go again.
pub(crate) const LEFT_BEHIND: Duration = Duration::from_millis(250);

/// The same for a request that can't be sent again, and so fails.
///
/// Longer than it takes to make another connection, which hyper may be doing for it.
pub(crate) const LEFT_BEHIND_FOR_GOOD: Duration = Duration::from_secs(60);

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
    taken: Taken,
    /// [`LEFT_BEHIND`], or for good.
    patience: Duration,
    watched: Option<Watched>,
}

/// The connection that a request was handed to last, and the wait for its end and some more.
struct Watched {
    connection: Activity,
    outlived: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Attempt {
    pub(crate) fn new<B>(client: &Hyper<B>, request: Request<B>, patience: Duration) -> Self
    where
        B: Body<Data: Send> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let taken = Taken::default();
        let mut request = request.map(|body| taken.body(body));
        let connection = capture_connection(&mut request);
        Self {
            inner: client.request(request),
            connection,
            began: Instant::now(),
            ended: false,
            taken,
            patience,
            watched: None,
        }
    }

    pub(crate) fn connection(&self) -> CaptureConnection {
        self.connection.clone()
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

    fn poll_left_behind(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.taken.is() {
            return Poll::Pending;
        }
        let connected = self.connection.connection_metadata();
        let Some(connection) = connected.as_ref().and_then(Activity::of) else {
            return Poll::Pending;
        };
        // hyper moves a request that it was handed back to another connection.
        let watched = self.watched.take();
        let watched = watched.filter(|watched| watched.connection.is(&connection));
        let mut watched = watched.unwrap_or_else(|| Watched {
            outlived: Box::pin(connection.outlived(self.patience)),
            connection,
        });
        let polled = watched.outlived.as_mut().poll(cx);
        self.watched = Some(watched);
        polled
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
    type Output = Result<Response<Incoming>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = match Pin::new(&mut self.inner).poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome.map_err(Error::from)),
            Poll::Pending => self
                .poll_left_behind(cx)
                .map(|()| Err(Error::left_behind())),
        };
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
