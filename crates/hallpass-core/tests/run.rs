//! The whole protocol around a client of one's own, and the trace of what went without it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "it/common/mod.rs"]
mod common;

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use common::{HOUR, Source, flaky, token};
use hallpass_core::{
    Attempt, Authorizer, Cached, Choices, Credential, CredentialSource, NoCredential,
    adapter::{AnsweredBy, CallError, Processed},
};
use http::{Request, Response, header::AUTHORIZATION};

const URI: &str = "https://api.example/items";

fn request() -> Request<&'static str> {
    Request::post(URI).body("an order").unwrap()
}

fn engine() -> (Authorizer, Source) {
    let source = Source::tokens(HOUR);
    let cached = Cached::new(source.clone());
    (Authorizer::new(cached), source)
}

fn status(code: u16) -> Response<()> {
    Response::builder().status(code).body(()).unwrap()
}

fn carries<B>(request: &Request<B>, token: &str) -> bool {
    request
        .headers()
        .get(AUTHORIZATION)
        .is_some_and(|value| value == token)
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_sent_again_whole() {
    let (authorizer, source) = engine();
    let response = authorizer.run(request(), async |request: Request<&str>| {
        assert_eq!(*request.body(), "an order");
        let fine = carries(&request, "Bearer token-2");
        Ok::<_, io::Error>(status(if fine { 200 } else { 401 }))
    });
    let response = response.await.unwrap();
    assert_eq!(response.status(), 200);
    let attempt = response.extensions().get::<Attempt>().unwrap();
    assert!(attempt.replayed && attempt.generation == 2);
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn errors_say_whose_they_are() {
    let (authorizer, source) = engine();
    let broken = authorizer.run(request(), async |_| Err::<Response<()>, _>("broken"));
    assert!(matches!(broken.await, Err(CallError::Inner("broken"))));
    let (authorizer, second) = (authorizer.origins(["http://api.example"]).unwrap(), source);
    let refused = authorizer.run(
        Request::get("http://api.example").body(()).unwrap(),
        async |_| Err::<Response<()>, _>("sent"),
    );
    assert!(matches!(refused.await, Err(CallError::Credential(error)) if error.is_destination()));
    assert_eq!(second.fetches(), 1);
    let none = Authorizer::new(Source::always(Err(flaky())));
    let none = none.run(request(), async |_| Err::<Response<()>, _>("sent"));
    assert!(matches!(none.await, Err(CallError::Credential(_))));
}

#[tokio::test(start_paused = true)]
async fn what_the_client_says_about_hops_counts() {
    for (note, sent, rejections) in [(0, 2, 1), (1, 1, 1), (2, 1, 0), (3, 1, 1)] {
        let (authorizer, _) = engine();
        let mut calls = 0;
        let response = authorizer.run(request(), |_| {
            calls += 1;
            let mut response = status(401);
            let uri = ["https://api.example/y", "https://b.example/"];
            match note {
                1 | 2 => {
                    let by = AnsweredBy(uri[note - 1].parse().unwrap());
                    response.extensions_mut().insert(by);
                }
                3 => drop(response.extensions_mut().insert(Processed)),
                _ => {}
            }
            async { Ok::<_, io::Error>(response) }
        });
        response.await.unwrap();
        let stats = authorizer.cached().stats();
        assert_eq!((calls, stats.rejections), (sent, rejections), "{note}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_sent_between_threads_stays_so() {
    fn send<F: Future + Send>(future: F) -> F {
        future
    }
    let (authorizer, _) = engine();
    let answer = send(authorizer.run(request(), |_| async { Ok::<_, io::Error>(status(200)) }));
    let local = authorizer.run(request(), |_| {
        let not_send = std::rc::Rc::new(());
        async move {
            drop(not_send);
            Ok::<_, io::Error>(status(200))
        }
    });
    assert_eq!(
        answer.await.unwrap().status(),
        local.await.unwrap().status()
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_with_a_name_listens_to_its_name_only() {
    let authorizer = engine().0.named("api");
    let tenant = Cached::new(Credential::bearer("tenant").unwrap());
    let plain = engine().0;
    for (named, choices, expected) in [
        (
            true,
            Choices::new().credential("api", tenant.clone()),
            Some("Bearer tenant"),
        ),
        (true, Choices::new().no_credential("api"), None),
        (
            true,
            Choices::new()
                .credential("api", tenant.clone())
                .no_credential("api"),
            None,
        ),
        (
            true,
            Choices::new().credential("gateway", tenant.clone()),
            Some("Bearer token-1"),
        ),
        (
            false,
            Choices::new().credential("api", tenant.clone()),
            Some("Bearer token-1"),
        ),
    ] {
        let mut request = request();
        request.extensions_mut().insert(choices);
        let authorizer = if named { &authorizer } else { &plain };
        let seen = authorizer.run(request, async |request: Request<&str>| {
            let value = request.headers().get(AUTHORIZATION);
            assert_eq!(value.map(|value| value.to_str().unwrap()), expected);
            Ok::<_, io::Error>(status(200))
        });
        seen.await.unwrap();
    }
    let mut bare = request();
    bare.extensions_mut().insert(NoCredential);
    let sent = authorizer.run(bare, async |request: Request<&str>| {
        assert!(carries(&request, "Bearer token-1"));
        Ok::<_, io::Error>(status(200))
    });
    sent.await.unwrap();
}

/// What was traced, an event a line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn count(&self, part: &str) -> usize {
        self.to_string()
            .lines()
            .filter(|line| line.contains(part))
            .count()
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0.lock().unwrap()))
    }
}

fn capture() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

async fn get(authorizer: &Authorizer, uri: &str, own: bool) {
    let mut request = Request::get(uri);
    if own {
        request = request.header(AUTHORIZATION, "Bearer own");
    }
    let request = request.body(()).unwrap();
    let answer = authorizer.run(request, async |_| Ok::<_, io::Error>(status(200)));
    answer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_withheld_leaves_a_trace() {
    let (log, _guard) = capture();
    let authorizer = engine().0.origins(["https://wrong.example"]).unwrap();
    for _ in 0..5 {
        get(&authorizer, "https://a.example/x?key=s3cr3t", false).await;
        get(&authorizer, "https://me:s3cr3t@b.example/", false).await;
    }
    assert_eq!(authorizer.cached().stats().withheld, 10);
    assert_eq!(log.count("withheld"), 2, "{log}");
    assert_eq!(
        log.count("origin=https://a.example reason=Elsewhere"),
        1,
        "{log}"
    );
    assert_eq!(log.count("s3cr3t"), 0, "{log}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_header_is_told_of_at_once_and_counted() {
    for (value, warns) in [
        ("Bearer ", 1),
        ("bearer", 1),
        ("", 1),
        ("Basic ", 1),
        ("Bearer x", 0),
        ("Basic eA==", 0),
    ] {
        for used_before in [false, true] {
            let (log, _guard) = capture();
            let authorizer = engine().0;
            if used_before {
                get(&authorizer, URI, false).await;
            }
            for sent in 1..=2 {
                let request = Request::get(URI).header(AUTHORIZATION, value).body(());
                let answer = authorizer.run(request.unwrap(), async |request| {
                    assert_eq!(request.headers()[AUTHORIZATION], value);
                    Ok::<_, io::Error>(status(401))
                });
                assert_eq!(answer.await.unwrap().status(), 401);
                assert_eq!(authorizer.cached().stats().withheld, sent);
                assert_eq!(log.count("override_existing"), warns, "{value:?} {log}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_always_brings_its_own_header_is_told_once() {
    for warm in [false, true] {
        let (log, _guard) = capture();
        let authorizer = engine().0;
        if warm {
            authorizer.cached().get().await.unwrap();
        }
        for _ in 0..20 {
            get(&authorizer, URI, true).await;
        }
        assert_eq!(log.count("override_existing"), 1, "{log}");
        assert_eq!(log.count("WARN"), 1, "{log}");
    }
    let (log, _guard) = capture();
    let authorizer = engine().0;
    get(&authorizer, URI, false).await;
    for _ in 0..20 {
        get(&authorizer, URI, true).await;
    }
    assert_eq!(
        log.count("override_existing"),
        0,
        "only some have it: {log}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bare_credential_is_for_ever_and_says_that_it_is_fixed() {
    for credential in [
        Credential::basic("u", "p").unwrap(),
        Credential::bearer("t").unwrap(),
    ] {
        assert!(credential.description().fixed);
        let cached = Cached::new(credential);
        cached.get().await.unwrap();
        assert_eq!(cached.stats().time_left, None);
    }
    assert!(!Source::tokens(HOUR).description().fixed);
    let ends = Cached::new(token(1, HOUR));
    ends.get().await.unwrap();
    assert!(ends.stats().time_left.is_some());
}

#[test]
fn a_token_is_handed_out_by_name() {
    assert_eq!(token(1, HOUR).token(), Some("token-1"));
    assert_eq!(Credential::basic("u", "p").unwrap().token(), None);
    let key = Credential::header(http::HeaderName::from_static("x-api-key"), "Bearer k");
    assert_eq!(key.unwrap().token(), None);
    let dpop = Credential::header(AUTHORIZATION, "DPoP t.t").unwrap();
    assert_eq!(dpop.token(), Some("t.t"));
    let at = std::time::SystemTime::UNIX_EPOCH + HOUR;
    assert_eq!(token(1, HOUR).expires_at(at).expiry(), Some(at));
    assert_eq!(token(1, HOUR).expiry(), None);
}
