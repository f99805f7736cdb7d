//! [`Error`]: why a client has no response.

use std::{error::Error as StdError, fmt};

use hyper_util::client::legacy;

use crate::connector::is_timeout;

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

    /// Whether there was no connection: no address, refused, TLS failed, or not in time. Nothing
    /// of the request was sent.
    pub fn is_connect(&self) -> bool {
        matches!(self.kind, Kind::Connect | Kind::ConnectTimeout)
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
