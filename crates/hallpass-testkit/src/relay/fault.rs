//! [`LinkFault`]: what can be wrong with a connection.

use std::time::Duration;

/// What is wrong with the way to a server; see [`Relay::set`](crate::Relay::set).
///
/// Unless it says otherwise, a fault holds for whatever passes while it is set, on new connections
/// and on those that stand already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkFault {
    /// Nobody listens: connections that stand are reset, and new ones are refused.
    Refused,
    /// Connections are taken in and nothing passes any more, as when the peer's machine is gone.
    /// A connection that has met this stays silent, also when the fault is over.
    HalfOpen,
    /// The server gets the request, and the connection is reset before a byte of its answer passes.
    ResetBeforeHead,
    /// The head of the answer passes, then the connection is reset.
    ResetAfterHead,
    /// The head and a part of the body pass, then the connection is reset. An answer without a body
    /// passes.
    ResetInBody,
    /// A connection is reset when a request arrives on it after an answer has passed: the server
    /// had closed it as idle while the request was under way. The server doesn't get the request.
    ResetReused,
    /// Whatever the server says arrives this much later.
    Latency(Duration),
    /// The server's words arrive at this many bytes a second.
    Throttled(u32),
    /// The server's words arrive in pieces of this many bytes.
    Sliced(usize),
    /// A relay with TLS shows a certificate for another name.
    #[cfg(feature = "tls")]
    WrongName,
    /// A relay with TLS shows a certificate that ended in the year 2001.
    #[cfg(feature = "tls")]
    Expired,
    /// A relay with TLS speaks none.
    #[cfg(feature = "tls")]
    PlainPort,
}
