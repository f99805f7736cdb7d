//! What it costs to keep a body for a replay, and to replay it.
//!
//! The inner service reads every frame. `passing` is the same without the layer's keeping;
//! `replayed` answers the first sending with 401, so that a credential is fetched (from memory) and
//! the request is sent once more.
//!
//! `cargo bench --package hallpass-benches --bench body_replay`
#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hallpass_benches::{URL, token};
use hallpass_core::{Cached, Credential, CredentialSource, Error, Fetch, Reason};
use hallpass_tower::BearerLayer;
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer as _, Service};

/// Frames of one size.
struct Frames(VecDeque<Bytes>);

impl Frames {
    fn new(count: usize, size: usize) -> Self {
        Self((0..count).map(|_| Bytes::from(vec![7; size])).collect())
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads the body, and refuses a request that carries the token `refused`.
#[derive(Clone)]
struct Reader {
    refused: Option<&'static str>,
}

impl<B> Service<Request<B>> for Reader
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let header = request.headers().get(AUTHORIZATION);
        let refuses = header.is_some_and(|value| {
            self.refused
                .is_some_and(|refused| value.as_bytes().ends_with(refused.as_bytes()))
        });
        let mut body = request.into_body();
        Box::pin(async move {
            while let Some(Ok(frame)) = body.frame().await {
                std::hint::black_box(frame);
            }
            let mut response = Response::new(Empty::new());
            if refuses {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
            Ok(response)
        })
    }
}

/// First a token that is refused, then one that is not.
struct Two;

const REFUSED: &str = "refused";

impl CredentialSource for Two {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let refused = why.reason() == Reason::First;
        let end = if refused { REFUSED } else { "good" };
        Ok(Credential::bearer(&format!("{}{end}", token()))?.never_expires())
    }
}

fn cached(runtime: &Runtime) -> Cached {
    let cached = Cached::new(Two);
    let Ok(_) = runtime.block_on(cached.get()) else {
        panic!("the first token is there")
    };
    cached
}

fn request(count: usize, size: usize) -> Request<Frames> {
    let mut request = Request::new(Frames::new(count, size));
    if let Ok(uri) = URL.parse() {
        *request.uri_mut() = uri;
    }
    request
}

fn bodies(criterion: &mut Criterion) {
    let Ok(runtime) = Builder::new_current_thread().enable_time().build() else {
        panic!("a runtime without sockets can be built")
    };
    let mut group = criterion.benchmark_group("body replay");
    for (name, count, size) in [("1 KiB", 1, 1024), ("64 KiB in 16 frames", 16, 4096)] {
        group.throughput(Throughput::Bytes((count * size) as u64));
        let reader = |refused| Reader { refused };
        let shared = cached(&runtime);

        let mut passing = BearerLayer::new(shared.clone())
            .without_replay()
            .layer(reader(None));
        group.bench_function(BenchmarkId::new("passing", name), |bencher| {
            bencher.iter_batched(
                || request(count, size),
                |request| runtime.block_on(passing.call(request)).is_ok(),
                BatchSize::SmallInput,
            );
        });
        let mut keeping = BearerLayer::new(shared).layer(reader(None));
        group.bench_function(BenchmarkId::new("kept", name), |bencher| {
            bencher.iter_batched(
                || request(count, size),
                |request| runtime.block_on(keeping.call(request)).is_ok(),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("replayed", name), |bencher| {
            bencher.iter_batched(
                || {
                    let layer = BearerLayer::new(cached(&runtime));
                    (layer.layer(reader(Some(REFUSED))), request(count, size))
                },
                |(mut service, request)| {
                    let outcome = runtime.block_on(service.call(request));
                    assert!(outcome.is_ok_and(|response| response.status() == StatusCode::OK));
                    service
                },
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, bodies);
criterion_main!(benches);
