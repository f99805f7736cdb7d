//! [`Atlar`]: the client, and how it sends.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass::{BearerService, Cached, tower::ReplayBody};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::{Accounts, Builder, CreateTransfer, Error, TransferRequest};

type Body = Full<Bytes>;
pub(crate) type Http = BearerService<hallpass::hyper::Client<ReplayBody<Body>>>;

/// How often a call is made again that may be.
const RETRIES: u32 = 2;

/// How long before the first retry, unless the server says it; doubled for each that follows.
const PAUSE: Duration = Duration::from_millis(100);

/// A client of Atlar's API. Clones share its token and its connections.
#[derive(Clone)]
pub struct Atlar {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) base_url: String,
    pub(crate) credential: Cached,
    pub(crate) http: Http,
    pub(crate) timeout: Duration,
}

impl Atlar {
    /// Settings for a client.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// All accounts, page by page or as a stream.
    pub fn accounts(&self) -> Accounts {
        Accounts::new(self.clone())
    }

    /// A credit transfer that is yet to be sent.
    pub fn create_transfer(&self, transfer: TransferRequest) -> CreateTransfer {
        CreateTransfer::new(self.clone(), transfer)
    }

    /// What puts this client's credential on requests: for another HTTP client, which then shares its
    /// token, and to see how the credential fares.
    pub fn credential(&self) -> &Cached {
        &self.inner.credential
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let url = format!("{}{path}", self.inner.base_url);
        let request = Request::get(url).body(Body::default());
        self.call(request.map_err(Error::request)?).await
    }

    /// A POST that may be repeated, because the server knows it by its key.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: Vec<u8>,
    ) -> Result<T, Error> {
        let request = Request::post(format!("{}{path}", self.inner.base_url))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", idempotency_key)
            .body(Body::from(body));
        self.call(request.map_err(Error::request)?).await
    }

    async fn call<T: DeserializeOwned>(&self, request: Request<Body>) -> Result<T, Error> {
        let limit = self.inner.timeout;
        tokio::time::timeout(limit, self.attempts(request))
            .await
            .unwrap_or_else(|_| Err(Error::too_late(limit)))
    }

    async fn attempts<T: DeserializeOwned>(&self, mut request: Request<Body>) -> Result<T, Error> {
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::ACCEPT, json);
        let mut retries = 0;
        loop {
            let outcome = self.send(request.clone()).await;
            let pause = match &outcome {
                Ok(response) if is_passing(response.status()) => said(response),
                Err(error) if error.is_connection() => None,
                _ => return read(outcome?).await,
            };
            // Every call of this SDK is a GET or has an idempotency key.
            debug_assert!(
                request.method() == Method::GET
                    || request.headers().contains_key("idempotency-key")
            );
            if retries == RETRIES {
                return read(outcome?).await;
            }
            drop(outcome);
            tokio::time::sleep(pause.unwrap_or(PAUSE * 2_u32.pow(retries))).await;
            retries += 1;
        }
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Error> {
        let http = self.inner.http.clone();
        http.oneshot(request).await.map_err(Error::from)
    }
}

async fn read<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, Error> {
    let status = response.status();
    let body = response.into_body().collect().await;
    let body = body.map_err(Error::broken)?.to_bytes();
    if !status.is_success() {
        return Err(Error::refused(status, &body));
    }
    serde_json::from_slice(&body).map_err(|error| Error::unexpected(status, &error))
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502..=504)
}

/// How long the server asks to wait.
fn said<B>(response: &Response<B>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?;
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

impl fmt::Debug for Atlar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atlar")
            .field("base_url", &self.inner.base_url)
            .field("credential", &self.inner.credential)
            .finish_non_exhaustive()
    }
}
