//! [`BearerLayer`].

use hallpass_core::{Authorizer, Cached, Error, Origin};
use http::{HeaderMap, StatusCode};
use tower_layer::Layer;

use crate::{BearerService, PeekingLayer, REPLAY_LIMIT, Replay, WithoutReplay};

/// Puts a credential on every request; see the [crate's documentation](crate) for an example.
///
/// By default a request whose credential is refused is replayed once, with its body if that is no
/// longer than [`REPLAY_LIMIT`]. To replay, the layer wraps the body: the inner service gets a
/// `Request<ReplayBody<B>>`. [`without_replay`](Self::without_replay) leaves the type alone.
///
/// Without [`origins`](Self::origins) those hold that the source names (a vendor's profile does);
/// if it names none, the credential is bound to the first origin that it is used for.
#[derive(Debug, Clone)]
pub struct BearerLayer<M = Replay> {
    authorizer: Authorizer,
    mode: M,
}

impl BearerLayer {
    /// Takes a [`CredentialSource`](hallpass_core::CredentialSource), or a [`Cached`] to share one
    /// credential among several clients.
    pub fn new(source: impl Into<Cached>) -> Self {
        Self::with(Authorizer::new(source))
    }

    /// Takes rules that are configured already.
    pub fn with(authorizer: Authorizer) -> Self {
        Self {
            authorizer,
            mode: Replay {
                limit: REPLAY_LIMIT,
            },
        }
    }

    /// How many bytes of a body are kept for a replay.
    #[must_use]
    pub fn replay_limit(mut self, bytes: usize) -> Self {
        self.mode.limit = bytes;
        self
    }

    /// Replays nothing: a refused request's answer goes to the caller, while the credential is
    /// still dropped, so that the next request gets another.
    #[must_use]
    pub fn without_replay(self) -> BearerLayer<WithoutReplay> {
        BearerLayer {
            authorizer: self.authorizer,
            mode: WithoutReplay,
        }
    }
}

impl<M> BearerLayer<M> {
    /// Looks at the first 4 KiB of successful answers, too, for a source whose vendor refuses a
    /// token within a 200, as some profiles do. The response's body becomes a
    /// [`PeekedBody`](crate::PeekedBody), and its head comes up when that start is there.
    #[must_use]
    pub fn looking_at_bodies(self) -> PeekingLayer<M> {
        PeekingLayer { bearer: self }
    }

    pub(crate) fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// Binds the credential to these origins; requests to any other go without it.
    ///
    /// # Errors
    /// If one is not an `http` or `https` URL with a host, or there is none.
    pub fn origins<O>(self, origins: impl IntoIterator<Item = O>) -> Result<Self, Error>
    where
        O: TryInto<Origin>,
        Error: From<O::Error>,
    {
        let authorizer = self.authorizer.origins(origins)?;
        Ok(Self { authorizer, ..self })
    }

    /// Lets the credential go anywhere. Only for a client that can reach nothing else.
    #[must_use]
    pub fn any_origin(self) -> Self {
        self.map(Authorizer::any_origin)
    }

    /// Lets the credential go over plain `http` to other machines, where anyone on the way reads it.
    #[must_use]
    pub fn dangerously_allow_http(self) -> Self {
        self.map(Authorizer::dangerously_allow_http)
    }

    /// Replaces a header that the caller has set, instead of leaving such a request alone.
    #[must_use]
    pub fn overriding(self) -> Self {
        self.map(Authorizer::overriding)
    }

    /// Also treats answers as a rejection for which this is true, such as a vendor's 419.
    #[must_use]
    pub fn rejected_when(
        self,
        predicate: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.map(|authorizer| authorizer.rejected_when(predicate))
    }

    /// Puts an [`Attempt`](hallpass_core::Attempt) on every response; without this, only those
    /// have one that waited for a credential or were replayed.
    #[must_use]
    pub fn report_attempts(self) -> Self {
        self.map(Authorizer::report_attempts)
    }

    fn map(self, edit: impl FnOnce(Authorizer) -> Authorizer) -> Self {
        Self {
            authorizer: edit(self.authorizer),
            mode: self.mode,
        }
    }
}

impl<S, M: Clone> Layer<S> for BearerLayer<M> {
    type Service = BearerService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerService::new(inner, self.authorizer.clone(), self.mode.clone())
    }
}
