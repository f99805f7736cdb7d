//! Tokens that are bound to a key, at servers and APIs that check each proof.

use std::{
    ffi::OsString,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hallpass::{
    Cached, ClientCredentials, TokenSource,
    hyper::HyperTransport,
    oauth2::{Algorithm, Dpop, Key, TokenRequest, Transport, transport::TransportError},
};
use http::{Request, Response};
use serde_json::Value;

use crate::{
    harness::{Folder, Held, Server, installed, python, script},
    keys::{KEYS, P256},
    kinds::{GLEWLWYD, Kind, OIDC_PROVIDER},
    kit::{BASIC, Way, about, api, ask, built, get, grant, refusal, transport, url},
};

/// A server of the test's own, which wants nonces in proofs or not.
fn server(kind: &Kind, nonces: bool) -> Held {
    let mut environment = vec![("KEYS", KEYS)];
    if nonces {
        environment.push(("DPOP_NONCE", "1"));
    }
    kind.start(&environment).into()
}

fn usual(kind: &Kind, server: &Held) -> TokenRequest {
    grant(url(server, kind.token), Way::Encoded, BASIC).scope("read")
}

fn keys() -> [Dpop; 3] {
    let kept = Key::from_pem(P256).unwrap();
    [
        Dpop::new(),
        Dpop::new().algorithm(Algorithm::EdDsa),
        kept.into(),
    ]
}

/// Five tokens in a row with each key: no proof counts twice, and nonces change on the way.
async fn serves(kind: &Kind, nonces: bool) {
    for dpop in keys() {
        // To a client that knows none glewlwyd hands out the present nonce, also one that is used up.
        let server = server(kind, nonces);
        let (sent, source) = recorded(usual(kind, &server).dpop(dpop.clone()));
        let cached = Cached::new(source.clone());
        let mut last = cached.get().await.unwrap();
        let counts = cached.stats();
        assert_eq!((counts.fetches, counts.failures), (1, 0));
        for _ in 1..5 {
            last = ask(&source).await.unwrap();
            let value = last.header_value().to_str().unwrap();
            assert!(value.starts_with("DPoP "));
            let thumbprint = dpop.thumbprint().await.unwrap();
            assert_eq!(last.key_thumbprint(), Some(&*thumbprint));
        }
        // The first is asked for a nonce; others come with tokens.
        let requests = sent.lock().unwrap().len();
        assert_eq!(requests, if nonces { 6 } else { 5 });
        // The server itself says that the token is bound.
        let introspection = kind.introspection.unwrap();
        let said = about(&server, introspection, &last).await;
        let told = &said["cnf"]["jkt"];
        assert_eq!(
            *told,
            Value::from(dpop.thumbprint().await.unwrap()),
            "{said}"
        );
    }
}

#[tokio::test]
async fn proofs_at_oidc_provider() {
    serves(&OIDC_PROVIDER, false).await;
}

#[tokio::test]
async fn proofs_and_nonces_at_oidc_provider() {
    serves(&OIDC_PROVIDER, true).await;
}

#[tokio::test]
async fn proofs_at_glewlwyd() {
    serves(&GLEWLWYD, false).await;
}

#[tokio::test]
async fn proofs_and_nonces_at_glewlwyd() {
    serves(&GLEWLWYD, true).await;
}

/// Both refuse an assertion that they have seen, also in a request that only lacked a nonce.
#[tokio::test]
async fn a_nonce_takes_a_new_assertion_at_oidc_provider() {
    let server = server(&OIDC_PROVIDER, true);
    let request = ClientCredentials::at(url(&server, OIDC_PROVIDER.token)).scope("read");
    let key = Key::from_pem(P256).unwrap();
    let request = request
        .private_key_jwt("es256", key)
        .issuer(url(&server, ""));
    let source = built(request.dpop(Dpop::new()));
    for _ in 0..3 {
        ask(&source).await.unwrap();
    }
}

/// What proves that the server would have noticed: the very same request once more.
async fn notices_a_replay(kind: &Kind, refusal: &str) {
    let server = server(kind, false);
    let (sent, source) = recorded(usual(kind, &server).dpop(Dpop::new()));
    ask(&source).await.unwrap();
    let request = sent.lock().unwrap().pop().unwrap();
    let limit = Duration::from_secs(10);
    let answer = transport().send(request, limit).await.unwrap();
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["error"], refusal, "{body}");
}

type Sent = Arc<Mutex<Vec<Request<Bytes>>>>;

/// A source, and the requests that it sends.
fn recorded(request: TokenRequest) -> (Sent, TokenSource) {
    struct Recording(Sent, HyperTransport);

    impl Transport for Recording {
        async fn send(
            &self,
            request: Request<Bytes>,
            limit: Duration,
        ) -> Result<Response<Bytes>, TransportError> {
            self.0.lock().unwrap().push(request.clone());
            self.1.send(request, limit).await
        }
    }

    let sent = Sent::default();
    let recording = Recording(sent.clone(), transport());
    (sent, request.build(recording).unwrap())
}

#[tokio::test]
async fn a_replay_is_noticed_at_oidc_provider() {
    notices_a_replay(&OIDC_PROVIDER, "invalid_grant").await;
}

#[tokio::test]
async fn a_replay_is_noticed_at_glewlwyd() {
    notices_a_replay(&GLEWLWYD, "invalid_dpop_proof").await;
}

#[tokio::test]
async fn a_client_that_must_prove_at_oidc_provider() {
    let server = server(&OIDC_PROVIDER, false);
    let pair = ("bound", "bound-secret");
    let request = || grant(url(&server, OIDC_PROVIDER.token), Way::Encoded, pair).scope("read");
    assert!(refusal(request()).await.is_permanent());
    assert!(ask(&built(request().dpop(Dpop::new()))).await.is_ok());
}

/// An API that asks the authorization server of each token.
fn api_server(name: &str, command: Vec<OsString>, auth: &Held) -> Held {
    let auth = url(auth, "");
    let environment = [
        ("AUTH", auth.as_str()),
        ("SECRET", "post-secret"),
        ("NONCE_USES", "40"),
    ];
    Server::start(Folder::new(name), command, &environment).into()
}

/// A thousand calls by ten callers, while tokens live for four seconds, are revoked, and every forty
/// calls another nonce is wanted: none fails, and no proof comes twice.
async fn a_thousand_calls(name: &str, command: Vec<OsString>) {
    let auth: Held = OIDC_PROVIDER
        .start(&[("DPOP_NONCE", "1"), ("TTL", "4")])
        .into();
    let resource = api_server(name, command, &auth);
    let cached = Cached::new(built(usual(&OIDC_PROVIDER, &auth).dpop(Dpop::new())));
    let api = api(&cached);
    let calls = url(&resource, "/resource?n=1");
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (api, calls) = (api.clone(), calls.clone());
            tokio::spawn(async move {
                for _ in 0..100 {
                    let answer = get(&api, &calls).await.unwrap();
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            })
        })
        .collect();
    let mut revoked = 0;
    while !callers.iter().all(tokio::task::JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let credential = cached.get().await.unwrap();
        about(&auth, OIDC_PROVIDER.revocation, &credential).await;
        revoked += 1;
    }
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(revoked > 0);
    let counts = cached.stats();
    assert_eq!(counts.failures, 0, "{counts:?}");
    assert!(counts.fetches > 1, "{counts:?}");

    let stats = get(&api, &url(&resource, "/stats")).await.unwrap().body;
    assert_eq!(stats["replayed"], 0, "{stats}");
    let proofs = stats["proofs"].as_u64().unwrap();
    eprintln!(
        "{name}: {proofs} proofs, {revoked} revocations, {} fetches, {} replays",
        counts.fetches, counts.replays
    );
    assert!(proofs >= 1000, "{stats}");
}

#[tokio::test]
async fn a_thousand_calls_checked_by_pydpop_and_oidc_provider() {
    let command = vec![python("python"), script("dpop_api.py")];
    a_thousand_calls("pydpop", command).await;
}

#[tokio::test]
async fn a_thousand_calls_checked_by_huskarl_and_oidc_provider() {
    let program = installed().join("huskarl/debug/hallpass-interop-huskarl");
    a_thousand_calls("huskarl", vec![program.into()]).await;
}
