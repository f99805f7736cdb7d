//! The stand-ins do what the script says, by tokio's clock, and count.
#![allow(clippy::expect_used, reason = "a test may panic")]

use std::time::Duration;

use bytes::Bytes;
use hallpass_core::{Cached, Challenges, Credential, CredentialSource as _, Error, Fetch, Reason};
use hallpass_testkit::{Reissue, ScriptedApi, ScriptedSource};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::time::Instant;
use tower::{Service as _, ServiceExt as _};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

async fn fetch(source: &ScriptedSource) -> Result<Credential, Error> {
    source.fetch(&Fetch::first()).await
}

fn value(credential: &Credential) -> &str {
    credential.header_value().to_str().expect("visible ASCII")
}

#[tokio::test(start_paused = true)]
async fn a_source_goes_through_its_script() {
    let source = ScriptedSource::tokens(HOUR);
    let own = Credential::bearer("own").expect("a token");
    source
        .fail_next(2, Error::transient("reset").after(3 * SECOND))
        .fail_next(1, Error::permanent("invalid_client"))
        .answer_next(1, own)
        .latency(SECOND);
    let start = Instant::now();
    for _ in 0..2 {
        let error = fetch(&source).await.expect_err("scripted");
        assert!(error.is_transient());
        assert_eq!(error.retry_after(), Some(3 * SECOND));
    }
    let error = fetch(&source).await.expect_err("scripted");
    assert!(error.is_permanent());
    assert_eq!(value(&fetch(&source).await.expect("own")), "Bearer own");
    let token = fetch(&source).await.expect("a token");
    assert_eq!(value(&token), "Bearer token-1");
    assert_eq!(token.lifetime(), Some(HOUR));
    assert_eq!(start.elapsed(), 5 * SECOND);
    assert_eq!((source.fetches(), source.tokens_issued()), (5, 1));
    assert_eq!(source.reasons(), [Reason::First; 5]);

    source.set_lifetime(SECOND).set_version(7);
    let token = fetch(&source).await.expect("a token");
    assert_eq!(
        (value(&token), token.lifetime()),
        ("Bearer token-2", Some(SECOND))
    );
    assert_eq!(source.version(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_source_is_down_until_it_is_up() {
    let source = ScriptedSource::failing(Error::transient("reset"));
    for _ in 0..3 {
        assert!(fetch(&source).await.is_err());
    }
    source.fail_next(1, Error::permanent("first"));
    assert!(
        fetch(&source)
            .await
            .is_err_and(|error| error.is_permanent())
    );
    assert!(
        fetch(&source)
            .await
            .is_err_and(|error| error.is_transient())
    );
    source.hang();
    let hung = tokio::time::timeout(HOUR, fetch(&source)).await;
    assert!(hung.is_err());
    source.up();
    assert!(fetch(&source).await.is_ok());
    assert_eq!(source.dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_hangs_panics_and_counts_who_is_there_at_once() {
    let source = ScriptedSource::tokens(HOUR);
    source.hang_next(1).panic_next(1);
    assert!(tokio::time::timeout(HOUR, fetch(&source)).await.is_err());
    let panicking = source.clone();
    let panicked = tokio::spawn(async move { fetch(&panicking).await.map(|_| ()) }).await;
    assert!(panicked.is_err_and(|error| error.is_panic()));
    assert_eq!((source.dropped(), source.in_flight()), (2, 0));

    let hold = source.hold();
    let both = async { tokio::join!(fetch(&source), fetch(&source)) };
    let release = async {
        hold.arrived(2).await;
        assert_eq!(source.in_flight(), 2);
        hold.release();
    };
    let ((first, second), ()) = tokio::join!(both, release);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!((source.max_in_flight(), source.dropped()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_sticky_source_issues_the_same_token_with_what_is_left() {
    let source = ScriptedSource::tokens(HOUR);
    source.set_reissue(Reissue::Sticky);
    fetch(&source).await.expect("a token");
    tokio::time::advance(SECOND).await;
    let again = fetch(&source).await.expect("a token");
    assert_eq!(value(&again), "Bearer token-1");
    assert_eq!(again.lifetime(), Some(Duration::from_secs(3599)));
    source.revoke_all();
    let other = fetch(&source).await.expect("a token");
    assert_eq!(value(&other), "Bearer token-2");
    assert!(source.revoke("token-2") && !source.revoke("token-2"));
}

#[tokio::test(start_paused = true)]
async fn a_source_tells_what_it_was_told() {
    let source = ScriptedSource::tokens(HOUR);
    assert_eq!(source.challenges().len(), 0);
    let cached = Cached::new(source.clone());
    let credential = cached.get().await.expect("a credential");
    let headers = http::HeaderMap::from_iter([(
        http::header::WWW_AUTHENTICATE,
        http::HeaderValue::from_static("Bearer error=\"invalid_token\""),
    )]);
    cached.reject(&credential, &Challenges::of(&headers));
    tokio::time::advance(SECOND).await;
    // The credential may be renewed now or serve on; either way the next fetch says why.
    let _ = cached.get().await;
    assert_eq!(source.reasons().first(), Some(&Reason::First));
    if source.fetches() > 1 {
        assert_eq!(source.reasons()[1], Reason::Rejected);
        assert_eq!(source.challenges().len(), 1);
    }
}

fn request(path: &str, token: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::post(format!("https://api.example.com{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Full::from("body")).expect("a request")
}

async fn status(api: &ScriptedApi, path: &str, token: &str) -> u16 {
    let sent = api.clone().oneshot(request(path, Some(token))).await;
    sent.expect("an answer").status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn an_api_takes_the_tokens_of_its_source() {
    let source = ScriptedSource::tokens(HOUR);
    let api = ScriptedApi::new(&source);
    api.latency(SECOND).route("/json", serde_json::json!([1]));
    assert_eq!(status(&api, "/x", "token-1").await, 401);
    fetch(&source).await.expect("a token");
    let start = Instant::now();
    assert_eq!(status(&api, "/x", "token-1").await, 200);
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(status(&api, "/x", "token-2").await, 401);

    let sent = api.clone().oneshot(request("/json", Some("token-1"))).await;
    let body = sent.expect("an answer").into_body().collect().await;
    assert_eq!(body.expect("a body").to_bytes(), "[1]");
    let sent = api.clone().oneshot(request("/json", None)).await;
    let response = sent.expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.headers()["www-authenticate"],
        "Bearer error=\"invalid_token\""
    );

    source.revoke_all();
    assert_eq!(status(&api, "/x", "token-1").await, 401);
    fetch(&source).await.expect("a token");
    tokio::time::advance(HOUR).await;
    assert_eq!(status(&api, "/x", "token-2").await, 401);
    assert_eq!((api.requests(), api.with_status(401)), (7, 5));
    assert_eq!(api.path_with_status("/x", 200), 1);
    assert_eq!(api.tokens(), ["token-1", "token-2"]);
    assert_eq!((api.max_in_flight(), api.dropped()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_api_has_its_own_troubles() {
    let source = ScriptedSource::tokens(HOUR);
    let api = ScriptedApi::new(&source);
    api.replication_lag(2 * SECOND).refuse("/broken");
    fetch(&source).await.expect("a token");
    assert_eq!(status(&api, "/x", "token-1").await, 401);
    tokio::time::advance(2 * SECOND).await;
    assert_eq!(status(&api, "/x", "token-1").await, 200);
    assert_eq!(status(&api, "/broken", "token-1").await, 401);
    // The old one is good while the new one is not yet.
    fetch(&source).await.expect("a token");
    assert_eq!(status(&api, "/x", "token-2").await, 401);
    assert_eq!(status(&api, "/x", "token-1").await, 200);

    api.down(503).respond_next(1, 429);
    assert_eq!(status(&api, "/x", "token-1").await, 429);
    assert_eq!(status(&api, "/x", "token-1").await, 503);
    api.up();
    assert_eq!(status(&api, "/x", "token-1").await, 200);

    let hold = api.hold();
    let waited = tokio::time::timeout(SECOND, status(&api, "/x", "token-1")).await;
    assert!(waited.is_err());
    hold.release();
    assert_eq!(api.dropped(), 1);
}

#[tokio::test]
#[should_panic(expected = "polled ready")]
async fn an_api_insists_on_readiness() {
    let api = ScriptedApi::new(&ScriptedSource::tokens(HOUR));
    let mut ready = api.clone();
    let ready = tower::ServiceExt::<Request<Full<Bytes>>>::ready(&mut ready).await;
    drop(ready.expect("ready").clone().call(request("/x", None)));
}

#[tokio::test]
async fn debug_output_names_no_token() {
    let source = ScriptedSource::tokens(HOUR);
    let secret = Credential::bearer("s3cr3t-value").expect("a token");
    source.answer_next(1, secret);
    let api = ScriptedApi::new(&source);
    let shown = format!("{source:?} {api:?}");
    assert!(!shown.contains("s3cr3t-value"), "{shown}");
}

#[cfg(feature = "oauth2")]
mod transport {
    use hallpass_oauth2::transport::{Phase, Transport as _};
    use hallpass_testkit::ScriptedTransport;

    use super::*;

    async fn ask(transport: &ScriptedTransport) -> Result<(u16, String), Phase> {
        let request = Request::post("https://auth.example.com/token");
        let request = request.body(Bytes::from_static(b"grant_type=client_credentials"));
        let sent = transport
            .send(request.expect("a request"), 10 * SECOND)
            .await;
        let response = sent.map_err(|error| error.phase())?;
        let body = String::from_utf8_lossy(response.body()).into_owned();
        Ok((response.status().as_u16(), body))
    }

    #[tokio::test(start_paused = true)]
    async fn a_transport_goes_through_its_script() {
        let transport = ScriptedTransport::tokens(HOUR);
        transport
            .break_next(1, Phase::Connect)
            .respond_next(1, 400, &[("x-a", "1")], "no")
            .hang_next(1)
            .latency(SECOND);
        let start = Instant::now();
        assert_eq!(ask(&transport).await, Err(Phase::Connect));
        assert_eq!(ask(&transport).await, Ok((400, "no".to_owned())));
        assert_eq!(start.elapsed(), 2 * SECOND);
        assert_eq!(ask(&transport).await, Err(Phase::ExchangeTimeout));
        assert_eq!(start.elapsed(), 12 * SECOND, "the request's own limit");
        let issued = r#"{"access_token":"token-1","token_type":"Bearer","expires_in":3600}"#;
        assert_eq!(ask(&transport).await, Ok((200, issued.to_owned())));

        transport.down(503);
        assert_eq!(ask(&transport).await.map(|(status, _)| status), Ok(503));
        transport.rate_limited(3);
        assert_eq!(ask(&transport).await.map(|(status, _)| status), Ok(429));
        transport.hang();
        assert_eq!(ask(&transport).await, Err(Phase::ExchangeTimeout));
        transport.up().set_reissue(Reissue::Sticky);
        let (status, body) = ask(&transport).await.expect("an answer");
        assert_eq!(status, 200);
        assert!(body.contains("token-1"), "{body}");

        let requests = transport.requests();
        assert_eq!((requests.len(), transport.max_in_flight()), (8, 1));
        assert_eq!(requests[0].body(), "grant_type=client_credentials");
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_exchange_ends_with_its_limit_or_its_caller() {
        let transport = ScriptedTransport::tokens(HOUR);
        let hold = transport.hold();
        assert_eq!(ask(&transport).await, Err(Phase::ExchangeTimeout));
        assert!(tokio::time::timeout(SECOND, ask(&transport)).await.is_err());
        assert_eq!(transport.dropped(), 1);
        hold.release();
        assert!(ask(&transport).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_built_on_it_gets_tokens_in_paused_time() {
        let transport = ScriptedTransport::tokens(HOUR);
        transport.latency(SECOND);
        let source = hallpass_oauth2::ClientCredentials::at("https://auth.example.com/token")
            .basic("client", "secret")
            .build(transport.clone())
            .expect("a source");
        let start = Instant::now();
        let token = source.fetch(&Fetch::first()).await.expect("a token");
        assert_eq!(value(&token), "Bearer token-1");
        assert_eq!(token.lifetime(), Some(HOUR));
        assert_eq!(start.elapsed(), SECOND);
    }
}
