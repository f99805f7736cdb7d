//! What becomes of a token that the API refuses while its endpoint is closed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hallpass_core::{Authorizer, Cached, Clock, Moment};
use hallpass_oauth2::Profile;
use http::{Request, Response};

use crate::common::{Script, Step};

const HOST: &str = "ws.example.com";

/// The engine's clock, moved by hand.
#[derive(Clone)]
struct Hands(Arc<Mutex<Moment>>);

impl Clock for Hands {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap()
    }
}

/// A call to the API, which gives these answers; returns the last one's status and how often it was
/// asked.
async fn call(authorizer: &Authorizer, answers: &[u16]) -> (u16, usize) {
    let request = Request::get(format!("https://{HOST}/orders"));
    let mut answers = answers.iter();
    let mut sent = 0;
    let answered = authorizer.run(request.body(()).unwrap(), |_| {
        sent += 1;
        let answer = Response::builder().status(*answers.next().unwrap());
        async move { answer.body(()) }
    });
    let status = answered.await.unwrap().status();
    (status.as_u16(), sent)
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_closed_keeps_the_token_and_returns_the_401() {
    let body = r#"{"status":"SUCCESS","token":{"accessToken":"t0ken","expiresIn":86400}}"#;
    let script = Script::of([Step::ok(body), Step::ok(body.replace("t0ken", "t1ken"))]);
    let toast = Profile::named("toast").unwrap().var("host", HOST);
    let source = toast.client("my-client", "s3cret").build(script.clone());
    let second = Duration::from_secs(1);
    let start = Moment {
        monotonic: 1000 * second,
        wall: 1_800_000_000 * second,
    };
    let hands = Hands(Arc::new(Mutex::new(start)));
    let cached = Cached::builder(source.unwrap())
        .clock(hands.clone())
        .build();
    let authorizer = Authorizer::new(cached.clone());
    assert_eq!(call(&authorizer, &[200]).await, (200, 1));

    assert_eq!(call(&authorizer, &[401]).await, (401, 1));
    for _ in 0..4 {
        assert_eq!(call(&authorizer, &[200]).await, (200, 1));
    }
    assert_eq!(script.seen_count(), 1, "the endpoint is left alone");
    assert_eq!(cached.stats().generation, Some(1));

    // When it is open again, a refusal asks it.
    tokio::time::advance(2000 * second).await;
    *hands.0.lock().unwrap() = start.plus(2000 * second);
    assert_eq!(call(&authorizer, &[401, 200]).await, (200, 2));
    assert_eq!(script.seen_count(), 2);
}
