//! [`KeepingLayer`]: a layer that leaves the body's type as it is.

use hallpass_core::Authorizer;
use tower_layer::Layer;

use crate::{
    BearerLayer, BearerService, Boxed, Replay, ReplayBody,
    rebuild::{Gather, Rebuild, WrapWith},
    service::Settings,
};

/// A [`BearerLayer`] whose inner service gets bodies of the type that came; made by
/// [`keeping_type`](BearerLayer::keeping_type) or
/// [`keeping_type_with`](BearerLayer::keeping_type_with).
///
/// The inner service need not be [`Clone`], and the error is a
/// [`BoxError`](hallpass_core::BoxError).
#[derive(Debug, Clone)]
pub struct KeepingLayer<W = Gather> {
    settings: Settings<Replay>,
    make: W,
}

impl BearerLayer {
    /// Leaves the type of the body as it is, for clients that take a service with one fixed type,
    /// and replays all the same. Any body will do that can be made of bytes
    /// (`B: Body + From<Bytes>`).
    ///
    /// To send a body again, a second one is made of its bytes. So it is read to its end before its
    /// request goes out, if it is not in memory as one piece already, which costs nothing:
    ///
    /// | the body of a request that carries the credential | |
    /// |---|---|
    /// | one piece of bytes in memory, of any length | sent as it is, and replayed |
    /// | any other, no longer than [`replay_limit`](Self::replay_limit) | gathered, sent, and replayed |
    /// | longer than that | gathered and sent; a refusal goes to the caller |
    /// | longer than [`GATHER_LIMIT`](crate::GATHER_LIMIT) and the replay limit, or with trailers | an error, and nothing is sent |
    ///
    /// Bodies of other requests are not touched. Where bodies stream, or are no shorter than the
    /// client's memory, [`keeping_type_with`](Self::keeping_type_with) is the better form.
    ///
    /// The inner service need not be [`Clone`], and the error is a
    /// [`BoxError`](hallpass_core::BoxError). With `kube`:
    ///
    /// ```text
    /// let builder = kube::client::ClientBuilder::try_from(config)?;
    /// let client = builder.with_layer(&BearerLayer::new(source).keeping_type().at(cluster_url)?).build();
    /// ```
    #[must_use]
    pub fn keeping_type(self) -> KeepingLayer {
        KeepingLayer {
            settings: self.into_settings(),
            make: Gather,
        }
    }

    /// The same for a body that can be made of another body, by a function such as
    /// `kube::client::Body::wrap_body` or `axum::body::Body::new`. Nothing is gathered: bodies
    /// stream, and what can be replayed is what [`ReplayBody`] keeps.
    #[must_use]
    pub fn keeping_type_with<B, F>(self, make: F) -> KeepingLayer<WrapWith<F>>
    where
        F: Fn(ReplayBody<B>) -> B + Clone,
    {
        KeepingLayer {
            settings: self.into_settings(),
            make: WrapWith(make),
        }
    }
}

impl<W> KeepingLayer<W> {
    hallpass_core::adapter::setters!();

    fn edit<E>(self, edit: impl FnOnce(Authorizer) -> Result<Authorizer, E>) -> Result<Self, E> {
        let settings = self.settings.edit(edit)?;
        Ok(Self { settings, ..self })
    }
}

impl<S, W: Clone> Layer<S> for KeepingLayer<W> {
    type Service = Boxed<BearerService<Rebuild<S, W>>>;

    fn layer(&self, inner: S) -> Self::Service {
        let limit = self.settings.mode.limit;
        let rebuild = Rebuild::new(inner, self.make.clone(), limit);
        Boxed::new(BearerService::new(rebuild, self.settings.clone()))
    }
}
