//! [`Api`]: an inner service that notes what it gets, and panics if it is called unready.

use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode, header::AUTHORIZATION, request::Parts};
use http_body::{Body, SizeHint};
use http_body_util::{BodyExt as _, Full};
use tower::Service;

/// A request as it arrived, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    pub(crate) frames: usize,
    pub(crate) trailers: Option<HeaderMap>,
    /// What the body said of itself before it was read.
    pub(crate) hint: SizeHint,
    pub(crate) ended_at_once: bool,
}

impl Seen {
    /// What its only `Authorization` header says.
    pub(crate) fn authorization(&self) -> Option<&str> {
        let all: Vec<_> = self.parts.headers.get_all(AUTHORIZATION).iter().collect();
        assert!(all.len() <= 1, "one header, not {}", all.len());
        all.first().map(|value| value.to_str().unwrap())
    }

    pub(crate) fn is_bearer(&self, token: &str) -> bool {
        self.authorization() == Some(&format!("Bearer {token}"))
    }

    pub(crate) fn host(&self) -> &str {
        self.parts.uri.host().unwrap_or_default()
    }
}

type Answer = dyn Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync;

/// Must be polled ready, on this very instance, before each call; a clone is not ready.
pub(crate) struct Api {
    shared: Arc<Shared>,
    ready: bool,
}

struct Shared {
    answer: Box<Answer>,
    seen: Mutex<Vec<Seen>>,
    calls: AtomicUsize,
    /// How often `poll_ready` puts its caller off.
    unready: AtomicUsize,
    delay: Mutex<Duration>,
}

impl Api {
    pub(crate) fn new(
        answer: impl Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                answer: Box::new(answer),
                seen: Mutex::default(),
                calls: AtomicUsize::new(0),
                unready: AtomicUsize::new(0),
                delay: Mutex::default(),
            }),
            ready: false,
        }
    }

    /// Always answers with this status.
    pub(crate) fn always(status: u16) -> Self {
        Self::new(move |_| answer(status, ""))
    }

    /// Answers 200 to this token and 401 to everything else.
    pub(crate) fn accepting(token: &'static str) -> Self {
        Self::new(move |seen| {
            if seen.is_bearer(token) {
                answer(200, "fine")
            } else {
                answer(401, "who are you?")
            }
        })
    }

    pub(crate) fn takes(&self, delay: Duration) {
        *self.shared.delay.lock().unwrap() = delay;
    }

    pub(crate) fn puts_off(&self, times: usize) {
        self.shared.unready.store(times, Ordering::SeqCst);
    }

    /// How often it was called, answered or not.
    pub(crate) fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// The requests that were read to their end.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The tokens that it was sent, without the scheme.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let token = |seen: &Seen| {
            let value = seen.authorization().unwrap_or("none");
            value.trim_start_matches("Bearer ").to_owned()
        };
        self.seen().iter().map(token).collect()
    }
}

impl Clone for Api {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            ready: false,
        }
    }
}

impl<B> Service<Request<B>> for Api
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: fmt::Display,
{
    type Response = Response<Full<Bytes>>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Broken>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let less = |left: usize| left.checked_sub(1);
        let order = Ordering::SeqCst;
        if self.shared.unready.fetch_update(order, order, less).is_ok() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        assert!(self.ready, "called without having been polled ready");
        self.ready = false;
        let shared = Arc::clone(&self.shared);
        shared.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let delay = *shared.delay.lock().unwrap();
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let seen = read(request).await?;
            let answer = (shared.answer)(&seen);
            shared.seen.lock().unwrap().push(seen);
            Ok(answer)
        })
    }
}

async fn read<B>(request: Request<B>) -> Result<Seen, Broken>
where
    B: Body,
    B::Error: fmt::Display,
{
    let (parts, body) = request.into_parts();
    let mut seen = Seen {
        parts,
        body: Bytes::new(),
        frames: 0,
        trailers: None,
        hint: body.size_hint(),
        ended_at_once: body.is_end_stream(),
    };
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.as_mut().frame().await {
        let frame = frame.map_err(|error| Broken(error.to_string()))?;
        seen.frames += 1;
        match frame.into_data() {
            Ok(mut data) => bytes.extend_from_slice(&data.copy_to_bytes(data.remaining())),
            Err(frame) => seen.trailers = frame.into_trailers().ok(),
        }
    }
    assert!(body.is_end_stream(), "read to its end, and does not know");
    seen.body = bytes.freeze();
    Ok(seen)
}

pub(crate) fn answer(status: u16, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// What goes wrong inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}
