//! A request that the credential in hand serves costs the same with an observer as without.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::Cached;
use hallpass_metrics::Metrics;
use hallpass_testkit::ScriptedSource;
use hallpass_tower::BearerLayer;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, Service};

#[derive(Clone)]
struct Noop;

impl<B> Service<Request<B>> for Noop {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(Response::new(Full::default())))
    }
}

fn at_once<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// What the last of three requests takes.
fn allocations(cached: &Cached) -> u64 {
    let layer = BearerLayer::new(cached.clone()).any_origin();
    let mut service = layer.without_replay().layer(Noop);
    let mut last = 0;
    for _ in 0..3 {
        let mut request = Request::get("https://api.example.com/").body(Full::<Bytes>::default());
        let request_headers = request.as_mut().unwrap().headers_mut();
        request_headers.reserve(2);
        let info = allocation_counter::measure(|| {
            let call = service.call(request.unwrap());
            assert!(at_once(call).is_ok());
        });
        last = info.count_total;
    }
    last
}

#[test]
fn the_hot_path_allocates_nothing_with_an_observer() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let prometheus = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        let _guard = runtime.enter();
        let source = ScriptedSource::tokens(Duration::from_secs(3600));
        let plain = Cached::new(source.clone());
        let told = Cached::builder(source).observer(Arc::new(Metrics::default()));
        let told = told.build();
        for cached in [&plain, &told] {
            runtime.block_on(cached.get()).expect("a token");
        }
        let before = prometheus.render();
        assert!(
            before.contains(hallpass_metrics::FETCH_DURATION),
            "{before}"
        );
        assert_eq!(allocations(&plain), 0);
        assert_eq!(allocations(&told), 0);
        assert_eq!(prometheus.render(), before);
    });
}
