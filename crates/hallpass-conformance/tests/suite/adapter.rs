//! [`Adapter`]: what a client stack must be able to do to be run against the table.

use std::{error::Error as StdError, future::Future, iter};

use bytes::Bytes;
use hallpass_core::{Attempt, Authorizer, Cached, Error};
use hallpass_testkit::Server;
use http::Uri;

use crate::case::Below;

/// A client stack with its adapter. A new one gets every case by implementing this.
pub(crate) trait Adapter: Clone + Send + Sync + 'static {
    type Client: Clone + Send + Sync + 'static;

    /// Also the name by which rows of the table speak of it.
    fn name(&self) -> &'static str;

    /// What must stand between it and the API, and its URL. gRPC needs a gateway.
    fn front(&self, api: &Server) -> impl Future<Output = Front> + Send;

    /// A client with these rules.
    fn client(&self, rules: Authorizer, replays: bool, below: Below) -> Self::Client;

    fn send(&self, client: &Self::Client, message: Message)
    -> impl Future<Output = Outcome> + Send;

    /// The code by which a caller sees that the API answered with this HTTP status.
    fn code(&self, status: u16) -> u16 {
        status
    }

    /// How the API sees a body.
    fn wire(&self, body: &Body) -> Bytes {
        body.whole()
    }

    /// By how much that is longer than a body that is sent in one piece.
    fn framing(&self) -> usize {
        0
    }

    /// Whether a refusal that reaches the caller can carry an [`Attempt`].
    fn refusals_tell_the_attempt(&self) -> bool {
        true
    }
}

/// Where the API is to be had, for as long as this lives.
pub(crate) struct Front {
    /// Scheme, host and port.
    pub(crate) url: String,
    pub(crate) gateway: Option<tokio::task::AbortHandle>,
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(gateway) = &self.gateway {
            gateway.abort();
        }
    }
}

/// A request, whatever it is sent with.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) url: Uri,
    /// The caller's own.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    pub(crate) without_credential: bool,
    pub(crate) with: Option<Cached>,
    pub(crate) key: Option<Tenant>,
}

/// The key of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tenant {
    Usual,
    Another,
    Unknown,
}

#[derive(Clone)]
pub(crate) enum Body {
    None,
    Bytes(Bytes),
    /// In pieces, without a length.
    Streamed(Vec<Bytes>),
}

impl Body {
    pub(crate) fn whole(&self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Streamed(pieces) => pieces.concat().into(),
        }
    }
}

/// What the caller gets.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// An HTTP status, or a gRPC code.
    Answer {
        code: u16,
        attempt: Option<Attempt>,
    },
    Failed(Failure),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No credential, for now.
    Transient,
    /// No credential, until somebody changes something.
    Permanent,
    /// The credential may not go there.
    Destination,
    /// There is no credential for the request's key, or no key.
    UnknownKey,
    /// Something else than the credential.
    Other(String),
}

impl Failure {
    /// By the engine's error in an error's chain.
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        let reason = iter::successors(Some(error), |&error| error.source())
            .find_map(<dyn StdError>::downcast_ref::<Error>);
        match reason {
            None => Self::Other(format!("{error:?}")),
            Some(error) if error.is_destination() => Self::Destination,
            Some(error) if error.is_unknown_key() => Self::UnknownKey,
            Some(error) if error.is_permanent() => Self::Permanent,
            Some(_) => Self::Transient,
        }
    }
}
