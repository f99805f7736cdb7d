//! What servers refuse while processes know of different tokens: all are healed, and few are fetched.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{convert::Infallible, future::ready, time::Duration};

use common::{LIFETIME, Replica, SECOND, common_token, fleet, refuse_all, settle};
use hallpass_core::Authorizer;
use hallpass_shared::MemoryStore;
use hallpass_testkit::ScriptedSource;
use http::{Request, Response, header::AUTHORIZATION};
use tokio::task::JoinSet;

const FIFTY: usize = 50;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a request of each replica is answered, by servers that accept these tokens.
async fn send_all(fleet: &[Replica], accepts: fn(u64) -> bool) -> Vec<u16> {
    let mut sending = JoinSet::new();
    for replica in fleet {
        let authorizer = Authorizer::new(replica.cached.clone());
        sending.spawn(async move {
            let request = Request::get("https://api.example/").body(()).unwrap();
            let answer = |request: Request<()>| {
                let token = request.headers()[AUTHORIZATION].to_str().unwrap();
                let number = token.rsplit_once('-').unwrap().1.parse().unwrap();
                let status = if accepts(number) { 200 } else { 401 };
                ready(Ok::<_, Infallible>(
                    Response::builder().status(status).body(()).unwrap(),
                ))
            };
            let response = authorizer.run(request, answer).await.unwrap();
            response.status().as_u16()
        });
    }
    sending.join_all().await
}

/// Nobody's first request fails, though the token that most find in the store is as dead as their
/// own: it came for another reason, or came for a refusal long ago.
#[tokio::test(start_paused = true)]
async fn what_others_have_renewed_before_all_was_revoked_is_replaced_too() {
    for refused_long_ago in [false, true] {
        let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
        source.latency(Duration::from_millis(100));
        let fleet = fleet(FIFTY, &store, &source);
        common_token(&fleet).await;
        settle(&fleet).await;
        if refused_long_ago {
            refuse_all(&fleet[..1]);
            tokio::time::sleep(60 * SECOND).await;
        } else {
            fleet[0].cached.renew().await.unwrap();
        }
        assert_eq!(source.fetches(), 2);
        // First those who find it in the store.
        for some in [&fleet[1..], &fleet[..1]] {
            let seen = send_all(some, |number| number > 2).await;
            assert!(seen.iter().all(|status| *status == 200), "{seen:?}");
        }
        assert_eq!(source.fetches(), 3);
    }
}

/// A replacement is given time to become known by all that take it over, or each would fetch anew.
#[tokio::test(start_paused = true)]
async fn a_replacement_that_servers_learn_of_late_is_fetched_once() {
    // However long it lives.
    for lifetime in [LIFETIME, 10 * YEAR] {
        let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(lifetime));
        source.latency(Duration::from_millis(100));
        let fleet = fleet(FIFTY, &store, &source);
        common_token(&fleet).await;
        settle(&fleet).await;
        for _ in 0..8 {
            let seen = send_all(&fleet, |_| false).await;
            assert!(seen.iter().all(|status| *status == 401));
            tokio::time::sleep(SECOND).await;
        }
        let seen = send_all(&fleet, |number| number == 2).await;
        assert!(seen.iter().all(|status| *status == 200), "{seen:?}");
        assert_eq!(source.fetches(), 2);
    }
}

/// An endpoint that refuses everybody costs a fleet about as much as one process.
#[tokio::test(start_paused = true)]
async fn what_helps_nobody_is_not_fetched_by_one_after_the_other() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(YEAR));
    source.latency(Duration::from_millis(100));
    let fleet = fleet(FIFTY, &store, &source);
    common_token(&fleet).await;
    settle(&fleet).await;
    for second in 0..900 {
        // They begin one after the other, so that their pauses end at different times.
        let running = (second / 2 + 1).min(FIFTY);
        send_all(&fleet[..running], |_| false).await;
        tokio::time::sleep(SECOND).await;
    }
    let fetches = source.fetches();
    assert!(fetches <= 30, "{fetches}");
}
