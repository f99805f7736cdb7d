//! From a token endpoint's answer to a credential, by the public way: a source over a transport that
//! has the answer already. The request is built too; there is no network.
//!
//! `cargo bench --package hallpass-benches --bench token_response`
#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use hallpass_benches::token;
use hallpass_core::{CredentialSource as _, Fetch};
use hallpass_oauth2::{ClientCredentials, Transport, transport::TransportError};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use serde_json::json;
use tokio::runtime::Builder;

struct Canned(Bytes);

impl Transport for Canned {
    async fn send(
        &self,
        _request: Request<Bytes>,
        _limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut response = Response::new(self.0.clone());
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        Ok(response)
    }
}

fn answers(criterion: &mut Criterion) {
    let Ok(runtime) = Builder::new_current_thread().enable_time().build() else {
        panic!("a runtime without sockets can be built")
    };
    let _context = runtime.enter();
    let usual = json!({
        "access_token": token(),
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "payments.read payments.write",
    });
    let mut large = usual.clone();
    large["id_token"] = json!("x".repeat(60 * 1024));
    let mut group = criterion.benchmark_group("token response");
    for (name, answer) in [("usual, 1 KiB", usual), ("large, 64 KiB", large)] {
        let answer = Bytes::from(answer.to_string());
        let source = ClientCredentials::at("https://auth.example.com/token")
            .basic("client", "secret")
            .build(Canned(answer));
        let Ok(source) = source else {
            panic!("a plain token endpoint")
        };
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                Fetch::first,
                |why| {
                    let outcome = runtime.block_on(source.fetch(&why));
                    assert!(outcome.is_ok());
                    (why, outcome)
                },
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, answers);
criterion_main!(benches);
