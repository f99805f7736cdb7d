//! [`Stream`]: a connection that remembers when it last heard from its peer.

use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::Extensions;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::{sync::watch, time::Instant};

use crate::dialer::Socket;

type Inner = MaybeHttpsStream<Socket>;

/// A connection, plain or TLS, with its [`Activity`].
pub(crate) struct Stream {
    inner: Inner,
    /// Whether requests are read by a proxy.
    proxied: bool,
    activity: Activity,
    /// Dropped with the connection, which is what [`Activity::outlived`] waits for.
    _open: watch::Sender<()>,
}

impl Stream {
    pub(crate) fn new(inner: Inner, proxied: bool) -> Self {
        let (open, seen) = watch::channel(());
        Self {
            inner,
            proxied,
            activity: Activity::new(seen),
            _open: open,
        }
    }

    fn project(self: Pin<&mut Self>) -> Pin<&mut Inner> {
        Pin::new(&mut self.get_mut().inner)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = self.inner.connected().extra(self.activity.clone());
        if self.proxied {
            return connected.proxy(true);
        }
        connected
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.inner).poll_read(cx, buf);
        // The end of the connection counts too: then there is nothing to give up.
        if read.is_ready() {
            this.activity.heard();
        }
        read
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().poll_write_vectored(cx, bufs)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

/// What is known of a connection. Travels with its information, on answers and errors alike.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Known>);

struct Known {
    opened: Instant,
    /// When its peer was last heard, in milliseconds after it was opened.
    heard: AtomicU64,
    answered: AtomicBool,
    open: watch::Receiver<()>,
}

impl Activity {
    fn new(open: watch::Receiver<()>) -> Self {
        Self(Arc::new(Known {
            open,
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            answered: AtomicBool::new(false),
        }))
    }

    pub(crate) fn of(connected: &Connected) -> Option<Self> {
        let mut extensions = Extensions::new();
        connected.get_extras(&mut extensions);
        extensions.remove()
    }

    fn heard(&self) {
        let now = self.0.opened.elapsed().as_millis() as u64;
        self.0.heard.store(now, Ordering::Relaxed);
    }

    /// Marks the connection that a response came on.
    pub(crate) fn answered(extensions: &Extensions) {
        if let Some(activity) = extensions.get::<Self>() {
            activity.0.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the connection has brought an answer before.
    pub(crate) fn has_answered(connected: &Connected) -> bool {
        Self::of(connected).is_some_and(|activity| activity.0.answered.load(Ordering::Relaxed))
    }

    /// For how long nothing has come from the peer.
    pub(crate) fn silence(connected: &Connected) -> Option<Duration> {
        let known = Self::of(connected)?.0;
        let heard = Duration::from_millis(known.heard.load(Ordering::Relaxed));
        Some(known.opened.elapsed().saturating_sub(heard))
    }

    /// Waits for the end of the connection, and `more` after it.
    pub(crate) fn outlived(&self, more: Duration) -> impl Future<Output = ()> + Send + use<> {
        let mut open = self.0.open.clone();
        async move {
            // Nothing is ever said on it: it ends.
            let _ = open.changed().await;
            tokio::time::sleep(more).await;
        }
    }

    /// Whether both are of one connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
