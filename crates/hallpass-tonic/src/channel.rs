//! [`BearerChannel`] and [`bearer`].

use std::fmt;

use hallpass_core::{Authorizer, Cached, Keyed, keyed::Key};
use hallpass_tower::{BearerLayer, BearerService, REPLAY_LIMIT, Replay, WithoutReplay};
use tokio::runtime::Handle;
use tonic::transport::Channel;
use tower_layer::Layer as _;

use crate::{
    Destination,
    destination::Address,
    wire::{Replays, Wire},
};

/// A channel for generated clients whose calls carry this credential.
///
/// Takes an [`Endpoint`], a [`Channel`], or a [`Destination`]; and a
/// [`CredentialSource`](hallpass_core::CredentialSource), or a [`Cached`] to share one credential
/// among several clients. See the [crate's documentation](crate) for an example, and for why an
/// endpoint is better than a channel.
///
/// [`Endpoint`]: https://docs.rs/tonic/latest/tonic/transport/struct.Endpoint.html
/// [`Channel`]: https://docs.rs/tonic/latest/tonic/transport/struct.Channel.html
///
/// # Panics
/// With an endpoint, outside a tokio runtime.
pub fn bearer<S>(to: impl Into<Destination<S>>, source: impl Into<Cached>) -> BearerChannel<S> {
    BearerChannel::with(to, Authorizer::new(source))
}

/// A channel whose calls carry an always-fresh credential; [`bearer`] makes one.
///
/// The methods configure it as those of the same names do [`BearerLayer`], and are for before the
/// first call.
#[derive(Clone)]
pub struct BearerChannel<S = Channel, M = Replay> {
    pub(crate) service: BearerService<Wire<S>, M>,
    pub(crate) address: Address,
    mode: Mode<M>,
}

/// How the layer is made again when a rule changes.
#[derive(Debug, Clone, Copy)]
struct Mode<M> {
    limit: usize,
    make: fn(Authorizer, usize) -> BearerLayer<M>,
}

impl<S> BearerChannel<S> {
    /// Takes one credential for each key; each request gets that of its own key.
    ///
    /// A request whose key is missing or unknown fails with a [typed
    /// error](hallpass_core::Error::is_unknown_key), and nothing is sent.
    ///
    /// The key of a call stands among its extensions:
    /// [`tonic::Request::extensions_mut`](https://docs.rs/tonic/latest/tonic/struct.Request.html#method.extensions_mut).
    ///
    /// # Panics
    /// With an endpoint, outside a tokio runtime.
    pub fn keyed<K: Key>(to: impl Into<Destination<S>>, keyed: Keyed<K>) -> Self {
        Self::with(to, Authorizer::keyed(keyed))
    }

    /// Takes rules that are configured already.
    ///
    /// # Panics
    /// With an endpoint, outside a tokio runtime.
    pub fn with(to: impl Into<Destination<S>>, authorizer: Authorizer) -> Self {
        let Destination { service, address } = to.into();
        // The first call may come from a plain thread.
        authorizer.cached().remember_runtime();
        let wire = Wire {
            inner: service,
            replays: Replays::OneMessage,
            runtime: Handle::try_current().ok(),
        };
        let mode = Mode {
            limit: REPLAY_LIMIT,
            make: |authorizer, limit| BearerLayer::with(authorizer).replay_limit(limit),
        };
        Self::build(authorizer.report_evidence(), wire, address, mode)
    }

    /// How many bytes of a call's messages are kept for a replay.
    #[must_use]
    pub fn replay_limit(mut self, bytes: usize) -> Self {
        self.mode.limit = bytes;
        let authorizer = self.authorizer().clone();
        self.with_rules(authorizer)
    }

    /// Also replays calls that stream their messages, with all that was sent by the time of the
    /// refusal and whatever follows.
    ///
    /// A server may have acted on such messages before it refused the call, and acts on them again
    /// then. So this is for servers that check the credential before they read, or whose methods may
    /// be repeated.
    #[must_use]
    pub fn replay_client_streams(mut self) -> Self {
        let authorizer = self.authorizer().clone();
        self.service.get_mut().replays = Replays::Streams;
        self.with_rules(authorizer)
    }

    /// Replays nothing: a refused call's status goes to the caller, while the credential is still
    /// renewed, so that the next call gets another.
    #[must_use]
    pub fn without_replay(self) -> BearerChannel<S, WithoutReplay> {
        let authorizer = self.authorizer().clone();
        let mode = Mode {
            limit: 0,
            make: |authorizer, _| BearerLayer::with(authorizer).without_replay(),
        };
        let mut wire = self.service.into_inner();
        wire.replays = Replays::None;
        BearerChannel::build(authorizer, wire, self.address, mode)
    }
}

impl<S, M: Clone> BearerChannel<S, M> {
    hallpass_core::adapter::setters!();

    fn build(authorizer: Authorizer, wire: Wire<S>, address: Address, mode: Mode<M>) -> Self {
        let service = (mode.make)(authorizer, mode.limit).layer(wire);
        Self {
            service,
            address,
            mode,
        }
    }

    fn with_rules(self, authorizer: Authorizer) -> Self {
        Self::build(
            authorizer,
            self.service.into_inner(),
            self.address,
            self.mode,
        )
    }

    fn edit<E>(self, edit: impl FnOnce(Authorizer) -> Result<Authorizer, E>) -> Result<Self, E> {
        let authorizer = edit(self.authorizer().clone())?;
        Ok(self.with_rules(authorizer))
    }
}

impl<S, M> BearerChannel<S, M> {
    /// The rules, and through them the credential.
    pub const fn authorizer(&self) -> &Authorizer {
        self.service.authorizer()
    }
}

impl<S, M> fmt::Debug for BearerChannel<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerChannel")
            .field("authorizer", self.service.authorizer())
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
