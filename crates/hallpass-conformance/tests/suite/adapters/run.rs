//! `Authorizer::run` around a client of one's own.

use std::sync::Arc;

use hallpass_core::Authorizer;
use hallpass_hyper::Client;
use hallpass_testkit::Server;
use http::Request;
use tokio::{runtime::Handle, sync::Semaphore};
use tower::ServiceExt as _;

use super::{
    names,
    pieces::{Pieces, request},
    tower::seen,
};
use crate::{
    adapter::{Adapter, Front, Message, Outcome},
    case::Below,
};

#[derive(Clone)]
pub(crate) struct Run {
    http1: Client<Pieces>,
    http2: Client<Pieces>,
}

impl Run {
    pub(crate) fn new() -> Self {
        let builder = hallpass_hyper::Builder::new;
        Self {
            http1: builder().http1_only().client().unwrap(),
            http2: builder().http2_only().client().unwrap(),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Runner {
    rules: Authorizer,
    client: Client<Pieces>,
    places: Arc<Semaphore>,
    /// Where it sends, if not where it is called.
    runtime: Option<Handle>,
}

impl Runner {
    async fn send(
        self,
        request: Request<Pieces>,
    ) -> Result<http::Response<hyper::body::Incoming>, hallpass_hyper::Error> {
        let Self {
            client,
            places,
            runtime,
            ..
        } = self;
        let sending = async move {
            let _place = places.acquire_owned().await.unwrap();
            client.oneshot(request).await
        };
        match runtime {
            Some(runtime) => runtime.spawn(sending).await.unwrap(),
            None => sending.await,
        }
    }
}

impl Adapter for Run {
    type Client = Runner;

    fn name(&self) -> &'static str {
        names::RUN
    }

    async fn front(&self, api: &Server) -> Front {
        Front {
            url: api.url(),
            gateway: None,
        }
    }

    fn client(&self, rules: Authorizer, _replays: bool, below: Below) -> Runner {
        let client = match below {
            Below::Goaway => &self.http2,
            _ => &self.http1,
        };
        let places = match below {
            Below::Limited(most) => most,
            _ => Semaphore::MAX_PERMITS,
        };
        Runner {
            rules,
            client: client.clone(),
            places: Arc::new(Semaphore::new(places)),
            runtime: (below == Below::OnItsOwnRuntime).then(Handle::current),
        }
    }

    async fn send(&self, client: &Runner, message: Message) -> Outcome {
        let sending = |request| client.clone().send(request);
        seen(client.rules.run(request(message), sending).await)
    }
}
