//! What is wanted of Hallpass.

use super::{Outcome, hallpass, program::Program, program::Trouble, tally::Tally};
use crate::targets::Target;

/// Calls that may fail in the hang of the plain program, at a token's age of 1 s.
const HANG: f64 = 170.0;
/// Token requests in all of the plain program, and during the bad endpoint.
const TOKEN_REQUESTS: f64 = 32.0;
const FOR_THE_BAD_ENDPOINT: f64 = 4.0;

/// The targets of both adapters.
pub(super) fn targets(program: &Program, all: &[Outcome]) -> Vec<Target> {
    all.iter()
        .filter(|outcome| [hallpass::TOWER, hallpass::REQWEST].contains(&outcome.name))
        .filter_map(|outcome| Some((outcome.name, outcome.tally.as_ref().ok()?)))
        .flat_map(|(name, tally)| of(name, program, tally))
        .collect()
}

fn of(name: &str, program: &Program, tally: &Tally) -> Vec<Target> {
    let what = |text: &str| format!("{name}: {text}");
    let mut targets = vec![];
    let mut outside = tally.sum(|counts| counts.failed);
    for (event, counts) in program.events.iter().zip(&tally.events) {
        match event.trouble {
            Trouble::Hang => {
                outside -= counts.failed;
                let unavoidable = counts.unavoidable as f64 * 1.1;
                let limit = if program.is_late() { unavoidable } else { HANG };
                let failed = counts.failed as f64;
                targets.push(Target::at_most(
                    what("failed in the hang"),
                    failed,
                    limit.floor(),
                ));
            }
            Trouble::BadEndpoint => {
                let (requests, slow) = (counts.token_requests as f64, counts.slow as f64);
                let requested = what("token requests during the bad endpoint");
                targets.push(Target::at_most(requested, requests, FOR_THE_BAD_ENDPOINT));
                targets.push(Target::exactly(what("calls slowed by it"), slow, 0.0));
            }
            _ => {}
        }
    }
    let twice = tally.sum(|counts| counts.duplicated) as f64;
    let requests = tally.sum(|counts| counts.token_requests) as f64;
    targets.extend([
        Target::exactly(what("failed outside the hang"), outside as f64, 0.0),
        Target::exactly(what("POSTs done twice"), twice, 0.0),
    ]);
    // The later the trouble, the longer its outages, and each is asked into.
    if !program.is_late() {
        targets.push(Target::at_most(
            what("token requests"),
            requests,
            TOKEN_REQUESTS,
        ));
    }
    targets
}
