//! `aliri_reqwest`: a middleware for reqwest-middleware 0.4, and that without it.

use aliri_reqwest::AccessTokenMiddleware;
use aliri_tokens::{
    TokenWatcher, backoff::ErrorBackoffConfig, jitter::NullJitter, sources::ConstTokenSource,
};
use bytes::Bytes;
use hallpass_benches::{at_once, contenders::{Contender, is_answer}, token};
use http::{Extensions, Request, Response};
use http_body_util::{BodyExt as _, Full};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};

use crate::Outcome;

pub(crate) const NAME: &str = "aliri";
pub(crate) const BARE: &str = "reqwest-middleware-0.4/bare";

pub(crate) fn bare() -> Contender {
    let client = ClientBuilder::new(reqwest::Client::new()).with(Here);
    over(BARE, client.build())
}

pub(crate) async fn contender() -> Outcome<Contender> {
    let watcher = TokenWatcher::spawn_from_token_source(
        ConstTokenSource::new(token()),
        NullJitter,
        ErrorBackoffConfig::default(),
    )
    .await?;
    let middleware = AccessTokenMiddleware::new(watcher)
        .with_predicate(predicates::prelude::predicate::always());
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(middleware)
        .with(Here);
    Ok(over(NAME, client.build()))
}

fn over(name: &'static str, client: ClientWithMiddleware) -> Contender {
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
