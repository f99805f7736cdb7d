//! [`Transport`]: how a token request gets to its endpoint. This crate opens no socket itself.

use std::{error::Error as StdError, fmt, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass_core::BoxError;
use http::{Request, Response};

/// The largest answer of a token endpoint that is read, counted after decoding: 1 MiB, well above
/// any real one and low enough that a hostile one costs nothing.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// Sends one request to a token endpoint and brings back the whole answer.
///
/// An implementation must not follow redirects (they would carry the secret elsewhere), must stop
/// reading at [`BODY_LIMIT`], must end the exchange when its future is dropped, and must not log
/// headers or bodies. It may send a request once more whose reused connection turned out to be dead,
/// unless [`SendOnce`](hallpass_core::adapter::SendOnce) is among its extensions; every other try is
/// the source's to make.
pub trait Transport: Send + Sync + 'static {
    /// Sends `request` and reads the whole answer within `limit`.
    ///
    /// # Errors
    /// A [`TransportError`] that says in which phase it failed. Any status is an answer, not an
    /// error.
    ///
    /// # Cancel safety
    /// Dropping the future ends the exchange.
    fn send(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send;
}

impl<T: Transport> Transport for Arc<T> {
    fn send(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send {
        T::send(self, request, limit)
    }
}

/// In which phase an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// No connection: name resolution, refusal, TLS.
    Connect,
    /// The connection ended before the answer was whole. Idle connections that a server has closed
    /// show up here.
    Exchange,
    /// The answer is larger than [`BODY_LIMIT`].
    TooLarge,
    /// Time ran out while connecting.
    ConnectTimeout,
    /// Time ran out after the connection stood.
    ExchangeTimeout,
}

/// Why there is no answer.
pub struct TransportError {
    phase: Phase,
    source: Option<BoxError>,
}

impl TransportError {
    /// An error of this phase without a cause of its own.
    pub fn new(phase: Phase) -> Self {
        Self {
            phase,
            source: None,
        }
    }

    /// An error of this phase and its cause, whose text must hold no URL query and no secret.
    pub fn caused(phase: Phase, source: impl Into<BoxError>) -> Self {
        Self {
            phase,
            source: Some(source.into()),
        }
    }

    pub(crate) fn into_cause(self) -> Option<BoxError> {
        self.source
    }

    /// The phase it failed in.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether this machine had no means for a connection: see [`is_local`].
    ///
    /// It says nothing about the token endpoint, and is over as soon as something is released, so
    /// that the next attempt needs no long pause.
    pub fn is_local(&self) -> bool {
        self.source
            .as_deref()
            .is_some_and(|source| is_local(source))
    }
}

/// Whether an error, or anything behind it, says that this process or machine is out of file
/// descriptors, ports or buffers.
pub fn is_local(error: &(dyn StdError + 'static)) -> bool {
    // `ErrorKind` has no stable name for these. EMFILE and ENFILE have the same numbers everywhere.
    #[cfg(windows)]
    const CODES: &[i32] = &[10024, 10055];
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CODES: &[i32] = &[23, 24, 105];
    #[cfg(not(any(windows, target_os = "linux", target_os = "android")))]
    const CODES: &[i32] = &[23, 24, 55];

    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| {
            error.kind() == io::ErrorKind::AddrNotAvailable
                || error
                    .raw_os_error()
                    .is_some_and(|code| CODES.contains(&code))
        })
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.phase {
            Phase::Connect => "no connection",
            Phase::Exchange => "the connection ended before the answer was whole",
            Phase::TooLarge => "the answer is larger than 1 MiB",
            Phase::ConnectTimeout => "no connection in time",
            Phase::ExchangeTimeout => "no answer in time",
        })
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportError")
            .field("phase", &self.phase)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

pub(crate) type Answer<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send + 'a>>;

/// The same trait behind a pointer, so that sources have no type parameter.
pub(crate) trait DynTransport: Send + Sync + 'static {
    fn send(&self, request: Request<Bytes>, limit: Duration) -> Answer<'_>;
}

impl<T: Transport> DynTransport for T {
    fn send(&self, request: Request<Bytes>, limit: Duration) -> Answer<'_> {
        Box::pin(Transport::send(self, request, limit))
    }
}
