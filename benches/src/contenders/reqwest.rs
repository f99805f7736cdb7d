//! reqwest-middleware, with and without the middleware of ours. Nothing reaches a network: the
//! innermost middleware answers.

use bytes::Bytes;
use hallpass_core::{Cached, Error};
use hallpass_reqwest::Bearer;
use http::{Extensions, Request, Response};
use http_body_util::{BodyExt as _, Full};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};

use super::{Contender, is_answer};
use crate::at_once;

pub(super) fn all(cached: &Cached) -> Result<[Contender; 3], Error> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(Error::permanent)?;
    let bare = ClientBuilder::new(client.clone()).with(Here).build();
    let bearer = Bearer::new(cached.clone()).assume_no_redirects();
    let with = |bearer| {
        let builder = ClientBuilder::new(client.clone());
        builder.with(bearer).with(Here).build()
    };
    Ok([
        contender("reqwest-middleware/bare", bare),
        contender(
            "hallpass/reqwest-header",
            with(bearer.clone().without_replay()),
        ),
        contender("hallpass/reqwest", with(bearer)),
    ])
}

fn contender(name: &'static str, client: ClientWithMiddleware) -> Contender {
    Contender::new(name, prepare, move || {
        let client = client.clone();
        move |request| is_answer(&at_once(client.execute(request)))
    })
}

fn prepare(request: Request<Full<Bytes>>) -> Option<reqwest::Request> {
    let (parts, body) = request.into_parts();
    let body = at_once(body.collect())?.ok()?.to_bytes();
    Request::from_parts(parts, body).try_into().ok()
}

/// Answers 200 at once.
struct Here;

#[async_trait::async_trait]
impl Middleware for Here {
    async fn handle(
        &self,
        request: reqwest::Request,
        _extensions: &mut Extensions,
        _next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        std::hint::black_box(&request);
        Ok(Response::new(Bytes::new()).into())
    }
}
