//! The tower layer over hyper.

use std::sync::OnceLock;

use hallpass_core::{Attempt, Authorizer};
use hallpass_hyper::{Client, HyperTransport};
use hallpass_testkit::Server;
use hallpass_tower::{BearerLayer, BearerService, ReplayBody, WithoutReplay};
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tower::{
    Layer as _, ServiceExt as _, limit::ConcurrencyLimit, service_fn, util::BoxCloneSyncService,
};

use super::{
    names,
    pieces::{Pieces, request},
};
use crate::{
    adapter::{Adapter, Failure, Front, Message, Outcome},
    case::Below,
};

/// One for all: it reads the platform's roots.
pub(crate) fn transport() -> HyperTransport {
    static TRANSPORT: OnceLock<HyperTransport> = OnceLock::new();
    TRANSPORT
        .get_or_init(|| hallpass_hyper::transport().unwrap())
        .clone()
}

#[derive(Clone)]
pub(crate) struct Tower {
    name: &'static str,
    replaying: Client<ReplayBody<Pieces>>,
    plain: Client<Pieces>,
}

impl Tower {
    pub(crate) fn http1() -> Self {
        Self::over(names::HTTP1, &hallpass_hyper::Builder::new().http1_only())
    }

    pub(crate) fn http2() -> Self {
        Self::over(names::HTTP2, &hallpass_hyper::Builder::new().http2_only())
    }

    fn over(name: &'static str, builder: &hallpass_hyper::Builder) -> Self {
        Self {
            name,
            replaying: builder.client().unwrap(),
            plain: builder.client().unwrap(),
        }
    }
}

type Replaying = Request<ReplayBody<Pieces>>;
type Boxed = BoxCloneSyncService<Replaying, Response<Incoming>, hallpass_hyper::Error>;

#[derive(Clone)]
pub(crate) enum Service {
    Replaying(BearerService<Client<ReplayBody<Pieces>>>),
    Over(BearerService<Boxed>),
    Plain(BearerService<Client<Pieces>, WithoutReplay>),
}

impl Adapter for Tower {
    type Client = Service;

    fn name(&self) -> &'static str {
        self.name
    }

    async fn front(&self, api: &Server) -> Front {
        Front {
            url: api.url(),
            gateway: None,
        }
    }

    fn client(&self, rules: Authorizer, replays: bool, below: Below) -> Service {
        let layer = BearerLayer::with(rules);
        let client = self.replaying.clone();
        match below {
            _ if !replays => Service::Plain(layer.without_replay().layer(self.plain.clone())),
            Below::Nothing | Below::Goaway => Service::Replaying(layer.layer(client)),
            Below::Limited(most) => {
                let limited = BoxCloneSyncService::new(ConcurrencyLimit::new(client, most));
                Service::Over(layer.layer(limited))
            }
            Below::OnItsOwnRuntime => {
                let runtime = Handle::current();
                let sending = service_fn(move |request: Replaying| {
                    let sent = runtime.spawn(client.clone().oneshot(request));
                    async { sent.await.unwrap() }
                });
                Service::Over(layer.layer(BoxCloneSyncService::new(sending)))
            }
        }
    }

    async fn send(&self, client: &Service, message: Message) -> Outcome {
        let request = request(message);
        let outcome = match client.clone() {
            Service::Replaying(service) => service.oneshot(request).await,
            Service::Over(service) => service.oneshot(request).await,
            Service::Plain(service) => service.oneshot(request).await,
        };
        seen(outcome)
    }
}

pub(crate) fn seen<B, E: std::fmt::Debug>(
    outcome: Result<Response<B>, hallpass_core::adapter::CallError<E>>,
) -> Outcome {
    match outcome {
        Ok(response) => Outcome::Answer {
            code: response.status().as_u16(),
            attempt: response.extensions().get::<Attempt>().copied(),
        },
        Err(hallpass_tower::Error::Credential(error)) => Outcome::Failed(Failure::of(&error)),
        Err(error) => Outcome::Failed(Failure::Other(format!("{error:?}"))),
    }
}
