//! The parser of `WWW-Authenticate`, which runs for every 401.
//!
//! `cargo bench --package hallpass-benches --bench challenge`
#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hallpass_core::Challenges;
use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};

const BARE: &str = "Bearer";
const USUAL: &str =
    r#"Bearer realm="api", error="invalid_token", error_description="The access token expired""#;
const SEVERAL: &str = r#"Basic realm="a, \"b\"", Negotiate, Digest realm="x", qop="auth, auth-int", nonce="MTIzNDU2", Bearer error="invalid_token", scope="a b c""#;

fn challenges(criterion: &mut Criterion) {
    // As long as is read at all, and nothing in it makes sense.
    let hostile = r#"a="b\","#.repeat(16 * 1024 / 7);
    let mut group = criterion.benchmark_group("challenge");
    for (name, text) in [
        ("bare", BARE),
        ("usual", USUAL),
        ("several", SEVERAL),
        ("hostile, 16 KiB", &hostile),
    ] {
        let Ok(value) = HeaderValue::from_str(text) else {
            panic!("{name} is no header value")
        };
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| Challenges::of(black_box(&headers)));
        });
    }
}

criterion_group!(benches, challenges);
criterion_main!(benches);
