//! The engine, an adapter, and a layer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use hallpass_core::{
    Authorizer, Cached, Challenges, Keyed,
    adapter::{Admission, Answer, Next},
};
use hallpass_testkit::{ScriptedApi, ScriptedSource};
use hallpass_tower::BearerLayer;
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _};

use crate::{HOUR, SECOND, SHORT, dropped_everywhere};

const URI: &str = "https://api.example/items";

struct World {
    cached: Cached,
    source: ScriptedSource,
    api: ScriptedApi,
}

fn world() -> World {
    let source = ScriptedSource::tokens(HOUR);
    source.latency(SHORT);
    let api = ScriptedApi::new(&source);
    api.latency(SHORT);
    World {
        cached: Cached::new(source.clone()),
        source,
        api,
    }
}

/// The next caller is served, by a fetch that was begun already or by a new one.
async fn serves(world: &World, most: usize) {
    let World { cached, source, .. } = world;
    cached.get_within(10 * SECOND).await.unwrap();
    // What is under way comes to its end.
    tokio::time::sleep(60 * SECOND).await;
    assert!(source.fetches() <= most, "{} fetches", source.fetches());
    assert_eq!((source.max_in_flight(), source.in_flight()), (1, 0));
    assert_eq!(source.dropped(), 0, "a fetch belongs to nobody who waits");
    assert!(cached.try_get().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits() {
    let points = dropped_everywhere(
        world,
        async |world| drop(world.cached.get().await.unwrap()),
        async |world| serves(world, 1).await,
    );
    assert!(points.await >= 1);
    let points = dropped_everywhere(
        world,
        async |world| drop(world.cached.get_within(5 * SECOND).await.unwrap()),
        async |world| serves(world, 1).await,
    );
    assert!(points.await >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_renewal() {
    let points = dropped_everywhere(
        world,
        async |world| {
            world.cached.get().await.unwrap();
            world.cached.renew().await.unwrap();
        },
        async |world| serves(world, 2).await,
    );
    assert!(points.await >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_between_two_calls() {
    let points = dropped_everywhere(
        world,
        async |world| {
            let first = world.cached.get().await.unwrap();
            world.cached.reject(&first, &Challenges::default());
            assert_eq!(world.cached.get().await.unwrap().generation(), 2);
        },
        async |world| serves(world, 2).await,
    );
    assert!(points.await >= 2);
}

/// An API that waits before it answers, and accepts the second token.
async fn second_only(request: Request<&'static str>) -> Result<Response<()>, std::io::Error> {
    tokio::time::sleep(SHORT).await;
    tokio::task::yield_now().await;
    let fine = request.headers()["authorization"] == "Bearer token-2";
    let mut response = Response::new(());
    *response.status_mut() = if fine {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    Ok(response)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_and_sent_again() {
    let call = async |world: &World| {
        let authorizer = Authorizer::new(world.cached.clone());
        let request = Request::post(URI).body("an order").unwrap();
        let response = authorizer.run(request, second_only).await.unwrap();
        assert_eq!(response.status(), 200);
    };
    let points = dropped_everywhere(world, call, async |world| {
        call(world).await;
        serves(world, 2).await;
    });
    // For a token, for the answer and in it, for another token, for the answer and in it.
    assert!(points.await >= 6);
}

#[tokio::test(start_paused = true)]
async fn a_request_through_a_layer() {
    let call = async |world: &World| {
        let service = BearerLayer::new(world.cached.clone()).layer(world.api.clone());
        let body = Full::new(Bytes::from_static(b"an order"));
        let request = Request::post(URI).body(body).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
    };
    let revoked = async |world: &World| {
        call(world).await;
        world.source.revoke_all();
        call(world).await;
    };
    let points = dropped_everywhere(world, revoked, async |world| {
        call(world).await;
        serves(world, 2).await;
    });
    // For a token and the answer; then for the answer, for another token, and for the answer.
    assert!(points.await >= 5);
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_waits_for_a_replacement() {
    let points = dropped_everywhere(
        world,
        async |world| {
            let authorizer = Authorizer::new(world.cached.clone());
            let uri = Uri::from_static(URI);
            let mut headers = HeaderMap::new();
            let admission = authorizer.admit(&uri, &headers, &Extensions::new());
            let Admission::Carry(mut exchange) = admission else {
                panic!("it is ours")
            };
            let acquired = exchange.acquire(true).await.unwrap();
            exchange
                .attach_acquired(acquired, &Method::GET, &uri, &mut headers)
                .unwrap();
            let none = HeaderMap::new();
            let answer = Answer::new(StatusCode::UNAUTHORIZED, &none);
            let Next::Renew(renewal) = exchange.answered(&answer, || true) else {
                panic!("it is renewed")
            };
            assert!(exchange.renewed(renewal).await.is_some());
        },
        async |world| serves(world, 2).await,
    );
    assert!(points.await >= 2);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_fetched_ahead() {
    let keys = [1, 2, 3];
    let points = dropped_everywhere(
        || {
            let sources = Arc::new(keys.map(|_| ScriptedSource::tokens(HOUR)));
            let of_key = Arc::clone(&sources);
            let made = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&made);
            let keyed = Keyed::builder(move |key: &usize| {
                counted.fetch_add(1, Ordering::Relaxed);
                let source = &of_key[*key - 1];
                source.latency(SHORT);
                Ok(source.clone())
            });
            (keyed.fetches_at_once(1).build(), sources, made)
        },
        async |(keyed, ..)| keyed.warm(keys).await.unwrap(),
        async |(keyed, sources, made)| {
            for key in keys.iter().rev() {
                let cached = keyed.get(key).unwrap();
                cached.get_within(10 * SECOND).await.unwrap();
            }
            let fetches = sources.each_ref().map(ScriptedSource::fetches);
            assert_eq!(fetches, [1, 1, 1], "one for each key");
            assert_eq!(made.load(Ordering::Relaxed), 3);
        },
    );
    assert!(points.await >= 1);
}
