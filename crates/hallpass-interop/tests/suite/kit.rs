//! What the tests are written with: clients, ways to authenticate, and one call to an API.

use std::{fmt::Debug, time::Duration};

use bytes::Bytes;
use hallpass::{
    Attempt, Basic, BearerLayer, BearerService, Cached, ClientCredentials, Credential,
    CredentialSource as _, Error, Fetch, TokenSource,
    hyper::{Builder, Client, HyperTransport},
    oauth2::TokenRequest,
    tower::ReplayBody,
};
use http::{Request, Response, Version, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::{Layer as _, Service, ServiceExt as _};

use crate::{
    harness::{Held, Server},
    kinds::Kind,
};

/// The lifetime of tokens, unless a test starts its server with another.
pub(crate) const TTL: Duration = Duration::from_secs(60);

const FORM: &str = "application/x-www-form-urlencoded";

/// A client's id and secret.
pub(crate) type Pair = (&'static str, &'static str);

pub(crate) const BASIC: Pair = ("basic", "basic-secret");
pub(crate) const POST: Pair = ("post", "post-secret");
pub(crate) const SPECIAL: Pair = ("a b%c+d /?&=", "s:e%20c+r /?&=t");
pub(crate) const COLON: Pair = ("id:colon", "plain-secret");
pub(crate) const ACCENTS: Pair = ("é à", "té%41ü");

/// How a client says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Encoded,
    Raw,
    Body,
}

pub(crate) fn url(server: &Server, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", server.port("port"))
}

pub(crate) fn grant(url: String, way: Way, (id, secret): Pair) -> TokenRequest {
    let grant = ClientCredentials::at(url);
    match way {
        Way::Encoded => grant.basic(id, secret),
        Way::Raw => grant.basic_raw(id, secret),
        Way::Body => grant.post(id, secret),
    }
}

/// The grant that works everywhere.
pub(crate) fn usual(kind: &Kind, server: &Server) -> TokenRequest {
    grant(url(server, kind.token), Way::Encoded, BASIC).scope("read")
}

pub(crate) fn transport() -> HyperTransport {
    hallpass::hyper::transport().unwrap()
}

/// Settings under which it is the server that closes idle connections.
pub(crate) fn patient() -> Builder {
    Builder::new().idle_timeout(Duration::from_secs(60))
}

pub(crate) fn built(grant: TokenRequest) -> TokenSource {
    grant.build(transport()).unwrap()
}

pub(crate) async fn ask(source: &TokenSource) -> Result<Credential, Error> {
    source.fetch(&Fetch::first()).await
}

pub(crate) async fn refusal(grant: TokenRequest) -> Error {
    ask(&built(grant)).await.expect_err("the server took it")
}

/// A token request as written by hand, for questions to the server and the transport alone.
pub(crate) fn token_request(url: &str) -> Request<Bytes> {
    let form = format!(
        "grant_type=client_credentials&scope=read&client_id={}&client_secret={}",
        POST.0, POST.1
    );
    Request::post(url)
        .header(CONTENT_TYPE, FORM)
        .body(Bytes::from(form))
        .unwrap()
}

pub(crate) fn token(credential: &Credential) -> &str {
    let value = credential.header_value().to_str().unwrap();
    value.strip_prefix("Bearer ").unwrap()
}

pub(crate) type Api = BearerService<Client<ReplayBody<Full<Bytes>>>>;

pub(crate) fn api(cached: &Cached) -> Api {
    api_with(&Builder::new(), cached)
}

pub(crate) fn api_with(builder: &Builder, cached: &Cached) -> Api {
    BearerLayer::new(cached.clone())
        .report_attempts()
        .layer(builder.client().unwrap())
}

/// An answer of an API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) attempt: Attempt,
    pub(crate) body: Value,
}

pub(crate) type Failed = hallpass::tower::Error<hallpass::hyper::Error>;

pub(crate) async fn get<S, B>(api: &S, url: &str) -> Result<Answer, Failed>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Failed> + Clone,
    B: BodyExt<Data = Bytes, Error: Debug>,
{
    send(api, Request::get(url).body(Full::default()).unwrap()).await
}

/// Sends `token=` to an endpoint of the authorization server that wants the client to say who it
/// is: revocation and introspection.
pub(crate) async fn about(server: &Held, path: &str, credential: &Credential) -> Value {
    let client = Cached::new(Basic::new(BASIC.0, BASIC.1));
    let request = Request::post(url(server, path))
        .header(CONTENT_TYPE, FORM)
        .body(Full::from(format!("token={}", token(credential))))
        .unwrap();
    let answer = send(&api(&client), request).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.body
}

async fn send<S, B>(api: &S, request: Request<Full<Bytes>>) -> Result<Answer, Failed>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Failed> + Clone,
    B: BodyExt<Data = Bytes, Error: Debug>,
{
    let response = api.clone().oneshot(request).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok(Answer {
        status: parts.status.as_u16(),
        version: parts.version,
        attempt: *parts.extensions.get::<Attempt>().unwrap(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}
