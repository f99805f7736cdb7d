//! What the tests share: a source that counts, an API that insists on readiness, bodies to send.

pub(crate) mod api;
pub(crate) mod bodies;
pub(crate) mod held;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Cached, Credential, CredentialSource, Error, Fetch};
use hallpass_tower::BearerLayer;
use http::{Request, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{Empty, Full};
use tokio_test::task;
use tower::{Service, ServiceExt as _};

pub(crate) use self::{
    api::{Api, Broken, Seen},
    bodies::{Feed, Frames},
    held::{Desk, Held},
};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const API: &str = "https://api.example.com";

/// Issues `token-1`, `token-2`…, late or not at all if it is told so.
#[derive(Debug, Default)]
pub(crate) struct Issuer {
    fetches: AtomicUsize,
    delay: Mutex<Duration>,
    failure: Mutex<Option<Error>>,
}

impl Issuer {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    pub(crate) fn takes(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    pub(crate) fn fails(&self, error: Error) {
        *self.failure.lock().unwrap() = Some(error);
    }
}

impl CredentialSource for Issuer {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        let delay = *self.delay.lock().unwrap();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if let Some(error) = self.failure.lock().unwrap().clone() {
            return Err(error);
        }
        let credential = Credential::bearer(&format!("token-{number}"))?;
        Ok(credential.lives_for(HOUR))
    }
}

/// A layer whose credential is in hand already.
pub(crate) async fn warm(issuer: &Arc<Issuer>) -> (BearerLayer, Cached) {
    let cached = Cached::new(Arc::clone(issuer));
    cached.get().await.unwrap();
    let layer = BearerLayer::new(cached.clone()).origins([API]).unwrap();
    (layer, cached)
}

pub(crate) fn get() -> Request<Empty<Bytes>> {
    Request::get(format!("{API}/items"))
        .body(Empty::new())
        .unwrap()
}

pub(crate) fn post<B>(body: B) -> Request<B> {
    Request::post(format!("{API}/items")).body(body).unwrap()
}

pub(crate) fn full(body: impl Into<Bytes>) -> Full<Bytes> {
    Full::new(body.into())
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

/// Sends a request through this very instance, once it is ready; the answer is still to come.
pub(crate) async fn start<S, T>(service: &mut S, request: T) -> S::Future
where
    S: Service<T>,
    S::Error: fmt::Debug,
{
    service.ready().await.unwrap().call(request)
}

pub(crate) type PolledFrame<B> = Poll<Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>>;

/// Polls a body once, as a task that nobody wakes.
pub(crate) fn poll_frame<B: Body + Unpin>(body: &mut B) -> PolledFrame<B> {
    task::spawn(()).enter(|context, _| Pin::new(body).poll_frame(context))
}
