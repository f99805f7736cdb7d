//! What callers noticed, event by event.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::{
    play::{Recording, Span},
    program::{PATIENCE, Trouble},
    pulse::{Pulses, slowest},
    traffic::{Outcome, Record},
};

/// A call that took longer has waited, for a token or for the machine.
const SLOW: Duration = Duration::from_millis(50);
/// A call may be three requests: refused, a token, sent again. The machine holds up each as it does
/// one that needs no token.
const REQUESTS: u32 = 3;
/// Calls fail to the end of a slot if they do in its last so much.
const TO_THE_END: Duration = Duration::from_millis(500);

/// What one contender's program came to.
#[derive(Debug)]
pub struct Tally {
    /// Of each event in its slot.
    pub events: Vec<Counts>,
    /// Of each second the share of calls that failed, and of those that waited.
    pub seconds: Vec<(f64, f64)>,
    /// The 95th percentile of calls that need no token: what the machine makes calls wait for, but
    /// for the crowd of the cold start.
    pub machine: Duration,
}

/// A machine on which calls without a token take longer is busy with something else.
const BUSY: Duration = Duration::from_millis(100);

/// What was counted in an event's slot. Calls count where they begin.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    /// The event.
    pub name: &'static str,
    /// Without those to the bad endpoint.
    pub calls: usize,
    /// Those that did not end with 200 within their caller's patience.
    pub failed: usize,
    /// What the most of them ended with, and how many.
    pub reason: Option<(String, usize)>,
    /// POSTs that were done more than once.
    pub duplicated: usize,
    /// Requests at the token endpoint.
    pub token_requests: usize,
    /// At most so many of them began within a second.
    pub burst: usize,
    /// Calls that took more than 50 ms for which the machine is not to blame.
    pub slow: usize,
    /// Latencies at 0.5, 0.99 and 0.999, whatever the outcome.
    pub latencies: [Duration; 3],
    /// The longest time from a call that failed to the next that did not.
    pub outage: Duration,
    /// From the end of the trouble to the last call that failed; none if calls failed to the
    /// slot's end.
    pub recovery: Option<Duration>,
    /// Calls to the endpoint that refuses everybody, and how many of those got its 401.
    pub bad: (usize, usize),
    /// Calls whose whole patience lay between the end of the last token and that of the token
    /// endpoint's failure. No client can serve them.
    pub unavoidable: usize,
}

impl Tally {
    /// The sum of a number over all events.
    pub fn sum(&self, of: impl Fn(&Counts) -> usize) -> usize {
        self.events.iter().map(of).sum()
    }

    /// Whether the machine held calls up so much that the counts may be its own doing.
    pub fn is_busy(&self) -> bool {
        self.machine > BUSY
    }

    /// The event of this name.
    pub fn event(&self, name: &str) -> Option<&Counts> {
        self.events.iter().find(|counts| counts.name == name)
    }
}

/// Counts.
pub fn tally(recording: &Recording) -> Tally {
    let mut calls: Vec<&Record> = recording.calls.iter().collect();
    calls.sort_by_key(|call| call.due);
    let events = recording
        .events
        .iter()
        .map(|span| counts(span, &calls, recording))
        .collect();
    let pulses = recording.pulses.iter();
    let pulses = pulses.map(|(begun, ended)| *ended - *begun).collect();
    Tally {
        events,
        seconds: seconds(&calls, &recording.pulses),
        machine: percentiles(pulses, [0.95])[0],
    }
}

fn counts(span: &Span, all: &[&Record], recording: &Recording) -> Counts {
    let (begin, end) = span.slot;
    let within = |at: Instant| begin <= at && at < end;
    let calls: Vec<&Record> = all
        .iter()
        .copied()
        .filter(|call| within(call.due))
        .collect();
    let mut requests: Vec<Instant> = recording.token_requests.clone();
    requests.retain(|at| within(*at));
    let bad = recording.bad.iter().filter(|call| within(call.due));
    let refused = Outcome::Answered(StatusCode::UNAUTHORIZED);
    Counts {
        name: span.event.name,
        calls: calls.len(),
        failed: calls.iter().filter(|call| call.failed()).count(),
        reason: reason(&calls),
        duplicated: calls
            .iter()
            .filter(|call| call.id.is_some_and(|id| recording.repeated.contains(&id)))
            .count(),
        burst: burst(&requests),
        token_requests: requests.len(),
        slow: calls
            .iter()
            .filter(|call| waited(call, &recording.pulses))
            .count(),
        latencies: percentiles(
            calls.iter().map(|call| call.took).collect(),
            [0.5, 0.99, 0.999],
        ),
        outage: outage(&calls, end),
        recovery: recovery(&calls, span),
        bad: (
            bad.clone().count(),
            bad.filter(|call| call.outcome == refused).count(),
        ),
        unavoidable: unavoidable(&calls, span),
    }
}

fn waited(call: &Record, pulses: &Pulses) -> bool {
    let machine = || slowest(pulses, call.begun, call.begun + call.took);
    call.took > SLOW && call.took > SLOW + machine() * REQUESTS
}

fn reason(calls: &[&Record]) -> Option<(String, usize)> {
    let mut reasons: Vec<(String, usize)> = vec![];
    for call in calls.iter().filter(|call| call.failed()) {
        let text = match &call.outcome {
            Outcome::Answered(status) => status.to_string(),
            Outcome::Failed(error) => error.clone(),
            Outcome::GaveUp => "gave up".to_owned(),
        };
        match reasons.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => reasons.push((text, 1)),
        }
    }
    reasons.into_iter().max_by_key(|(_, count)| *count)
}

fn burst(requests: &[Instant]) -> usize {
    let within = |first: &Instant| {
        let end = *first + Duration::from_secs(1);
        requests
            .iter()
            .filter(|at| first <= *at && **at < end)
            .count()
    };
    requests.iter().map(within).max().unwrap_or_default()
}

fn percentiles<const N: usize>(mut taken: Vec<Duration>, shares: [f64; N]) -> [Duration; N] {
    taken.sort_unstable();
    shares.map(|share| {
        let at = (taken.len() as f64 * share) as usize;
        taken.get(at).or(taken.last()).copied().unwrap_or_default()
    })
}

fn outage(calls: &[&Record], end: Instant) -> Duration {
    let mut longest = Duration::ZERO;
    let mut since = None;
    for call in calls {
        if call.failed() {
            since.get_or_insert(call.begun);
        } else if let Some(since) = since.take() {
            longest = longest.max(call.begun - since);
        }
    }
    longest.max(since.map_or(Duration::ZERO, |since| end - since))
}

fn recovery(calls: &[&Record], span: &Span) -> Option<Duration> {
    let Some(last) = calls.iter().rfind(|call| call.failed()) else {
        return Some(Duration::ZERO);
    };
    let still = last.begun + TO_THE_END >= span.slot.1;
    (!still).then(|| last.begun.saturating_duration_since(span.ended))
}

fn unavoidable(calls: &[&Record], span: &Span) -> usize {
    let fails = [Trouble::Unavailable, Trouble::Hang, Trouble::Busy];
    // Whoever came without a live token had lost it before, which was avoidable.
    let alive = span.tokens_end.filter(|end| *end > span.begun);
    let Some(tokens_end) = alive.filter(|_| fails.contains(&span.event.trouble)) else {
        return 0;
    };
    let lost = |call: &&&Record| call.begun >= tokens_end && call.begun + PATIENCE <= span.ended;
    calls.iter().filter(lost).count()
}

fn seconds(calls: &[&Record], pulses: &Pulses) -> Vec<(f64, f64)> {
    let Some(first) = calls.first() else {
        return vec![];
    };
    let mut seconds: Vec<[usize; 3]> = vec![];
    for call in calls {
        let at = (call.due - first.due).as_secs() as usize;
        if seconds.len() <= at {
            seconds.resize(at + 1, [0; 3]);
        }
        let [all, failed, slow] = &mut seconds[at];
        *all += 1;
        *failed += usize::from(call.failed());
        *slow += usize::from(!call.failed() && waited(call, pulses));
    }
    let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
    seconds
        .into_iter()
        .map(|[all, failed, slow]| (share(failed, all), share(slow, all)))
        .collect()
}
