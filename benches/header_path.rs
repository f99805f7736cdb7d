//! The header path: what a layer adds to a request when the credential in hand is fresh.
//!
//! `cargo bench --package hallpass-benches --bench header_path`
#![allow(missing_docs, reason = "criterion's macros write public items")]
#![allow(
    clippy::disallowed_methods,
    reason = "measuring is what clocks are for"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use hallpass_benches::{call, noop, request, token, warm};
use hallpass_tower::BearerLayer;
use http::Request;
use http_body_util::Full;
use tower::{Layer as _, Service};
use tower_http::auth::AddAuthorizationLayer;

/// How many requests are prepared outside the measured part at a time.
const BATCH: u64 = 256;

fn measure<S>(criterion: &mut Criterion, name: &str, mut service: S)
where
    S: Service<Request<Full<Bytes>>>,
{
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            let mut left = rounds;
            while left > 0 {
                let batch = left.min(BATCH);
                let requests: Vec<_> = (0..batch).filter_map(|_| request().ok()).collect();
                let mut responses = Vec::with_capacity(requests.len());
                let start = Instant::now();
                for request in requests {
                    responses.push(call(&mut service, request));
                }
                spent += start.elapsed();
                assert!(
                    responses.iter().all(Option::is_some),
                    "{name} answers at once"
                );
                left -= batch;
            }
            spent
        });
    });
}

fn header_path(criterion: &mut Criterion) {
    let Ok(cached) = warm() else {
        panic!("a static token needs no network")
    };
    let bearer = BearerLayer::new(cached);
    measure(criterion, "noop", noop());
    measure(
        criterion,
        "tower-http/static",
        AddAuthorizationLayer::bearer(&token())
            .as_sensitive(true)
            .layer(noop()),
    );
    measure(
        criterion,
        "hallpass/header",
        bearer.clone().without_replay().layer(noop()),
    );
    measure(criterion, "hallpass/replay", bearer.layer(noop()));
}

criterion_group!(benches, header_path);
criterion_main!(benches);
