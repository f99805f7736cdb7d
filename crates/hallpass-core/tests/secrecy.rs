//! No secret in what the public types print, nor in what is traced, at any level.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "it/common/mod.rs"]
mod common;

use std::{
    fmt::Debug,
    io,
    sync::{Arc, Mutex},
};

use common::{HOUR, SECOND, Source, cached, challenges, flaky, secs, settle};
use hallpass_core::{
    Authorizer, Cached, Credential, CredentialSource, Error, Fetch, SystemClock,
    adapter::{Admission, Answer, Attached, Exchange, Next},
};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

const SECRET: &str = "s3cr3t-T0k3n";

/// All that was traced.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn capture() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    (log, guard)
}

fn clean(what: &str, text: &str) {
    for part in [SECRET, "s3cr3t", "T0k3n", "czNjcjN0"] {
        assert!(!text.contains(part), "{what}: {text}");
    }
}

fn shows_nothing(what: &dyn Debug) {
    let text = format!("{what:?} {what:#?}");
    clean("Debug", &text);
}

fn exchange(authorizer: &Authorizer) -> (Exchange, Uri) {
    let uri = Uri::from_static("https://api.example/");
    match authorizer.admit(&uri, &HeaderMap::new(), &Extensions::new()) {
        Admission::Carry(exchange) => (exchange, uri),
        other => panic!("{other:?}"),
    }
}

/// Requests that go without it, with secrets of the caller's own.
fn elsewhere(authorizer: &Authorizer) {
    let authorizer = authorizer.clone().origins(["https://api.example"]).unwrap();
    let uri = Uri::from_static("https://me:s3cr3t@b.example/?key=s3cr3t");
    for _ in 0..3 {
        authorizer.admit(&uri, &HeaderMap::new(), &Extensions::new());
    }
}

fn credential() -> Credential {
    Credential::bearer(SECRET)
        .unwrap()
        .lives_for(secs(300))
        .with_scope("read")
        .with_field("note", SECRET)
        .with_header(
            HeaderName::from_static("x-second"),
            HeaderValue::from_static(SECRET),
        )
}

#[test]
fn credentials_show_what_they_are_and_never_what_they_say() {
    let basic = Credential::basic("user", SECRET).unwrap();
    let key = Credential::header(HeaderName::from_static("x-api-key"), SECRET).unwrap();
    for credential in [&credential(), &basic, &key] {
        shows_nothing(credential);
        shows_nothing(credential.header_value());
        assert!(credential.header_value().is_sensitive());
    }
    let encoded = basic.header_value().to_str().unwrap();
    assert!(!format!("{basic:?}").contains(&encoded["Basic ".len()..]));
    assert!(format!("{:?}", credential()).contains("authorization"));
}

#[test]
fn a_refused_one_is_described_and_not_repeated() {
    for error in [
        Credential::bearer(&format!("{SECRET} x")),
        Credential::bearer(&format!("{SECRET}\n")),
        Credential::bearer(&format!("{SECRET}=a")),
        Credential::bearer(&format!("é{SECRET}")),
        Credential::header(HeaderName::from_static("x"), &format!("{SECRET}\n")),
        Credential::header(HeaderName::from_static("x"), &format!(" {SECRET}")),
        Credential::header(HeaderName::from_static("x"), &format!("{SECRET}é")),
        Credential::basic(&format!("{SECRET}:"), "p"),
        Credential::basic("user", &format!("{SECRET}\r")),
    ] {
        let error = error.unwrap_err();
        assert!(error.is_permanent());
        clean("Display", &error.to_string());
        shows_nothing(&error);
    }
    let error = Credential::bearer(&format!("{SECRET} x")).unwrap_err();
    let (at, length) = (SECRET.len(), SECRET.len() + 2);
    let message = error.to_string();
    assert!(message.contains(&format!("position {at}")), "{message}");
    assert!(message.contains(&format!("length {length}")), "{message}");
}

#[test]
fn an_error_does_not_repeat_its_source() {
    let inner = || io::Error::other(format!("body was {SECRET}"));
    for error in [Error::transient(inner()), Error::permanent(inner())] {
        let error = error.context("asking").after(SECOND);
        assert_eq!(error.to_string(), "asking; next attempt in 1 s");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn a_challenge_that_repeats_the_token_is_not_printed() {
    for text in [
        r#"Bearer error="invalid_token", error_description="s3cr3t-T0k3n has ended""#,
        r#"Bearer realm="s3cr3t-T0k3n""#,
        r#"Bearer error="s3cr3t-T0k3n""#,
        "Negotiate s3cr3t-T0k3n",
    ] {
        let challenges = challenges(text);
        assert_eq!(challenges.len(), 1);
        shows_nothing(&challenges);
        shows_nothing(&challenges.iter().next().unwrap());
    }
    let known = format!("{:?}", challenges(r#"Bearer error="invalid_token""#));
    assert!(known.contains("invalid_token"), "{known}");
}

#[tokio::test(start_paused = true)]
async fn whatever_holds_one_shows_nothing() {
    let builder = Cached::builder(credential());
    shows_nothing(&builder);
    let cached = builder.build();
    shows_nothing(&cached);
    shows_nothing(&cached.get());
    cached.get().await.unwrap();
    shows_nothing(&cached.get());
    shows_nothing(&cached);
    shows_nothing(&cached.stats());
    shows_nothing(cached.description());
    shows_nothing(&cached.keep_warm().unwrap());
    let authorizer = Authorizer::new(cached)
        .origins(["https://api.example/?token=s3cr3t-T0k3n"])
        .unwrap();
    shows_nothing(&authorizer);
    shows_nothing(&Fetch::first());
    shows_nothing(&SystemClock::new());
    shows_nothing(&credential().fetch(&Fetch::first()).await);
    let (mut exchange, uri) = exchange(&authorizer);
    let mut headers = HeaderMap::new();
    let attached = exchange.attach(&Method::GET, &uri, &mut headers).unwrap();
    assert_eq!(attached, Attached::Yes);
    shows_nothing(&exchange);
    assert!(headers["authorization"].is_sensitive());
    shows_nothing(&headers);
    shows_nothing(&exchange.acquire(true).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_traced_holds_one() {
    let (log, _guard) = capture();
    let source = Source::new(|n, _| {
        let numbered = Credential::bearer(&format!("{SECRET}-{n}"))?;
        Ok(numbered.lives_for(secs(300)))
    });
    let (cached, hands) = cached(&source);
    let authorizer = Authorizer::new(cached.clone());
    let (mut exchange, uri) = exchange(&authorizer);
    let (method, mut headers) = (Method::GET, HeaderMap::new());
    let first = exchange.acquire(true).await.unwrap();
    exchange
        .attach_acquired(first, &method, &uri, &mut headers)
        .unwrap();
    let refusal = HeaderMap::from_iter([(
        http::header::WWW_AUTHENTICATE,
        HeaderValue::from_static(
            r#"Bearer error="invalid_token", error_description="s3cr3t-T0k3n-1 has ended""#,
        ),
    )]);
    let unauthorized = StatusCode::UNAUTHORIZED;
    let answer = Answer::new(unauthorized, &refusal);
    let Next::Renew(renewal) = exchange.answered(&answer, || true) else {
        panic!("it is to be sent again");
    };
    let second = exchange.renewed(renewal).await.unwrap();
    let mut extensions = Extensions::new();
    headers.clear();
    assert!(exchange.attach_again(second, &method, &uri, &mut headers, &mut extensions));
    exchange.answered(&answer, || true);
    exchange.report(&mut extensions);
    elsewhere(&authorizer);
    source.answer(|_, _| {
        let cause = io::Error::other(format!("the issuer said {SECRET}"));
        Err(Error::transient(cause).context("asking the issuer"))
    });
    hands.pass(HOUR);
    cached.get().await.unwrap_err();
    source.answer(|_, _| panic!("as a source may"));
    hands.pass(HOUR);
    cached.get().await.unwrap_err();
    settle().await;
    let text = log.text();
    clean("traced", &text);
    for event in [
        "fetch started",
        "fetch finished",
        "fetch failed",
        "rejected",
        "replaying",
        "withheld",
        "origin=https://b.example reason=Elsewhere",
        "reason=First",
        "reason=Rejected",
        "reason=Expired",
        "generation=2",
        "panicked",
        "asking the issuer",
    ] {
        assert!(text.contains(event), "{event} is missing:\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_lifetime_is_warned_of_once() {
    let warnings = |log: &Log| log.text().matches("how long the credential lives").count();
    let (log, _guard) = capture();
    // The same one again and again, as from a file: the generation stays.
    let source = Source::always(Ok(Credential::bearer(SECRET).unwrap()));
    let (same, _) = cached(&source);
    for _ in 0..3600 {
        same.get().await.unwrap();
        tokio::time::sleep(SECOND).await;
    }
    assert!(source.fetches() > 2);
    assert_eq!(warnings(&log), 1);
    // One that first says so, and later no more.
    let source = Source::new(|n, _| {
        let one = Credential::bearer(SECRET)?;
        Ok(if n == 1 { one.lives_for(SECOND) } else { one })
    });
    let (later, hands) = cached(&source);
    later.get().await.unwrap();
    assert_eq!(warnings(&log), 1);
    hands.pass(HOUR);
    later.get().await.unwrap();
    assert_eq!(warnings(&log), 2);
    // What failed on the way is no reason to warn.
    let source = Source::always(Err(flaky()));
    cached(&source).0.get().await.unwrap_err();
    assert_eq!(warnings(&log), 2);
}
