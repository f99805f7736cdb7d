//! A token endpoint that lets each refresh token be used once, and one that takes tokens back.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Cached, CredentialSource as _, Fetch};
use hallpass_oauth2::{
    ClientCredentials, RefreshToken, Transport,
    transport::{Phase, TransportError},
};
use hallpass_testkit::ScriptedTransport;
use http::{Request, Response, StatusCode};

use crate::{HOUR, SECOND, SHORT, dropped_everywhere};

const TOKEN_URL: &str = "https://auth.example/token";
const REVOKE_URL: &str = "https://auth.example/revoke";

/// Rotates its refresh token at each request, and refuses the one before.
#[derive(Clone)]
struct Strict {
    current: Arc<Mutex<u32>>,
    refused: Arc<Mutex<u32>>,
}

impl Transport for Strict {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        tokio::time::sleep(SHORT).await;
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let answer = {
            let mut current = self.current.lock().unwrap();
            if body.ends_with(&format!("refresh_token=r{current}")) {
                *current += 1;
                format!(
                    r#"{{"access_token":"a{current}","token_type":"Bearer","expires_in":300,"refresh_token":"r{current}"}}"#
                )
            } else {
                *self.refused.lock().unwrap() += 1;
                r#"{"error":"invalid_grant"}"#.to_owned()
            }
        };
        // The server has changed its mind, and the answer is on its way.
        tokio::time::sleep(SHORT).await;
        let mut response = Response::new(Bytes::from(answer));
        if response.body().starts_with(b"{\"error") {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        Ok(response)
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_loses_no_token() {
    let world = || {
        let server = Strict {
            current: Arc::new(Mutex::new(0)),
            refused: Arc::default(),
        };
        let request = RefreshToken::at(TOKEN_URL)
            .refresh_token("r0")
            .public("my-client");
        (request.build(server.clone()).unwrap(), server)
    };
    let points = dropped_everywhere(
        world,
        async |(source, _)| {
            source.fetch(&Fetch::first()).await.unwrap();
            source.fetch(&Fetch::first()).await.unwrap();
        },
        async |(source, server)| {
            source.fetch(&Fetch::first()).await.unwrap();
            assert_eq!(*server.refused.lock().unwrap(), 0, "one was sent twice");
        },
    );
    assert!(points.await >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_with_retries() {
    let world = || {
        let transport = ScriptedTransport::tokens(HOUR);
        transport.latency(SHORT);
        transport.break_next(2, Phase::Connect);
        let request = ClientCredentials::at(TOKEN_URL).basic("my-client", "s3cret");
        (request.build(transport.clone()).unwrap(), transport)
    };
    let points = dropped_everywhere(
        world,
        async |(source, _)| drop(source.fetch(&Fetch::first()).await.unwrap()),
        async |(source, transport)| {
            source.fetch(&Fetch::first()).await.unwrap();
            // Two that break, those that were dropped, and the one that is answered.
            assert!(transport.requests().len() <= 5);
        },
    );
    // Three requests, and two pauses between them.
    assert!(points.await >= 4);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_given_back() {
    let world = || {
        let transport = ScriptedTransport::tokens(HOUR);
        transport.latency(SHORT);
        let client = || ClientCredentials::at(TOKEN_URL).basic("my-client", "s3cret");
        let cached = Cached::new(client().build(transport.clone()).unwrap());
        let revocation = client().revocation(REVOKE_URL, transport.clone()).unwrap();
        (cached, revocation)
    };
    let points = dropped_everywhere(
        world,
        async |(cached, revocation)| {
            cached.get().await.unwrap();
            revocation.shutdown(cached).await.unwrap();
        },
        async |(cached, revocation)| {
            cached.get_within(10 * SECOND).await.unwrap();
            cached.renew().await.unwrap();
            revocation.shutdown(cached).await.unwrap();
        },
    );
    assert!(points.await >= 2);
}
