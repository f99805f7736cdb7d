//! The rules: why a call may fail, and how many token requests there may be.

use std::time::Duration;

use tokio::time::Instant;

use tonic::Code;

use crate::{
    callers::Saw,
    timeline::{Harm, Incident, Timeline},
    world::{ATTEMPT, LEFT, LIFETIME, PATIENCE, World},
};

/// A call that did not go well.
pub(crate) struct Failed {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    pub(crate) saw: Saw,
}

/// It was sent with the token before and with a renewed one, and both were dead when it arrived. There
/// are few of those: a renewal and a loss have to fall into one call.
pub(crate) const OVERTAKEN: &str = "revoked on the way, just after a renewal";

/// How soon after the end of its trouble the token endpoint is asked again, while callers are refused.
const AGAIN: Duration = Duration::from_secs(2);

/// What a machine under load adds.
const SLACK: Duration = Duration::from_millis(500);

/// The rule by which a call may have failed, in words; none if there is none.
pub(crate) fn explain(failed: &Failed, timeline: &Timeline) -> Option<&'static str> {
    let Failed { start, end, saw } = *failed;
    let near = |harm: Harm, after: Duration| -> Vec<Incident> {
        let mut all = timeline.around(start, end, after);
        all.retain(|incident| incident.harm == harm);
        all
    };
    let is_near = |harm, after| !near(harm, after).is_empty();
    let outlasted = |trouble: &Incident, last: Instant| {
        last.saturating_duration_since(trouble.begin) + SLACK >= LEFT
    };
    match saw {
        Saw::NoToken => {
            // An attempt that began before the end may hang until its own.
            let troubles = near(Harm::Tokens, PATIENCE + ATTEMPT);
            let lost = is_near(Harm::Loss, LIFETIME);
            let waited = |trouble: &Incident| {
                end.saturating_duration_since(trouble.begin) + SLACK >= PATIENCE
            };
            // Else it would have been renewed in time.
            let idle = is_near(Harm::Silence, LIFETIME);
            let explains =
                |trouble: &Incident| (idle || outlasted(trouble, start)) && waited(trouble);
            if troubles.iter().any(explains) {
                return Some("no token for longer than the one in hand could last");
            }
            (lost && !troubles.is_empty()).then_some("no token to be had after a loss")
        }
        // tonic takes the body of a 401 for a message, and says `INTERNAL`.
        Saw::Status(401) | Saw::Code(Code::Unauthenticated | Code::Internal)
            if is_near(Harm::Loss, LIFETIME)
                && (is_near(Harm::Tokens, AGAIN) || is_near(Harm::Restart, AGAIN)) =>
        {
            Some("revoked, and no token to be had: the API's own answer")
        }
        Saw::Status(401) | Saw::Code(Code::Unauthenticated | Code::Internal)
            if near(Harm::Loss, Duration::ZERO)
                .iter()
                .any(|loss| loss.begin >= start) =>
        {
            Some(OVERTAKEN)
        }
        // It serves to its very end, and this call was on its way by then.
        Saw::Status(401) | Saw::Code(Code::Unauthenticated | Code::Internal)
            if near(Harm::Tokens, AGAIN)
                .iter()
                .any(|one| outlasted(one, end)) =>
        {
            Some("its token ended on the way, and no other could be had")
        }
        Saw::Refused | Saw::Status(401) | Saw::Code(Code::Unauthenticated) => None,
        _ if is_near(Harm::Api, SLACK) || is_near(Harm::Silence, SLACK) => {
            Some("the API's own fault")
        }
        _ if is_near(Harm::Restart, SLACK) => Some("a restart ended its connection"),
        _ => None,
    }
}

/// Token requests a second while callers wait: a fetch has two quick retries in 0.4 s, and the gap
/// after it is drawn between nothing and 1 s. The first two seconds the token in hand serves.
const RATE: f64 = 3.5;

/// The most token requests that there may be.
pub(crate) fn bound(world: &World, timeline: &Timeline, length: Duration) -> usize {
    let stretch = LIFETIME.saturating_sub(LEFT + LEFT / 4).as_secs_f64();
    let each = |seconds: f64| seconds / stretch;
    // A token for each stretch, and the first.
    let renewals = 1.0 + each(length.as_secs_f64() + 10.0);
    // One replacement, and one more where it was refused or raced.
    let losses = 2.0 * timeline.of(&[Harm::Loss, Harm::Store]).len() as f64;
    let trouble: f64 = timeline
        .of(&[Harm::Tokens])
        .iter()
        .map(|trouble| 2.0 + RATE * trouble.length().as_secs_f64())
        .sum();
    ((renewals + losses + trouble) * world.credentials as f64) as usize
}
