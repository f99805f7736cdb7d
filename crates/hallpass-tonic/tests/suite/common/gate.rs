//! [`Gate`]: checks the bearer of every call, refuses in the way that it is told, keeps a journal.

use std::{
    collections::HashSet,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body::Frame;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

/// How a call with a dead token is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Refuse {
    /// Trailers-only, as interceptors do it.
    #[default]
    AtOnce,
    /// Let through with [`Refused`] in its extensions: the method refuses after its messages.
    Late,
    /// By a proxy that knows nothing of gRPC.
    Http401,
    /// Head and trailers, one right after the other and nothing in between.
    InTrailers,
    /// Trailers-only, but after it has read all messages.
    AfterReading,
    /// With another code: everybody, good token or not.
    Forbidden,
    /// Trailers-only with `UNAVAILABLE`: everybody.
    Down,
}

/// Put into a request's extensions by [`Refuse::Late`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused;

#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    refuse: Refuse,
    nobody: bool,
    dead: HashSet<String>,
    calls: Vec<(String, HeaderMap)>,
    /// Bytes read of calls that were refused after that.
    read: usize,
}

impl Gate {
    pub(crate) fn refuse(&self, how: Refuse) {
        self.0.lock().unwrap().refuse = how;
    }

    /// Kills every token seen so far.
    pub(crate) fn revoke(&self) {
        let mut state = self.0.lock().unwrap();
        let seen: Vec<_> = state
            .calls
            .iter()
            .filter_map(|(_, headers)| bearer(headers))
            .collect();
        state.dead.extend(seen);
    }

    /// Takes no token at all from now on, however new.
    pub(crate) fn refuse_everybody(&self) {
        self.0.lock().unwrap().nobody = true;
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls.len()
    }

    /// Bytes read of calls that were refused after that.
    pub(crate) fn read(&self) -> usize {
        self.0.lock().unwrap().read
    }

    /// The headers of each call so far.
    pub(crate) fn headers(&self) -> Vec<HeaderMap> {
        let state = self.0.lock().unwrap();
        state
            .calls
            .iter()
            .map(|(_, headers)| headers.clone())
            .collect()
    }

    /// What each call carried; fails if one carried more than one value.
    pub(crate) fn bearers(&self) -> Vec<Option<String>> {
        let state = self.0.lock().unwrap();
        for (path, headers) in &state.calls {
            let count = headers.get_all(AUTHORIZATION).iter().count();
            assert!(count <= 1, "{path}: {count} authorizations");
        }
        state
            .calls
            .iter()
            .map(|(_, headers)| bearer(headers))
            .collect()
    }

    fn judge(&self, path: &str, headers: &HeaderMap) -> Option<Refuse> {
        let mut state = self.0.lock().unwrap();
        state.calls.push((path.to_owned(), headers.clone()));
        let good =
            !state.nobody && bearer(headers).is_some_and(|token| !state.dead.contains(&token));
        let everybody = matches!(state.refuse, Refuse::Forbidden | Refuse::Down);
        (!good || everybody).then_some(state.refuse)
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    Some(value.strip_prefix("Bearer ")?.to_owned())
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated {
            gate: self.clone(),
            inner,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Gated<S> {
    gate: Gate,
    inner: S,
}

impl<S, B> Service<Request<B>> for Gated<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let answer = match self.gate.judge(request.uri().path(), request.headers()) {
            None => None,
            Some(Refuse::Late) => {
                request.extensions_mut().insert(Refused);
                None
            }
            Some(Refuse::AtOnce) => Some(Status::unauthenticated("no valid token").into_http()),
            Some(Refuse::InTrailers) => {
                let mut trailers = HeaderMap::new();
                let status = Status::unauthenticated("no valid token");
                status.add_header(&mut trailers).unwrap();
                let mut answer = Response::new(Body::new(Trailers(Some(trailers))));
                let grpc = HeaderValue::from_static("application/grpc");
                answer.headers_mut().insert(CONTENT_TYPE, grpc);
                Some(answer)
            }
            Some(Refuse::AfterReading) => {
                let gate = self.gate.clone();
                let mut body = request.into_body();
                return Box::pin(async move {
                    while let Some(Ok(frame)) =
                        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context))
                            .await
                    {
                        let length = frame.data_ref().map_or(0, Bytes::len);
                        gate.0.lock().unwrap().read += length;
                    }
                    Ok(Status::unauthenticated("no valid token").into_http())
                });
            }
            Some(Refuse::Down) => Some(Status::unavailable("down").into_http()),
            Some(Refuse::Forbidden) => Some(Status::permission_denied("not you").into_http()),
            Some(Refuse::Http401) => {
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = StatusCode::UNAUTHORIZED;
                Some(answer)
            }
        };
        match answer {
            Some(answer) => Box::pin(std::future::ready(Ok(answer))),
            None => Box::pin(self.inner.call(request)),
        }
    }
}

/// Nothing but trailers.
struct Trailers(Option<HeaderMap>);

impl http_body::Body for Trailers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(Frame::trailers).map(Ok))
    }
}
