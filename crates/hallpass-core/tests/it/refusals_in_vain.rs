//! Refusals that no replacement helps against: they cost ever fewer fetches.

use std::convert::Infallible;

use hallpass_core::{Authorizer, Challenges, Policy, Rejection};
use http::{Request, Response};

use crate::common::{HOUR, SECOND, Source, cached, secs, settle, token, with_policy};

/// Sends a request to a server that always answers this. Says how often it was sent.
async fn sendings(authorizer: &Authorizer, status: u16) -> u32 {
    let mut sent = 0;
    let request = Request::get("https://api.example/").body(()).unwrap();
    let sending = |_| {
        sent += 1;
        let response = Response::builder().status(status).body(()).unwrap();
        std::future::ready(Ok::<_, Infallible>(response))
    };
    let response = authorizer.run(request, sending).await.unwrap();
    assert_eq!(response.status().as_u16(), status);
    sent
}

/// What one endpoint accepts and another always refuses says nothing by being new: the refusal of
/// the replay is what keeps the fetches apart.
#[tokio::test(start_paused = true)]
async fn a_replay_s_own_refusal_makes_the_next_fetch_rarer() {
    let source = Source::tokens(HOUR);
    let authorizer = Authorizer::new(cached(&source).0);
    let mut sent = 0;
    for _ in 0..100 {
        assert_eq!(sendings(&authorizer, 200).await, 1);
        sent += sendings(&authorizer, 401).await;
        tokio::time::sleep(SECOND).await;
    }
    // After 2, 4, 8, 16, 32 and 60 s at most.
    assert!((3..=8).contains(&source.fetches()), "{}", source.fetches());
    assert!(sent <= 108, "{sent}");
}

/// An issuer that hands out one token until it ends, as many do: to ask again is for nothing.
#[tokio::test(start_paused = true)]
async fn the_same_token_again_is_no_replacement() {
    for accepted_first in [true, false] {
        let source = Source::always(Ok(token(1, 2 * HOUR)));
        let authorizer = Authorizer::new(cached(&source).0);
        if accepted_first {
            sendings(&authorizer, 200).await;
        }
        for _ in 0..100 {
            assert_eq!(
                sendings(&authorizer, 401).await,
                1,
                "never twice with one token"
            );
            tokio::time::sleep(SECOND).await;
        }
        assert!((2..=8).contains(&source.fetches()), "{}", source.fetches());
        // It is not taken away by that either.
        assert_eq!(sendings(&authorizer, 200).await, 1);
    }
}

/// Nor if others accept it between the refusals.
#[tokio::test(start_paused = true)]
async fn the_same_token_again_that_others_accept() {
    let source = Source::always(Ok(token(1, 2 * HOUR)));
    let authorizer = Authorizer::new(cached(&source).0);
    for _ in 0..100 {
        assert_eq!(sendings(&authorizer, 200).await, 1);
        assert_eq!(sendings(&authorizer, 401).await, 1);
        tokio::time::sleep(SECOND).await;
    }
    assert!((2..=8).contains(&source.fetches()), "{}", source.fetches());
}

/// One that came because another was refused may settle before it counts as refused in turn. One
/// that a renewal ahead has brought has nothing to settle.
#[tokio::test(start_paused = true)]
async fn what_a_renewal_ahead_brings_is_not_on_probation() {
    let source = Source::tokens(secs(300));
    let (cached, hands) = cached(&source);
    let first = cached.get().await.unwrap();
    cached.accept(&first);
    hands.pass(secs(260));
    source.take(SECOND);
    cached.get().await.unwrap();
    settle().await;
    assert_eq!(source.fetches(), 2, "a renewal is under way");
    assert_eq!(
        cached.reject(&first, &Challenges::default()),
        Rejection::Suspected
    );
    let second = cached.get().await.unwrap();
    assert_eq!(second.generation(), 2);
    assert_eq!(
        cached.reject(&second, &Challenges::default()),
        Rejection::Suspected
    );
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(source.fetches(), 3);

    // The third came in place of a refused one, so it is.
    let third = cached.get().await.unwrap();
    assert_eq!(third.generation(), 3);
    assert_eq!(
        cached.reject(&third, &Challenges::default()),
        Rejection::Kept
    );
}

/// A renewal ends the probation of what came in place of a refused one, and is a fresh start.
#[tokio::test(start_paused = true)]
async fn a_renewal_ahead_ends_a_probation() {
    let source = Source::tokens(secs(20));
    let (cached, hands) = with_policy(&source, Policy::default().settling(HOUR));
    let first = cached.get().await.unwrap();
    cached.reject(&first, &Challenges::default());
    let second = cached.get().await.unwrap();
    assert_eq!(
        cached.reject(&second, &Challenges::default()),
        Rejection::Kept
    );
    cached.accept(&second);
    hands.pass(secs(18));
    cached.get().await.unwrap();
    settle().await;
    let third = cached.get().await.unwrap();
    assert_eq!((third.generation(), source.fetches()), (3, 3));
    assert_eq!(
        cached.reject(&third, &Challenges::default()),
        Rejection::FellBack
    );
}
