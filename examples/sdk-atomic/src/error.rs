//! [`Error`]: why a call failed.

use std::{error::Error as StdError, fmt};

use hallpass::{BoxError, reqwest::credential_error};
use reqwest::StatusCode;

use crate::Role;

/// Why a call failed. No message holds a token, a secret or an answer's body.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    source: Option<BoxError>,
}

#[derive(Debug)]
enum Kind {
    NoClient(Role),
    /// No credential could be had.
    Credential,
    /// No answer, or not what was expected.
    Http,
    Refused(StatusCode),
    Unsaved,
}

impl Error {
    pub(crate) fn no_client(role: Role) -> Self {
        Self::of(Kind::NoClient(role), None)
    }

    pub(crate) fn refused(status: StatusCode) -> Self {
        Self::of(Kind::Refused(status), None)
    }

    pub(crate) fn unsaved(source: BoxError) -> Self {
        Self::of(Kind::Unsaved, Some(source))
    }

    fn of(kind: Kind, source: Option<BoxError>) -> Self {
        Self { kind, source }
    }

    /// The status of the answer, if Atomic refused the call.
    pub fn status(&self) -> Option<StatusCode> {
        match self.kind {
            Kind::Refused(status) => Some(status),
            _ => None,
        }
    }

    /// Why there is no credential, if that is it.
    pub fn credential(&self) -> Option<&hallpass::Error> {
        credential_error(self.source.as_deref()?)
    }

    /// Whether a new secret is in use and could not be saved: the next start of the program would have
    /// the old one, which works no more.
    pub fn is_unsaved(&self) -> bool {
        matches!(self.kind, Kind::Unsaved)
    }
}

impl From<hallpass::Error> for Error {
    fn from(error: hallpass::Error) -> Self {
        Self::of(Kind::Credential, Some(error.into()))
    }
}

impl From<reqwest_middleware::Error> for Error {
    fn from(error: reqwest_middleware::Error) -> Self {
        let kind = match credential_error(&error) {
            Some(_) => Kind::Credential,
            None => Kind::Http,
        };
        Self::of(kind, Some(error.into()))
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        Self::of(Kind::Http, Some(error.into()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::NoClient(role) => write!(f, "no client is set for the role {role:?}"),
            Kind::Credential => f.write_str("there is no credential for Atomic"),
            Kind::Http => f.write_str("no answer from Atomic that could be read"),
            Kind::Refused(status) => write!(f, "Atomic answered {status}"),
            Kind::Unsaved => f.write_str("the new secret is in use but could not be saved"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
