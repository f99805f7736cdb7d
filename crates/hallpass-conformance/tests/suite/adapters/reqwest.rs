//! The middleware for reqwest.

use std::convert::Infallible;

use hallpass_core::{Attempt, Authorizer, NoCredential};
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use http::header::AUTHORIZATION;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};

use crate::adapter::{Adapter, Body, Failure, Front, Message, Outcome};

#[derive(Clone)]
pub(crate) struct Reqwest(reqwest::Client);

impl Reqwest {
    pub(crate) fn new() -> Self {
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self(builder.build().unwrap())
    }
}

impl Adapter for Reqwest {
    type Client = ClientWithMiddleware;

    fn name(&self) -> &'static str {
        "reqwest"
    }

    async fn front(&self, api: &Server) -> Front {
        Front {
            url: api.url(),
            gateway: None,
        }
    }

    fn client(&self, rules: Authorizer, replays: bool) -> ClientWithMiddleware {
        let bearer = Bearer::with(rules).assume_no_redirects();
        let bearer = if replays {
            bearer
        } else {
            bearer.without_replay()
        };
        ClientBuilder::new(self.0.clone()).with(bearer).build()
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
        if let Some(own) = message.own {
            request = request.header(AUTHORIZATION, own);
        }
        if message.without_credential {
            request = request.with_extension(NoCredential);
        }
        if let Some(cached) = message.with {
            request = request.with_extension(cached);
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
