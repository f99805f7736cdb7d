//! Every future dropped at every point at which it waits: what is left serves whoever comes next,
//! nothing is asked for twice, and nothing is left behind.
#![allow(
    clippy::unwrap_used,
    reason = "clippy sees tests in functions marked as such, and not in those that help them"
)]

mod endpoint;
mod engine;
mod fleet;
mod send;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A wait that is a point of its own.
const SHORT: Duration = Duration::from_millis(20);

/// Nothing that is tried here waits at more points than this.
const MANY: usize = 1_000;

/// Polls a future so many times, and drops it unless it is ready by then.
async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(move |context| {
        let polled = future.as_mut().poll(context).map(Some);
        left -= 1;
        if polled.is_pending() && left == 0 {
            return Poll::Ready(None);
        }
        polled
    })
    .await
}

/// Drops what `start` begins in a new world after each number of polls, until it gets to its end, and
/// looks at what is left. Returns at how many points it was dropped.
async fn dropped_everywhere<W>(
    world: impl Fn() -> W,
    start: impl AsyncFn(&W),
    after: impl AsyncFn(&W),
) -> usize {
    for times in 1..MANY {
        let world = world();
        let ended = polled(times, start(&world)).await.is_some();
        after(&world).await;
        if ended {
            return times - 1;
        }
    }
    unreachable!("it never ends")
}
