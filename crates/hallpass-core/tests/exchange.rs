//! The protocol of one request: what each answer means for the credential and for the request.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{HOUR, Source, bare, cached, challenges, flaky, refused};
use hallpass_core::{
    Attempt, Authorizer, Cached, Credential, Error, NoCredential, Resend,
    adapter::{Admission, Answer as Seen, Attached, Exchange, Next, Withheld},
};
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION,
};

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
    send_with(authorizer, given, &Extensions::new(), replayable, &mut ask)
        .await
        .map(|(status, attempt)| Outcome {
            status: status.as_u16(),
            sent,
            attempt,
        })
}

async fn send_with(
    authorizer: &Authorizer,
    given: &HeaderMap,
    extensions: &Extensions,
    replayable: bool,
    ask: &mut impl FnMut(&HeaderMap) -> (StatusCode, HeaderMap),
) -> Result<(StatusCode, Option<Attempt>), Error> {
    let (method, uri) = (Method::POST, Uri::from_static(URI));
    let mut headers = given.clone();
    let mut exchange = match authorizer.admit(&uri, &headers, extensions) {
        Admission::Pass(_) => return Ok((ask(&headers).0, None)),
        Admission::Refuse(error) => return Err(error),
        Admission::Carry(exchange) => exchange,
    };
    let mut attached = exchange.attach(&method, &uri, &mut headers)?;
    if attached == Attached::NoneInHand {
        let acquired = exchange.acquire(replayable).await?;
        attached = exchange.attach_acquired(acquired, &method, &uri, &mut headers)?;
    }
    let mut sends = 0;
    loop {
        sends += 1;
        assert!(sends <= 3, "never more often");
        let (status, answer) = ask(&headers);
        let next = exchange.answered(&Seen::new(status, &answer), || replayable);
        assert!(attached == Attached::Yes || matches!(next, Next::Return));
        let acquired = match next {
            Next::Return => None,
            Next::Again(acquired) => Some(acquired),
            Next::Renew(renewal) => exchange.renewed(renewal).await,
        };
        let mut extensions = Extensions::new();
        headers = given.clone();
        let goes = acquired.is_some_and(|acquired| {
            exchange.attach_again(acquired, &method, &uri, &mut headers, &mut extensions)
        });
        if !goes {
            exchange.report(&mut extensions);
            return Ok((status, extensions.get().copied()));
        }
        assert_eq!(extensions.get(), Some(&Resend(sends)));
    }
}

/// The exchange of a request that carries a credential.
fn exchange(authorizer: &Authorizer) -> Exchange {
    let uri = Uri::from_static(URI);
    match authorizer.admit(&uri, &HeaderMap::new(), &Extensions::new()) {
        Admission::Carry(exchange) => exchange,
        other => panic!("{other:?}"),
    }
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
    let (authorizer, _) = engine();
    let outcome = send(&authorizer, &HeaderMap::new(), false, |_, _| BARE)
        .await
        .unwrap();
    assert_eq!((outcome.status, outcome.sent.len()), (401, 1));
    assert_eq!(authorizer.cached().stats().rejections, 1);
    // The next one finds out whether the token still works, while another is fetched.
    assert_eq!(simply(&authorizer, [OK, BARE]).await.status, 200);
    assert_eq!(authorizer.cached().stats().fetches, 2);
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
    let (other, other_source) = engine();
    let mut extensions = Extensions::new();
    extensions.insert(other.cached().clone());
    let none = HeaderMap::new();
    let mut ask = |headers: &HeaderMap| {
        assert_eq!(headers[AUTHORIZATION], "Bearer token-1");
        (StatusCode::OK, HeaderMap::new())
    };
    send_with(&authorizer, &none, &extensions, true, &mut ask)
        .await
        .unwrap();
    assert_eq!((source.fetches(), other_source.fetches()), (0, 1));
    extensions.insert(NoCredential);
    let admission = authorizer.admit(&Uri::from_static(URI), &none, &extensions);
    assert!(matches!(admission, Admission::Pass(Withheld::OptedOut)));
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
    let (method, uri) = (Method::GET, Uri::from_static(URI));
    let mut headers = HeaderMap::new();
    let mut exchange = exchange(&authorizer);
    exchange.attach(&method, &uri, &mut headers).unwrap();
    authorizer.cached().reject(&old, &challenges("Bearer"));
    authorizer.cached().get().await.unwrap();
    let none = HeaderMap::new();
    let answer = Seen::new(StatusCode::UNAUTHORIZED, &none);
    let Next::Renew(renewal) = exchange.answered(&answer, || true) else {
        panic!("it is to be sent again");
    };
    let acquired = exchange.renewed(renewal).await.unwrap();
    assert_eq!(
        (acquired.credential().generation(), source.fetches()),
        (2, 2)
    );
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
async fn without_a_new_one_after_a_refusal_the_answer_is_the_callers() {
    let (authorizer, source) = engine();
    assert_eq!(simply(&authorizer, [OK, BARE]).await.status, 200);
    source.answer(|_, _| Err(flaky()));
    let outcome = simply(&authorizer, [BARE, OK]).await;
    assert_eq!((outcome.status, outcome.sent.len()), (401, 1));
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

/// A source that announces `Authorization` and brings a key and a tenant in headers of their own.
fn set() -> Cached {
    let key = Credential::header(HeaderName::from_static("x-api-key"), "ours").unwrap();
    let set = key.lives_for(HOUR).with_header(
        HeaderName::from_static("x-tenant"),
        HeaderValue::from_static("a"),
    );
    Cached::new(Source::always(Ok(set)))
}

#[tokio::test(start_paused = true)]
async fn one_header_of_the_set_of_the_callers_own_leaves_the_request_alone() {
    let cached = set();
    let authorizer = Authorizer::new(cached.clone());
    for _ in ["cold", "warm"] {
        for name in ["authorization", "x-api-key", "x-tenant"] {
            let own = (
                HeaderName::from_static(name),
                HeaderValue::from_static("mine"),
            );
            let given = HeaderMap::from_iter([own]);
            let outcome = send(&authorizer, &given, true, |_, headers| {
                assert_eq!(*headers, given, "{name}");
                BARE
            });
            let outcome = outcome.await.unwrap();
            assert_eq!((outcome.sent.len(), outcome.attempt), (1, None));
        }
        assert_eq!(cached.stats().rejections, 0);
        cached.get().await.unwrap();
    }
    let authorizer = authorizer.override_existing();
    let own = HeaderMap::from_iter([(
        HeaderName::from_static("x-tenant"),
        HeaderValue::from_static("b"),
    )]);
    let outcome = send(&authorizer, &own, true, |_, headers| {
        assert_eq!(
            (&headers["x-api-key"], &headers["x-tenant"]),
            (
                &HeaderValue::from_static("ours"),
                &HeaderValue::from_static("a")
            )
        );
        assert!(headers["x-tenant"].is_sensitive());
        OK
    });
    outcome.await.unwrap();
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
        (2, true, true)
    );
    let authorizer = authorizer.report_attempts();
    let fourth = simply(&authorizer, [OK, BARE]).await.attempt.unwrap();
    assert_eq!(
        (fourth.generation, fourth.waited, fourth.replayed),
        (2, false, false)
    );
}
