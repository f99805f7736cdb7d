//! [`Dialer`]: whatever makes connections, before there is TLS on them.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hallpass_core::BoxError;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use tower_service::Service;

/// How long sent data may stay unacknowledged, and how long a silent connection goes unprobed.
///
/// Without it a peer that vanished holds an HTTP/2 connection, and every request that shares it,
/// for the quarter of an hour that TCP is patient.
const DEAD_PEER: Duration = Duration::from_secs(30);

type Dialing = Pin<Box<dyn Future<Output = Result<Socket, BoxError>> + Send>>;

/// A connector of any type.
#[derive(Clone)]
pub(crate) struct Dialer(Arc<dyn Dial>);

trait Dial: Send + Sync {
    fn dial(&self, destination: Uri) -> Dialing;
}

struct Erased<C>(C);

impl<C> Dial for Erased<C>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Read + Write + Connection + Send + Unpin + 'static,
    C::Error: Into<BoxError>,
    C::Future: Send,
{
    fn dial(&self, destination: Uri) -> Dialing {
        let mut connector = self.0.clone();
        Box::pin(async move {
            let ready = poll_fn(|context| connector.poll_ready(context)).await;
            ready.map_err(Into::into)?;
            let connected = connector.call(destination).await.map_err(Into::into)?;
            Ok(Socket(Box::new(connected)))
        })
    }
}

impl Dialer {
    pub(crate) fn new<C>(connector: C) -> Self
    where
        C: Service<Uri> + Clone + Send + Sync + 'static,
        C::Response: Read + Write + Connection + Send + Unpin + 'static,
        C::Error: Into<BoxError>,
        C::Future: Send,
    {
        Self(Arc::new(Erased(connector)))
    }

    /// TCP, by the names that the system resolves.
    pub(crate) fn tcp(limit: Duration) -> Self {
        Self::new(tcp(HttpConnector::new(), limit))
    }
}

/// TCP as everything here wants it, by whatever resolves names.
pub(crate) fn tcp<R>(mut tcp: HttpConnector<R>, limit: Duration) -> HttpConnector<R> {
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(DEAD_PEER));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    tcp.set_tcp_user_timeout(Some(DEAD_PEER));
    // Shared out among a name's addresses, so that the first cannot use up all of it.
    tcp.set_connect_timeout(Some(limit));
    tcp
}

impl Service<Uri> for Dialer {
    type Response = Socket;
    type Error = BoxError;
    type Future = Dialing;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Each connection has a connector of its own, which is waited for when it is made.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: Uri) -> Dialing {
        self.0.dial(destination)
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

trait Io: Read + Write + Connection + Send + Unpin {}

impl<T: Read + Write + Connection + Send + Unpin> Io for T {}

/// A connection of any type.
pub(crate) struct Socket(Box<dyn Io>);

impl Connection for Socket {
    fn connected(&self) -> Connected {
        self.0.connected()
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write_vectored(cx, bufs)
    }
}
