//! [`PeekingLayer`].

use tower_layer::Layer;

use crate::{BearerLayer, BearerService, Peek, service::Settings};

/// A [`BearerLayer`] that looks at bodies, too; made by
/// [`looking_at_bodies`](BearerLayer::looking_at_bodies).
#[derive(Debug, Clone)]
pub struct PeekingLayer<M> {
    settings: Settings<M>,
}

impl<M: Clone> BearerLayer<M> {
    /// Looks at the first 4 KiB of answers, too, for a source whose vendor refuses a token within a
    /// 200, or says only there which 403 is about the token, as some profiles do. Redirects and
    /// failures of the server are not looked at.
    ///
    /// The response's body becomes a [`PeekedBody`](crate::PeekedBody), and its head comes up when
    /// that start is there. Streams of events are not looked at, and nothing is waited for that does
    /// not come within 50 ms.
    #[must_use]
    pub fn looking_at_bodies(self) -> PeekingLayer<M> {
        let settings = Settings {
            peeks: true,
            ..self.settings().clone()
        };
        PeekingLayer { settings }
    }
}

impl<S, M: Clone> Layer<S> for PeekingLayer<M> {
    type Service = BearerService<Peek<S>, M>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerService::new(Peek::new(inner), self.settings.clone())
    }
}
