//! A small client that speaks to the server as a vendor SDK would.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of this"
)]
#![allow(clippy::expect_used, reason = "a test may panic")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hallpass_testkit::Server;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const GRANT: &str = "grant_type=client_credentials";

pub type Http = Client<HttpConnector, Full<Bytes>>;

pub fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

pub fn http2() -> Http {
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http()
}

#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Result<Bytes, hyper::Error>,
}

impl Got {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.as_ref().expect("a whole body")).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body.as_ref().expect("a whole body")).expect("JSON")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub async fn try_send(
    http: &Http,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Got, Error> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = http
        .request(request.body(Full::new(body.into())).expect("a request"))
        .await?;
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    Ok(Got {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    })
}

pub async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Got {
    try_send(&http(), method, url, headers, body)
        .await
        .expect("an answer")
}

pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// A token request with Basic and a form body.
pub async fn ask(server: &Server, id: &str, secret: &str, body: &str) -> Got {
    let headers = [
        ("authorization", &*basic(id, secret)),
        ("content-type", FORM),
    ];
    send("POST", &server.token_url(), &headers, body.to_owned()).await
}

/// A token for the default client by Basic and a form body.
pub async fn token(server: &Server) -> String {
    let got = ask(server, "client", "secret", GRANT).await;
    assert_eq!(got.status, 200, "{got:?}");
    got.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

pub async fn call(server: &Server, token: &str, path: &str) -> Got {
    let headers = [
        ("authorization", &*format!("Bearer {token}")),
        ("user-agent", "tests"),
    ];
    send("GET", &format!("{}{path}", server.url()), &headers, "").await
}

/// The claims of a JWT.
pub fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(claims)
        .expect("base64url");
    serde_json::from_slice(&bytes).expect("claims")
}
