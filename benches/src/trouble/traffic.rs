//! The calls: as many as there would be if all were well, whatever becomes of those before.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use super::{
    contender::{BoxError, Client, Place},
    program::PATIENCE,
    server::{BAD, ID},
};

/// Between GETs: 50 a second.
const GETS: Duration = Duration::from_millis(20);
/// Between POSTs: 5 a second.
const POSTS: Duration = Duration::from_millis(200);
/// Between calls to the bad endpoint.
const BAD_CALLS: Duration = Duration::from_millis(500);
/// Calls at once at a cold start.
const CROWD: usize = 200;
/// The body of a POST.
const BODY: [u8; 1024] = [b'x'; 1024];

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(StatusCode),
    /// By the contender.
    Failed(String),
    GaveUp,
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// When it was to begin, which on a busy machine is a little before it did.
    pub(super) due: Instant,
    pub(super) begun: Instant,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
    /// Of a POST.
    pub(super) id: Option<u64>,
}

impl Record {
    pub(super) fn failed(&self) -> bool {
        self.outcome != Outcome::Answered(StatusCode::OK)
    }
}

/// Makes calls to one server with one client.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
    api: String,
}

impl Caller {
    pub(super) fn new(client: Client, place: &Place) -> Self {
        Self {
            client,
            api: place.api.clone(),
        }
    }

    /// Two hundred at once, and the steady ones from then on for so long.
    pub(super) async fn all(
        self,
        start: Instant,
        length: Duration,
    ) -> Result<Vec<Record>, http::Error> {
        let mut calls = JoinSet::new();
        for _ in 0..CROWD {
            calls.spawn(self.call(start, self.get("/orders")?, None));
        }
        let mut ticks = interval_at(start, GETS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let each = (POSTS.as_millis() / GETS.as_millis()) as u64;
        let ticks_in_all = (length.as_millis() / GETS.as_millis()) as u64;
        for tick in 0..ticks_in_all {
            let due = ticks.tick().await;
            calls.spawn(self.call(due, self.get("/orders")?, None));
            if tick % each == 0 {
                calls.spawn(self.call(due, self.post(tick)?, Some(tick)));
            }
        }
        Ok(calls.join_all().await)
    }

    /// Calls of the endpoint that refuses everybody, for so long.
    pub(super) async fn bad(self, length: Duration) -> Result<Vec<Record>, http::Error> {
        let mut calls = JoinSet::new();
        let mut ticks = interval_at(Instant::now(), BAD_CALLS);
        for _ in 0..length.as_millis() / BAD_CALLS.as_millis() {
            let due = ticks.tick().await;
            calls.spawn(self.call(due, self.get(BAD)?, None));
        }
        Ok(calls.join_all().await)
    }

    fn call(
        &self,
        due: Instant,
        request: Request<Bytes>,
        id: Option<u64>,
    ) -> impl Future<Output = Record> + use<> {
        call(self.client.clone(), due, request, id)
    }

    fn get(&self, path: &str) -> Result<Request<Bytes>, http::Error> {
        Request::get(format!("{}{path}", self.api)).body(Bytes::new())
    }

    fn post(&self, id: u64) -> Result<Request<Bytes>, http::Error> {
        Request::builder()
            .method(Method::POST)
            .uri(format!("{}/orders", self.api))
            .header(ID, id)
            .body(Bytes::from_static(&BODY))
    }
}

/// In a task of its own, because a contender may panic. A caller that gives up drops its call.
async fn call(client: Client, due: Instant, request: Request<Bytes>, id: Option<u64>) -> Record {
    let begun = Instant::now();
    let mut task = tokio::spawn(async move { client(request).await });
    let outcome = match timeout(PATIENCE, &mut task).await {
        Ok(Ok(Ok(status))) => Outcome::Answered(status),
        Ok(Ok(Err(error))) => Outcome::Failed(chain(&error)),
        Ok(Err(panicked)) => Outcome::Failed(panicked.to_string()),
        Err(_) => {
            task.abort();
            Outcome::GaveUp
        }
    };
    Record {
        due,
        begun,
        took: begun.elapsed(),
        outcome,
        id,
    }
}

/// An error and its causes.
fn chain(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
