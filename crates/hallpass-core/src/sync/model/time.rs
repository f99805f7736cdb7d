//! tokio's time, which goes on only when a test says so: whoever is not woken is then found waiting
//! for ever, and no timer hides it.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    ops::Add,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{Clock, Moment};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

/// The time, and who sleeps. Of the thread that all of one schedule runs on.
struct Time {
    now: Duration,
    sleepers: Vec<(Duration, Waker)>,
}

const START: Duration = Duration::from_secs(1_000);

std::thread_local! {
    static TIME: RefCell<Time> = const {
        RefCell::new(Time { now: START, sleepers: Vec::new() })
    };
}

/// Begins anew, for another schedule.
pub(crate) fn reset() {
    TIME.with_borrow_mut(|time| {
        time.now = START;
        time.sleepers.clear();
    });
}

pub(crate) fn advance(by: Duration) {
    let due: Vec<Waker> = TIME.with_borrow_mut(|time| {
        time.now += by;
        let now = time.now;
        let sleepers = std::mem::take(&mut time.sleepers);
        let (due, later) = sleepers.into_iter().partition(|(until, _)| *until <= now);
        time.sleepers = later;
        due.into_iter()
            .map(|(_, waker): (_, Waker)| waker)
            .collect()
    });
    due.into_iter().for_each(Waker::wake);
}

/// The engine's clocks, which go with it.
pub(crate) struct ModelClock;

impl Clock for ModelClock {
    fn now(&self) -> Moment {
        let now = Instant::now().0;
        Moment {
            monotonic: now,
            wall: now + Duration::from_secs(1_800_000_000),
        }
    }
}

impl Instant {
    pub(crate) fn now() -> Self {
        TIME.with_borrow(|time| Self(time.now))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Self::now().saturating_duration_since(*self)
    }

    pub(crate) fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn checked_add(&self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

pub(crate) struct Sleep(Duration);

pub(crate) fn sleep(duration: Duration) -> Sleep {
    sleep_until(Instant::now() + duration)
}

pub(crate) fn sleep_until(until: Instant) -> Sleep {
    Sleep(until.0)
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        TIME.with_borrow_mut(|time| {
            if time.now >= self.0 {
                return Poll::Ready(());
            }
            time.sleepers.push((self.0, context.waker().clone()));
            Poll::Pending
        })
    }
}

#[derive(Debug)]
pub(crate) struct Elapsed;

pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = pin!(sleep(limit));
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        sleep.as_mut().poll(context).map(|()| Err(Elapsed))
    })
    .await
}

pub(crate) enum MissedTickBehavior {
    Delay,
}

pub(crate) struct Interval {
    period: Duration,
    next: Instant,
}

pub(crate) fn interval(period: Duration) -> Interval {
    Interval {
        period,
        next: Instant::now(),
    }
}

impl Interval {
    pub(crate) fn set_missed_tick_behavior(&mut self, _: MissedTickBehavior) {}

    pub(crate) async fn tick(&mut self) {
        sleep_until(self.next).await;
        self.next = Instant::now() + self.period;
    }
}
