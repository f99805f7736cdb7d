//! The protocol of one request: what each answer means for the credential and for the request.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{HOUR, Source, bare, cached, challenges, flaky, refused, token};
use hallpass_core::{
    Admission, Attempt, Authorizer, Cached, Credential, Error, Exchange, Next, NoCredential,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION};

const URI: &str = "https://api.example/items";

/// What a server answers: a status and one header.
type Answer = (u16, Option<(&'static str, &'static str)>);

const OK: Answer = (200, None);
const BARE: Answer = (401, None);

/// What came of one request through a small adapter.
#[derive(Debug)]
struct Outcome {
    status: u16,
    /// The `Authorization` of each time that it was sent.
    sent: Vec<Option<String>>,
    attempt: Option<Attempt>,
}

/// Does what every adapter does, with a server that is told how often it was asked.
async fn send(
    authorizer: &Authorizer,
    given: &HeaderMap,
    replayable: bool,
    server: impl Fn(usize, &HeaderMap) -> Answer,
) -> Result<Outcome, Error> {
    let (method, uri) = (Method::POST, Uri::from_static(URI));
    let mut sent = Vec::new();
    let mut ask = |headers: &HeaderMap| {
        let authorization = headers.get_all(AUTHORIZATION);
        assert!(authorization.iter().count() <= 1, "one header at most");
        let text = headers.get(AUTHORIZATION);
        sent.push(text.map(|value| value.to_str().unwrap().to_owned()));
        let (status, header) = server(sent.len(), headers);
        let headers = header.map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        (
            StatusCode::from_u16(status).unwrap(),
            HeaderMap::from_iter(headers),
        )
    };
    let mut headers = given.clone();
    if authorizer.admit(&uri, &headers)? == Admission::Pass {
        let status = ask(&headers).0.as_u16();
        return Ok(Outcome {
            status,
            sent,
            attempt: None,
        });
    }
    let mut exchange = Exchange::new();
    if !exchange.attach_current(authorizer, &mut headers) {
        exchange.waited();
        let credential = authorizer.cached().get().await?;
        exchange.attach(&credential, &method, &uri, &mut headers);
    }
    let (mut status, answer) = ask(&headers);
    if exchange.answered(authorizer, status, &answer, replayable) == Next::Renew {
        let credential = authorizer.cached().get().await?;
        if exchange.is_news(&credential) {
            let mut headers = given.clone();
            exchange.attach_again(authorizer, &credential, &method, &uri, &mut headers);
            let (again, answer) = ask(&headers);
            status = again;
            let next = exchange.answered(authorizer, status, &answer, replayable);
            assert_eq!(next, Next::Return, "never a third time");
        }
    }
    Ok(Outcome {
        status: status.as_u16(),
        sent,
        attempt: exchange.report(authorizer),
    })
}

async fn simply(authorizer: &Authorizer, answers: [Answer; 2]) -> Outcome {
    send(authorizer, &HeaderMap::new(), true, |n, _| answers[n - 1])
        .await
        .unwrap()
}

fn engine() -> (Authorizer, Source) {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    (Authorizer::new(cached), source)
}

#[tokio::test(start_paused = true)]
async fn every_row_of_the_table() {
    let bearer = |text| Some(("www-authenticate", text));
    let replayed: [Answer; 8] = [
        BARE,
        (401, bearer("Bearer")),
        (401, bearer("Bearer error=\"invalid_token\"")),
        (401, bearer("Basic realm=\"x\"")),
        (401, bearer("Negotiate")),
        (200, Some(("grpc-status", "16"))),
        (401, Some(("content-type", "application/grpc"))),
        (401, Some(("grpc-status", "16"))),
    ];
    let returned: [Answer; 13] = [
        OK,
        (
            401,
            bearer("Bearer error=\"insufficient_user_authentication\""),
        ),
        (401, bearer("Bearer error=\"insufficient_scope\"")),
        (400, bearer("Bearer error=\"invalid_request\"")),
        (403, None),
        (403, bearer("Bearer error=\"insufficient_scope\"")),
        (403, bearer("Bearer error=\"invalid_token\"")),
        (
            407,
            Some(("proxy-authenticate", "Bearer error=\"invalid_token\"")),
        ),
        (407, bearer("Bearer error=\"invalid_token\"")),
        (200, Some(("grpc-status", "7"))),
        (200, Some(("grpc-status", "0"))),
        (403, Some(("content-type", "application/grpc"))),
        (503, None),
    ];
    for answer in replayed {
        let (authorizer, source) = engine();
        let outcome = simply(&authorizer, [answer, OK]).await;
        assert_eq!(outcome.status, 200, "{answer:?}");
        let expected = ["Bearer token-1", "Bearer token-2"].map(|one| Some(one.to_owned()));
        assert_eq!(outcome.sent, expected, "{answer:?}");
        assert_eq!(source.fetches(), 2);
        let stats = authorizer.cached().stats();
        assert_eq!((stats.rejections, stats.replays), (1, 1));
    }
    for answer in returned {
        let (authorizer, source) = engine();
        let outcome = simply(&authorizer, [answer, BARE]).await;
        assert_eq!((outcome.status, outcome.sent.len()), (answer.0, 1));
        let stats = authorizer.cached().stats();
        assert_eq!(
            (stats.rejections, stats.replays, stats.generation),
            (0, 0, Some(1))
        );
        assert_eq!(source.fetches(), 1, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_replays_answer_is_returned_whatever_it_is() {
    for answer in [
        BARE,
        (403, None),
        (500, None),
        (200, Some(("grpc-status", "16"))),
    ] {
        let (authorizer, source) = engine();
        let outcome = simply(&authorizer, [BARE, answer]).await;
        assert_eq!((outcome.status, outcome.sent.len()), (answer.0, 2));
        assert_eq!(source.fetches(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_sent_again_still_rejects() {
    let (authorizer, source) = engine();
    let outcome = send(&authorizer, &HeaderMap::new(), false, |_, _| BARE)
        .await
        .unwrap();
    assert_eq!((outcome.status, outcome.sent.len()), (401, 1));
    assert_eq!(authorizer.cached().stats().rejections, 1);
    assert!(
        simply(&authorizer, [OK, BARE])
            .await
            .attempt
            .unwrap()
            .waited
    );
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_the_users_is_a_rejection_too() {
    let (authorizer, _) = engine();
    let authorizer = authorizer.rejected_when(|status, _| status.as_u16() == 419);
    let outcome = simply(&authorizer, [(419, None), OK]).await;
    assert_eq!((outcome.status, outcome.sent.len()), (200, 2));
}

#[tokio::test(start_paused = true)]
async fn rules_add_up_and_none_excuses_a_401() {
    let (authorizer, _) = engine();
    let authorizer = authorizer
        .rejected_when(|status, _| status.as_u16() == 419)
        .rejected_when(|_, headers| headers.contains_key("x-stale"));
    for answer in [(419, None), (200, Some(("x-stale", "1"))), BARE] {
        assert_eq!(simply(&authorizer, [answer, OK]).await.sent.len(), 2);
    }
    assert_eq!(simply(&authorizer, [OK, BARE]).await.sent.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_request_may_bring_its_own_or_go_without() {
    let (authorizer, source) = engine();
    let mut extensions = http::Extensions::new();
    let same = authorizer.for_request(&extensions).unwrap();
    assert!(matches!(same, std::borrow::Cow::Borrowed(_)));
    let (other, other_source) = engine();
    extensions.insert(other.cached().clone());
    let own = authorizer.for_request(&extensions).unwrap();
    simply(&own, [OK, BARE]).await;
    assert_eq!((source.fetches(), other_source.fetches()), (0, 1));
    extensions.insert(NoCredential);
    assert!(authorizer.for_request(&extensions).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_persistent_refusal_reaches_the_caller_and_costs_little() {
    let (authorizer, source) = engine();
    let mut sent = 0;
    for _ in 0..1000 {
        let outcome = simply(&authorizer, [BARE, BARE]).await;
        assert_eq!(outcome.status, 401);
        sent += outcome.sent.len();
        tokio::time::sleep(common::millis(100)).await;
    }
    // 1 s, 2 s, 4 s… in 100 s.
    assert!(source.fetches() <= 9, "{}", source.fetches());
    assert!(
        sent <= 1010,
        "a persistent 401 must not double the traffic: {sent}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_replays_with_the_current_one() {
    let (authorizer, source) = engine();
    let old = authorizer.cached().get().await.unwrap();
    authorizer.cached().reject(&old, &challenges("Bearer"));
    authorizer.cached().get().await.unwrap();
    let (method, uri) = (Method::GET, Uri::from_static(URI));
    let mut exchange = Exchange::new();
    exchange.attach(&old, &method, &uri, &mut HeaderMap::new());
    let answer = exchange.answered(
        &authorizer,
        StatusCode::UNAUTHORIZED,
        &HeaderMap::new(),
        true,
    );
    assert_eq!(answer, Next::Renew);
    let current = authorizer.cached().try_get().unwrap();
    assert!(exchange.is_news(&current));
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_static_credential_is_not_sent_twice() {
    let source = Source::always(Ok(bare(1).never_expires()));
    let (cached, _) = cached(&source);
    let authorizer = Authorizer::new(cached);
    for _ in 0..10 {
        let outcome = simply(&authorizer, [BARE, OK]).await;
        assert_eq!((outcome.status, outcome.sent.len()), (401, 1));
    }
    assert_eq!(source.fetches(), 2);
    assert_eq!(authorizer.cached().stats().replays, 0);
    assert_eq!(simply(&authorizer, [OK, BARE]).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_accepts_the_new_one_makes_the_next_refusal_count() {
    let (authorizer, source) = engine();
    for round in 1..=5 {
        // The first one comes without waiting, so only the engine knows that it is a new one.
        assert_eq!(simply(&authorizer, [BARE, OK]).await.status, 200);
        assert_eq!(source.fetches(), round + 1);
        assert_eq!(simply(&authorizer, [OK, BARE]).await.sent.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_had_is_an_error_and_nothing_is_sent() {
    let source = Source::always(Err(refused()));
    let (cached, _) = cached(&source);
    let authorizer = Authorizer::new(cached);
    for _ in 0..2 {
        let none = HeaderMap::new();
        let outcome = send(&authorizer, &none, true, |_, _| {
            panic!("nothing is ever sent bare")
        });
        assert!(outcome.await.unwrap_err().is_permanent());
    }
}

#[tokio::test(start_paused = true)]
async fn no_new_one_after_a_refusal_is_an_error_of_its_own() {
    let (authorizer, source) = engine();
    assert_eq!(simply(&authorizer, [OK, BARE]).await.status, 200);
    source.answer(|_, _| Err(flaky()));
    let outcome = send(&authorizer, &HeaderMap::new(), true, |_, _| BARE).await;
    assert!(outcome.unwrap_err().is_transient());
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_header_stays_unless_told_otherwise() {
    let own = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer own"))]);
    let (authorizer, source) = engine();
    let outcome = send(&authorizer, &own, true, |_, _| BARE).await.unwrap();
    assert_eq!(outcome.status, 401);
    assert_eq!(outcome.sent, [Some("Bearer own".to_owned())]);
    assert_eq!((source.fetches(), outcome.attempt), (0, None));

    let authorizer = authorizer.override_existing();
    let outcome = send(&authorizer, &own, true, |n, _| [BARE, OK][n - 1]).await;
    let expected = ["Bearer token-1", "Bearer token-2"].map(|one| Some(one.to_owned()));
    assert_eq!(outcome.unwrap().sent, expected);
}

#[tokio::test(start_paused = true)]
async fn another_header_of_the_callers_is_no_reason_to_leave_it_alone() {
    let name = HeaderName::from_static("x-api-key");
    let key = Credential::header(name.clone(), "k1")
        .unwrap()
        .never_expires();
    let authorizer = Authorizer::new(key);
    let own = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Basic eDp5"))]);
    let outcome = send(&authorizer, &own, true, |_, headers| {
        assert_eq!(headers[&name], "k1");
        assert!(headers[&name].is_sensitive());
        OK
    });
    outcome.await.unwrap();
    let own = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static("mine"))]);
    let outcome = send(&authorizer, &own, true, |_, headers| {
        assert_eq!(headers[&name], "mine");
        OK
    });
    outcome.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_goes_beside_it_yields_to_the_callers() {
    let tenant = HeaderName::from_static("x-tenant");
    let beside = token(1, HOUR).with_header(tenant.clone(), HeaderValue::from_static("a"));
    let authorizer = Authorizer::new(Cached::new(Source::always(Ok(beside))));
    for (own, expected) in [(None, "a"), (Some("b"), "b")] {
        let own = own.map(|value| (tenant.clone(), HeaderValue::from_static(value)));
        let given = HeaderMap::from_iter(own);
        let outcome = send(&authorizer, &given, true, |_, headers| {
            assert_eq!(headers[&tenant], expected);
            OK
        });
        outcome.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_told_what_it_took() {
    let (authorizer, _) = engine();
    let first = simply(&authorizer, [OK, BARE]).await.attempt.unwrap();
    assert_eq!(
        (first.generation, first.waited, first.replayed),
        (1, true, false)
    );
    assert_eq!(simply(&authorizer, [OK, BARE]).await.attempt, None);
    let third = simply(&authorizer, [BARE, OK]).await.attempt.unwrap();
    assert_eq!(
        (third.generation, third.waited, third.replayed),
        (2, false, true)
    );
    let authorizer = authorizer.report_attempts();
    let fourth = simply(&authorizer, [OK, BARE]).await.attempt.unwrap();
    assert_eq!(
        (fourth.generation, fourth.waited, fourth.replayed),
        (2, false, false)
    );
}
