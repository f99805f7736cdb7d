//! [`Error`]: why a call failed.

use std::{error::Error as StdError, fmt, time::Duration};

use hallpass::{BoxError, tower::Error as CallError};
use http::StatusCode;

/// Why a call failed. No message holds a token, a secret or an answer's body.
pub struct Error {
    kind: Kind,
    source: Option<BoxError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A setting is missing.
    Unset(&'static str),
    /// No credential could be had.
    Credential,
    /// The call can't be put into a request.
    Request,
    /// No answer.
    Connection,
    TooLate(Duration),
    Refused(StatusCode, Option<String>),
    Unexpected(StatusCode),
    /// Two pages name the same one as their next.
    Endless,
}

impl Error {
    pub(crate) fn unset(what: &'static str) -> Self {
        Self::of(Kind::Unset(what))
    }

    pub(crate) fn request(source: impl Into<BoxError>) -> Self {
        Self::of(Kind::Request).caused(source)
    }

    pub(crate) fn broken(source: impl Into<BoxError>) -> Self {
        Self::of(Kind::Connection).caused(source)
    }

    pub(crate) fn too_late(limit: Duration) -> Self {
        Self::of(Kind::TooLate(limit))
    }

    pub(crate) fn endless() -> Self {
        Self::of(Kind::Endless)
    }

    /// The server's own word for it is short and says nothing secret, unlike the rest of its body.
    pub(crate) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let json = serde_json::from_slice::<serde_json::Value>(body).ok();
        let word = json.as_ref().and_then(|json| json["message"].as_str());
        let word = word.map(|word| word.chars().filter(|char| !char.is_control()));
        let word = word.map(|word| word.take(200).collect());
        Self::of(Kind::Refused(status, word))
    }

    pub(crate) fn unexpected(status: StatusCode, source: &serde_json::Error) -> Self {
        // What serde quotes of a body are single values.
        Self::of(Kind::Unexpected(status)).caused(format!(
            "line {}, column {}",
            source.line(),
            source.column()
        ))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, source: None }
    }

    fn caused(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self.kind {
            Kind::Refused(status, _) | Kind::Unexpected(status) => Some(status),
            _ => None,
        }
    }

    /// Why there is no credential, if that is it.
    pub fn credential(&self) -> Option<&hallpass::Error> {
        self.source.as_deref()?.downcast_ref()
    }

    /// Whether time ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::TooLate(_))
    }

    pub(crate) fn is_connection(&self) -> bool {
        self.kind == Kind::Connection
    }
}

impl From<hallpass::Error> for Error {
    fn from(error: hallpass::Error) -> Self {
        Self::of(Kind::Credential).caused(error)
    }
}

impl From<CallError<hallpass::hyper::Error>> for Error {
    fn from(error: CallError<hallpass::hyper::Error>) -> Self {
        match error {
            CallError::Credential(error) => error.into(),
            CallError::Inner(error) => Self::broken(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Unset(what) => f.write_str(what),
            Kind::Credential => f.write_str("there is no credential for Atlar"),
            Kind::Request => f.write_str("this can't be asked of Atlar"),
            Kind::Connection => f.write_str("no answer from Atlar"),
            Kind::TooLate(limit) => {
                write!(f, "no answer from Atlar within {} s", limit.as_secs_f64())
            }
            Kind::Refused(status, None) => write!(f, "Atlar answered {status}"),
            Kind::Refused(status, Some(word)) => write!(f, "Atlar answered {status}: {word}"),
            Kind::Unexpected(status) => {
                write!(
                    f,
                    "Atlar answered {status} with something else than expected"
                )
            }
            Kind::Endless => f.write_str("Atlar's pages lead back to one that was there before"),
        }
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
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
