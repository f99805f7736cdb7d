//! Every order of steps with at most so many preemptions, depth first.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, Schedule, Scheduler, Task, TaskId},
};

use crate::sync::model::time;

/// How long a scene may take unless `HALLPASS_MODEL_SECONDS` says otherwise.
const SECONDS: u64 = 30;

/// What has been looked at so far.
#[derive(Debug, Default)]
struct Tally {
    steps: u64,
    longest: usize,
    complete: bool,
}

/// A step at which several could go on.
struct Level {
    /// Who, and whether it takes the turn from another that could go on as well.
    options: Vec<(TaskId, bool)>,
    at: usize,
}

struct Bounded {
    preemptions: usize,
    levels: Vec<Level>,
    step: usize,
    used: usize,
    begun: bool,
    tally: Arc<Mutex<Tally>>,
}

impl Scheduler for Bounded {
    fn new_execution(&mut self) -> Option<Schedule> {
        let mut tally = self.tally.lock().unwrap();
        tally.steps += self.step as u64;
        tally.longest = tally.longest.max(self.step);
        if self.begun {
            while self
                .levels
                .pop_if(|level| level.at + 1 == level.options.len())
                .is_some()
            {}
            let Some(last) = self.levels.last_mut() else {
                tally.complete = true;
                return None;
            };
            last.at += 1;
        }
        self.begun = true;
        (self.step, self.used) = (0, 0);
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        yields: bool,
    ) -> Option<TaskId> {
        if self.step == self.levels.len() {
            let all = runnable.iter().map(|task| task.id());
            let can_go_on = current.filter(|current| all.clone().any(|id| id == *current));
            let others = all.filter(|id| Some(*id) != can_go_on);
            let options: Vec<_> = match can_go_on {
                None => others.map(|id| (id, false)).collect(),
                // Whoever yields waits for something: it goes on only if nobody else can.
                Some(_) if yields && runnable.len() > 1 => others.map(|id| (id, false)).collect(),
                Some(current) if self.used < self.preemptions => {
                    let first = std::iter::once((current, false));
                    first.chain(others.map(|id| (id, true))).collect()
                }
                Some(current) => vec![(current, false)],
            };
            self.levels.push(Level { options, at: 0 });
        }
        let level = &self.levels[self.step];
        let (task, preempts) = level.options[level.at];
        self.used += usize::from(preempts);
        self.step += 1;
        Some(task)
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 0x8_0000;
    config.silence_warnings = true;
    let seconds = number("HALLPASS_MODEL_SECONDS").unwrap_or(SECONDS);
    config.max_time = Some(Duration::from_secs(seconds));
    config
}

/// Nothing may depend on what was before, or a schedule could not be taken up again.
fn anew(scene: fn()) {
    time::reset();
    fastrand::seed(1);
    scene();
}

/// Plays a scene in every order with at most so many preemptions, or with as many as
/// `HALLPASS_MODEL_PREEMPTIONS` says.
pub(super) fn explore(name: &str, preemptions: usize, scene: fn()) {
    let preemptions = number("HALLPASS_MODEL_PREEMPTIONS").map_or(preemptions, |it| it as usize);
    let tally = Arc::new(Mutex::new(Tally::default()));
    let scheduler = Bounded {
        preemptions,
        levels: Vec::new(),
        step: 0,
        used: 0,
        begun: false,
        tally: Arc::clone(&tally),
    };
    let schedules = Runner::new(scheduler, config()).run(move || anew(scene));
    let tally = tally.lock().unwrap();
    let extent = if tally.complete { "all" } else { "time is up" };
    println!(
        "{name}: {schedules} schedules, {} steps, up to {} each, {preemptions} preemptions: {extent}",
        tally.steps, tally.longest
    );
}

/// Plays a scene in so many orders by chance, each with up to five preemptions where they matter.
pub(super) fn sample(name: &str, schedules: usize, scene: fn()) {
    let played = Runner::new(PctScheduler::new(5, schedules), config()).run(move || anew(scene));
    println!("{name}: {played} schedules by chance");
}
