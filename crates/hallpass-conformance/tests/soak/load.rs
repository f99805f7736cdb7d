//! [`Load`]: everybody calls, now and then, and each failure is held against the rules.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::{
    callers::{Call, Caller, SECRET, Tenant},
    journal::Journal,
    rules::{Failed, explain},
    timeline::Timeline,
    world::{CALL, World},
};

/// A caller's own limit.
const LIMIT: Duration = Duration::from_secs(8);

/// Between two calls of one caller, at most.
const PAUSE: u64 = 60;

pub(crate) struct Load {
    over: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    calling: JoinSet<()>,
}

/// How the calls went.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    calls: usize,
    /// Those that waited for a token.
    waited: usize,
    /// How many failed for each reason.
    pub(crate) explained: BTreeMap<&'static str, usize>,
    pub(crate) unexplained: Vec<String>,
}

impl Load {
    pub(crate) fn start(world: &World, timeline: &Arc<Timeline>, seed: u64) -> Self {
        let (over, tally) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Tally>>::default());
        // From 1: an action that is none counts as 0.
        let actions = Arc::new(AtomicUsize::new(1));
        let mut calling = JoinSet::new();
        for (number, entry) in world.callers.iter().enumerate() {
            let line = Line {
                name: entry.name.clone(),
                caller: entry.caller.clone(),
                tenants: entry.tenants,
                journal: entry.journal.clone(),
                turn: number,
                random: fastrand::Rng::with_seed(seed.wrapping_add(number as u64 + 1)),
                actions: actions.clone(),
                timeline: timeline.clone(),
                tally: tally.clone(),
            };
            calling.spawn(line.call_until(over.clone()));
        }
        Self {
            over,
            tally,
            calling,
        }
    }

    pub(crate) async fn stop(self) -> Tally {
        self.over.store(true, Ordering::Relaxed);
        self.calling.join_all().await;
        std::mem::take(&mut self.tally.lock().unwrap())
    }
}

/// One caller.
struct Line {
    name: String,
    caller: Caller,
    tenants: usize,
    journal: Arc<Journal>,
    /// The tenant whose turn it is: all have a token before trouble begins.
    turn: usize,
    random: fastrand::Rng,
    actions: Arc<AtomicUsize>,
    timeline: Arc<Timeline>,
    tally: Arc<Mutex<Tally>>,
}

impl Line {
    async fn call_until(mut self, over: Arc<AtomicBool>) {
        while !over.load(Ordering::Relaxed) {
            let pause = Duration::from_millis(self.random.u64(0..PAUSE));
            tokio::time::sleep(pause).await;
            self.call().await;
        }
    }

    async fn call(&mut self) {
        self.turn += 1;
        let call = Call {
            path: CALL,
            action: self.actions.fetch_add(1, Ordering::Relaxed).to_string(),
            body: Bytes::from_static(b"what is wanted"),
            tenant: (self.tenants > 0).then(|| Tenant(self.turn % self.tenants)),
        };
        let start = Instant::now();
        let seen = self.caller.send(call, LIMIT).await;
        let end = Instant::now();
        let ok = seen.saw.is_ok();
        let failed = Failed {
            start,
            end,
            saw: seen.saw,
        };
        let why = if ok {
            None
        } else {
            explain(&failed, &self.timeline)
        };
        let mut tally = self.tally.lock().unwrap();
        tally.calls += 1;
        let waited = seen.attempt.is_some_and(|attempt| attempt.waited);
        tally.waited += usize::from(waited);
        if seen.text.contains(SECRET) {
            tally
                .unexplained
                .push(format!("{}: a secret in an error", self.name));
        }
        match why {
            _ if ok => {}
            Some(why) => *tally.explained.entry(why).or_default() += 1,
            None => {
                let near = self.timeline.around(start, end, 10 * LIMIT);
                let near: Vec<_> = near
                    .iter()
                    .map(|incident| {
                        let end = incident.end.map(|end| self.timeline.at(end));
                        let begin = self.timeline.at(incident.begin);
                        format!("  {} {begin:.2}–{end:.2?}", incident.name)
                    })
                    .collect();
                // Once for each caller: it is long.
                let told = |text: &String| text.starts_with(&self.name);
                let journal = if tally.unexplained.iter().any(told) {
                    String::new()
                } else {
                    self.journal.read(&self.timeline)
                };
                tally.unexplained.push(format!(
                    "{}: {:?} at {:.2}–{:.2}: {}\n{}\n{}",
                    self.name,
                    seen.saw,
                    self.timeline.at(start),
                    self.timeline.at(end),
                    seen.text,
                    near.join("\n"),
                    journal
                ));
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explained: usize = self.explained.values().sum();
        let failed = explained + self.unexplained.len();
        let (calls, waited) = (self.calls, self.waited);
        write!(
            f,
            "calls: {calls}, waited for a token: {waited}, failed: {failed}"
        )?;
        for (why, count) in &self.explained {
            write!(f, "\n  {count} {why}")?;
        }
        write!(f, "\n  {} unexplained", self.unexplained.len())
    }
}
