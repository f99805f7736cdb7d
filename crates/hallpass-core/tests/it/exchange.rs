//! The protocol of one request: what each answer means for the credential and for the request.

use hallpass_core::{
    Authorizer, NoCredential,
    adapter::{Admission, Answer as Seen, Next, Withheld},
};
use http::{Extensions, HeaderMap, Method, StatusCode, Uri, header::AUTHORIZATION};

use crate::common::{
    self, Source, bare, cached, challenges, flaky,
    protocol::{Answer, BARE, OK, URI, engine, exchange, send, send_with, simply},
    refused,
};

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

/// The issuer says that its tokens are over at once: no reason to ask for one with each call.
#[tokio::test(start_paused = true)]
async fn so_does_one_of_tokens_without_a_life() {
    let source = Source::tokens(std::time::Duration::ZERO);
    let (cached, _) = cached(&source);
    let authorizer = Authorizer::new(cached);
    let mut sent = 0;
    for _ in 0..50 {
        let outcome = simply(&authorizer, [BARE, BARE]).await;
        assert_eq!(outcome.status, 401);
        sent += outcome.sent.len();
    }
    assert!(source.fetches() <= 2, "{}", source.fetches());
    assert!(sent <= 51, "{sent}");
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
