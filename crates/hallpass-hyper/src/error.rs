//! [`Error`]: why a client has no response.

use std::{error::Error as StdError, fmt};

use hallpass_core::BoxError;
use hallpass_oauth2::transport::is_local;
use hyper_util::client::legacy;

use crate::{connector::is_timeout, unprocessed::Unprocessed};

/// Why a [`Client`](crate::Client) has no response.
///
/// `Display` is one sentence without its [`source`](StdError::source), and neither holds a header,
/// a body or the path of a URL, unless the request's own body failed with an error that does.
pub struct Error {
    kind: Kind,
    source: Option<legacy::Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    ConnectTimeout,
    Unprocessed,
    Exchange,
    Timeout,
}

impl Error {
    pub(crate) fn out_of_time() -> Self {
        Self {
            kind: Kind::Timeout,
            source: None,
        }
    }

    /// The connection ended before it took the request.
    pub(crate) fn left_behind() -> Self {
        Self {
            kind: Kind::Unprocessed,
            source: None,
        }
    }

    pub(crate) fn is_left_behind(&self) -> bool {
        self.kind == Kind::Unprocessed && self.source.is_none()
    }

    /// In which way the server has not looked at the request, if it had the chance.
    pub(crate) fn unprocessed(&self) -> Option<Unprocessed> {
        if self.is_left_behind() {
            return Some(Unprocessed::LeftBehind);
        }
        Unprocessed::of(self.source.as_ref()?)
    }

    /// What hyper said, where it said something.
    pub(crate) fn into_cause(self) -> BoxError {
        match self.source {
            Some(source) => source.into(),
            None => self.into(),
        }
    }

    pub(crate) fn hyper(&self) -> Option<&legacy::Error> {
        self.source.as_ref()
    }

    /// Whether there was no connection: no address, refused, TLS failed, or not in time. Nothing
    /// of the request was sent.
    pub fn is_connect(&self) -> bool {
        matches!(self.kind, Kind::Connect | Kind::ConnectTimeout)
    }

    /// Whether the server has not acted on the request, so that it is safe to send it again, a POST
    /// too: there was no connection, it ended before it took the request, or an HTTP/2 server said
    /// that it has not looked at it (GOAWAY, `REFUSED_STREAM`: RFC 9113 §8.7).
    ///
    /// A request whose body is kept has been sent again already. If this is false, the server may have
    /// acted on the request, or not.
    pub fn is_unprocessed(&self) -> bool {
        self.is_connect() || self.kind == Kind::Unprocessed
    }

    /// Whether this machine had no means for a connection: no file descriptor, port or buffer. It
    /// says nothing about the server.
    pub fn is_local(&self) -> bool {
        self.source.as_ref().is_some_and(|source| is_local(source))
    }

    /// Whether time ran out, while connecting or while waiting for the head of the answer.
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::ConnectTimeout | Kind::Timeout)
    }
}

impl From<legacy::Error> for Error {
    fn from(source: legacy::Error) -> Self {
        let kind = match source.is_connect() {
            true if is_timeout(&source) => Kind::ConnectTimeout,
            true => Kind::Connect,
            false if Unprocessed::of(&source).is_some() => Kind::Unprocessed,
            false => Kind::Exchange,
        };
        Self {
            kind,
            source: Some(source),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Connect => "no connection",
            Kind::ConnectTimeout => "no connection in time",
            Kind::Unprocessed => "the server did not look at the request",
            Kind::Exchange => "the exchange failed before a response came",
            Kind::Timeout => "no response in time",
        })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
