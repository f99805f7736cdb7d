//! [`Pause`]: what a request does between two sendings.

use std::pin::Pin;

use hallpass_core::adapter::{Acquire, Drain, Renewal};
use http::{Request, Response};

/// What a request does while it is not on its way.
///
/// It is taken out, polled and put back, so that each state owns what it needs and the next one is
/// made of it. All is boxed: a future is moved before it is polled, and every request pays for its
/// size, while hardly any ever pauses.
#[derive(Default)]
pub(crate) enum Pause<S, Q, R> {
    /// For a credential, before the first sending.
    Acquiring(Box<Acquiring<S, Q>>),
    /// For another credential; the first answer is the caller's if there is none.
    Renewing(Box<Renewing<R>>),
    /// For the rest of an answer that refused the credential.
    Draining(Pin<Box<Drain<R>>>, Box<Outgoing<S, Q>>),
    /// For the inner service.
    Readying(Box<Outgoing<S, Q>>),
    /// The future has ended, or is being polled.
    #[default]
    Over,
}

pub(crate) struct Acquiring<S, Q> {
    pub(crate) acquire: Acquire,
    pub(crate) outgoing: Outgoing<S, Q>,
    /// Whether the service was polled ready, and has been held since.
    pub(crate) is_ready: bool,
}

pub(crate) struct Renewing<R> {
    pub(crate) renewal: Box<Renewal>,
    pub(crate) response: Response<R>,
}

/// A request, and the service that will send it.
pub(crate) struct Outgoing<S, Q> {
    pub(crate) service: S,
    pub(crate) request: Request<Q>,
}
