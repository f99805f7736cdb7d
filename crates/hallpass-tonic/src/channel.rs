//! [`BearerChannel`] and [`bearer`].

use std::fmt;

use hallpass_core::{Authorizer, Cached, Error, Origin};
use hallpass_tower::{BearerLayer, BearerService, Replay, WithoutReplay};
use http::{HeaderMap, StatusCode};
use tonic::transport::Channel;
use tower_layer::Layer as _;

use crate::{Destination, destination::Lead, wire::Wire};

/// A channel for generated clients whose calls carry this credential.
///
/// Takes an [`Endpoint`](tonic::transport::Endpoint), a [`Channel`], or a [`Destination`]; and a
/// [`CredentialSource`](hallpass_core::CredentialSource), or a [`Cached`] to share one credential
/// among several clients. See the [crate's documentation](crate) for an example, and for why an
/// endpoint is better than a channel.
///
/// # Panics
/// With an endpoint, outside a tokio runtime.
pub fn bearer<S>(to: impl Into<Destination<S>>, source: impl Into<Cached>) -> BearerChannel<S> {
    BearerChannel::with(to, Authorizer::new(source))
}

/// A channel whose calls carry an always-fresh credential; [`bearer`] makes one.
///
/// The methods configure it as those of the same names do [`BearerLayer`], and are for before the
/// first call. Every response has an [`Attempt`](hallpass_core::Attempt) among its extensions.
#[derive(Clone)]
pub struct BearerChannel<S = Channel, M = Replay> {
    pub(crate) layer: BearerLayer<M>,
    pub(crate) service: BearerService<Wire<S>, M>,
    pub(crate) lead: Lead,
}

impl<S> BearerChannel<S> {
    /// Takes rules that are configured already.
    ///
    /// # Panics
    /// With an endpoint, outside a tokio runtime.
    pub fn with(to: impl Into<Destination<S>>, authorizer: Authorizer) -> Self {
        let Destination { service, lead } = to.into();
        // The attempt tells which generation the trailers are about.
        let layer = BearerLayer::with(authorizer).report_attempts();
        Self::build(layer, service, lead)
    }

    /// How many bytes of a call's messages are kept for a replay: of a streaming call all that
    /// were sent by the time of the refusal.
    #[must_use]
    pub fn replay_limit(self, bytes: usize) -> Self {
        self.map(|layer| layer.replay_limit(bytes))
    }

    /// Replays nothing: a refused call's status goes to the caller, while the credential is still
    /// dropped, so that the next call gets another.
    #[must_use]
    pub fn without_replay(self) -> BearerChannel<S, WithoutReplay> {
        let layer = self.layer.without_replay();
        BearerChannel::build(layer, self.service.into_inner().0, self.lead)
    }
}

impl<S, M: Clone> BearerChannel<S, M> {
    fn build(layer: BearerLayer<M>, service: S, lead: Lead) -> Self {
        let service = layer.layer(Wire(service));
        Self {
            layer,
            service,
            lead,
        }
    }

    fn map(self, edit: impl FnOnce(BearerLayer<M>) -> BearerLayer<M>) -> Self {
        Self::build(edit(self.layer), self.service.into_inner().0, self.lead)
    }

    /// Binds the credential to these origins; calls to any other go without it.
    ///
    /// # Errors
    /// If one is not an `http` or `https` URL with a host, or there is none.
    pub fn origins<O>(self, origins: impl IntoIterator<Item = O>) -> Result<Self, Error>
    where
        O: TryInto<Origin>,
        Error: From<O::Error>,
    {
        let layer = self.layer.origins(origins)?;
        Ok(Self::build(layer, self.service.into_inner().0, self.lead))
    }

    /// Lets the credential go wherever the channel leads.
    #[must_use]
    pub fn any_origin(self) -> Self {
        self.map(BearerLayer::any_origin)
    }

    /// Lets the credential go over plain `http` to other machines, where anyone on the way reads it.
    #[must_use]
    pub fn dangerously_allow_http(self) -> Self {
        self.map(BearerLayer::dangerously_allow_http)
    }

    /// Replaces metadata of that name that the caller has set, instead of leaving such a call alone.
    #[must_use]
    pub fn overriding(self) -> Self {
        self.map(BearerLayer::overriding)
    }

    /// Also treats answers as a rejection for which this is true. It is asked about an answer's
    /// headers and, with status 200, about its trailers.
    #[must_use]
    pub fn rejected_when(
        self,
        predicate: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.map(|layer| layer.rejected_when(predicate))
    }

    /// The rules, and through them the credential.
    pub const fn authorizer(&self) -> &Authorizer {
        self.service.authorizer()
    }
}

impl<S, M> fmt::Debug for BearerChannel<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerChannel")
            .field("authorizer", self.service.authorizer())
            .field("lead", &self.lead)
            .finish_non_exhaustive()
    }
}
