//! [`BearerLayer`].

use hallpass_core::{Authorizer, Cached, Keyed, keyed::Key};
use tower_layer::Layer;

use crate::{BearerService, REPLAY_LIMIT, Replay, WithoutReplay, service::Settings};

/// Puts a credential on every request; see the [crate's documentation](crate) for an example.
///
/// By default a request whose credential is refused is replayed once, with its body if that is no
/// longer than [`REPLAY_LIMIT`]. To replay, the layer wraps the body: the inner service gets a
/// `Request<ReplayBody<B>>`. For a client below that takes one type of body only there is
/// [`keeping_type`](Self::keeping_type), which replays too; [`without_replay`](Self::without_replay)
/// leaves the type alone and replays nothing.
///
/// Without [`origins`](Self::origins) those hold that the source names (a vendor's profile does);
/// if it names none, the credential is bound to the first origin that it is used for.
#[derive(Debug, Clone)]
pub struct BearerLayer<M = Replay> {
    settings: Settings<M>,
}

impl BearerLayer {
    /// Takes a [`CredentialSource`](hallpass_core::CredentialSource), or a [`Cached`] to share one
    /// credential among several clients.
    pub fn new(source: impl Into<Cached>) -> Self {
        Self::with(Authorizer::new(source))
    }

    /// Takes a source if there is one. Without one, requests go as they are, through a stack of the
    /// same type: for programs whose settings may name no credential.
    ///
    /// tower's `option_layer` takes this layer only in the forms that keep the body's type and whose
    /// error is a box: [`keeping_type`](Self::keeping_type), or
    /// [`without_replay`](Self::without_replay) and [`boxed`](Self::boxed); and only above a service
    /// whose error is a box too.
    ///
    /// ```
    /// # use hallpass_core::Credential;
    /// # use hallpass_tower::BearerLayer;
    /// let token = std::env::var("EXAMPLE_TOKEN").ok();
    /// let source = token.map(|token| Credential::bearer(&token)).transpose()?;
    /// let layer = BearerLayer::optional(source).origins(["https://api.example.com"])?;
    /// # drop(layer);
    /// # Ok::<(), hallpass_core::Error>(())
    /// ```
    pub fn optional(source: Option<impl Into<Cached>>) -> Self {
        Self::with(Authorizer::optional(source))
    }

    /// Takes one credential for each key; each request gets that of its own key.
    ///
    /// A request whose key is missing or unknown fails with a [typed
    /// error](hallpass_core::Error::is_unknown_key), and nothing is sent.
    ///
    /// ```
    /// # use hallpass_core::{Credential, Keyed};
    /// # use hallpass_tower::BearerLayer;
    /// #[derive(Clone, PartialEq, Eq, Hash)]
    /// struct Tenant(u64);
    ///
    /// let tenants = Keyed::new(|Tenant(id): &Tenant| Credential::bearer(&format!("of-{id}")));
    /// let layer = BearerLayer::keyed(tenants).origins(["https://api.example.com"])?;
    ///
    /// let mut request = http::Request::get("https://api.example.com/items").body(())?;
    /// request.extensions_mut().insert(Tenant(7));
    /// # drop((layer, request));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keyed<K: Key>(keyed: Keyed<K>) -> Self {
        Self::with(Authorizer::keyed(keyed))
    }

    /// Takes rules that are configured already.
    pub fn with(authorizer: Authorizer) -> Self {
        Self {
            settings: Settings {
                authorizer,
                mode: Replay {
                    limit: REPLAY_LIMIT,
                },
                holds_ready: false,
                peeks: false,
            },
        }
    }

    /// How many bytes of a body are kept for a replay.
    #[must_use]
    pub fn replay_limit(mut self, bytes: usize) -> Self {
        self.settings.mode.limit = bytes;
        self
    }

    /// Replays nothing: a refused request's answer goes to the caller, while the credential is
    /// still renewed, so that the next request gets another.
    #[must_use]
    pub fn without_replay(self) -> BearerLayer<WithoutReplay> {
        let Settings {
            authorizer,
            holds_ready,
            peeks,
            ..
        } = self.settings;
        BearerLayer {
            settings: Settings {
                authorizer,
                mode: WithoutReplay,
                holds_ready,
                peeks,
            },
        }
    }
}

impl<M> BearerLayer<M> {
    hallpass_core::adapter::setters!();

    /// Keeps the inner service that was polled ready while a request waits for its credential.
    ///
    /// Without this a request that waits holds nothing: the ready service is dropped, its permit or
    /// place in a queue goes to others, and once there is a credential a clone is polled ready
    /// instead. That is right above a limit or a buffer, where a few requests that wait for a slow
    /// token endpoint would otherwise keep out everybody else, and where a source that asks through
    /// the same client would wait for itself.
    ///
    /// Hold it where becoming ready is what costs, and where a clone may choose something else than
    /// what was ready, as below a balancer. Then nothing that the source needs may wait for the same
    /// permits.
    #[must_use]
    pub fn hold_ready(mut self) -> Self {
        self.settings.holds_ready = true;
        self
    }

    pub(crate) fn settings(&self) -> &Settings<M> {
        &self.settings
    }

    pub(crate) fn into_settings(self) -> Settings<M> {
        self.settings
    }

    fn edit<E>(self, edit: impl FnOnce(Authorizer) -> Result<Authorizer, E>) -> Result<Self, E> {
        let settings = self.settings.edit(edit)?;
        Ok(Self { settings })
    }
}

impl<S, M: Clone> Layer<S> for BearerLayer<M> {
    type Service = BearerService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerService::new(inner, self.settings.clone())
    }
}
