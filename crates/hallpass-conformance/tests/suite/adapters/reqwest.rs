//! The middleware for reqwest.

use std::{convert::Infallible, sync::Arc};

use hallpass_core::{Attempt, Authorizer, NoCredential};
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tokio::sync::Semaphore;

use super::names;
use crate::{
    adapter::{Adapter, Body, Failure, Front, Message, Outcome},
    case::Below,
};

#[derive(Clone)]
pub(crate) struct Reqwest;

impl Adapter for Reqwest {
    type Client = ClientWithMiddleware;

    fn name(&self) -> &'static str {
        names::REQWEST
    }

    async fn front(&self, api: &Server) -> Front {
        Front {
            url: api.url(),
            gateway: None,
        }
    }

    fn client(&self, rules: Authorizer, replays: bool, below: Below) -> ClientWithMiddleware {
        let bearer = Bearer::with(rules);
        let bearer = if replays {
            bearer
        } else {
            bearer.without_replay()
        };
        let mut builder = reqwest::Client::builder();
        if below == Below::Goaway {
            builder = builder.http2_prior_knowledge();
        }
        let client = bearer.client_from(builder).unwrap();
        match below {
            Below::Limited(most) => ClientBuilder::from_client(client)
                .with(Limit(Arc::new(Semaphore::new(most))))
                .build(),
            _ => client,
        }
    }

    async fn send(&self, client: &ClientWithMiddleware, message: Message) -> Outcome {
        let mut request = client.post(message.url.to_string());
        request = match message.body {
            Body::None => request,
            Body::Bytes(bytes) => request.body(bytes),
            Body::Streamed(pieces) => {
                let pieces = pieces.into_iter().map(Ok::<_, Infallible>);
                request.body(reqwest::Body::wrap_stream(tokio_stream::iter(pieces)))
            }
        };
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        if message.without_credential {
            request = request.with_extension(NoCredential);
        }
        if let Some(cached) = message.with {
            request = request.with_extension(cached);
        }
        if let Some(key) = message.key {
            request = request.with_extension(key);
        }
        match request.send().await {
            Ok(response) => Outcome::Answer {
                code: response.status().as_u16(),
                attempt: response.extensions().get::<Attempt>().copied(),
            },
            Err(error) => Outcome::Failed(Failure::of(&error)),
        }
    }
}

/// So many requests at a time.
struct Limit(Arc<Semaphore>);

#[async_trait::async_trait]
impl Middleware for Limit {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let _place = self.0.acquire().await.unwrap();
        next.run(request, extensions).await
    }
}
