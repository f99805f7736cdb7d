//! The pure state machine of one credential. Time and randomness are passed in.
//!
//! ```text
//!              lands                  accepted
//!   Empty ───────────────▶ Unproven ────────────▶ Proven ◀────────────┐
//!     ▲                     │  ▲  ▲                 │ │                │ accepted
//!     │ over                │  │  │  renewal lands  │ │ refused        │ (contradicted)
//!     │        refused, has │  │  └─────────────────┘ └──▶ Suspect ────┘
//!     │        predecessor  ▼  │ predecessor over            │  │ ▲
//!     │                  FellBack                            │  └─┘ fetch fails: serves on
//!     │                     │ refused and not accepted       │
//!     │                     └───────────▶ Suspect ◀──────────┘ lands ──▶ Unproven
//! ```
//!
//! A refusal is a suspicion, not a sentence: nothing takes a credential away but its end or a
//! better one.

mod events;
mod landing;
mod memory;
mod wanted;

use std::{sync::Arc, time::Duration};

pub(crate) use self::{
    landing::Brought,
    memory::Memory,
    wanted::{Want, Wanted},
};
use super::{
    backoff::{Affected, Failures, RejectionBackoff},
    current::{Current, Times},
    policy::Policy,
};
use crate::{Credential, Error, Moment, Reason};

/// Invariants:
/// 1. At most one fetch is pending; only [`Machine::wanted`] begins one, and exactly one of
///    `landed`, `failed` and `lost` ends it.
/// 2. A credential goes only when it is over, or when a newer one comes. Neither a failure nor a
///    refusal takes it.
/// 3. Generations only grow, and a secret that comes again keeps its generation.
#[derive(Debug)]
pub(crate) struct Machine {
    policy: Arc<Policy>,
    /// What the source says of its credentials.
    traits: Traits,
    state: State,
    /// The number of the newest credential.
    generation: u64,
    pending: Option<PendingFetch>,
    fetches: u64,
    /// The newest fetch that has ended, and how.
    last: Option<(u64, Result<Credential, Error>)>,
    /// Until then whoever waited takes what it brought, though that was over when it came.
    grace: Option<Moment>,
    failures: Failures,
    rejections: RejectionBackoff,
    /// Refusals of a proven credential since it was last accepted.
    unaccepted: u32,
    /// What a second attempt brought besides the one that was taken.
    spare: Option<Box<Brought>>,
    /// Errors and credentials to drop outside the lock: their `Drop` may be the user's.
    discarded: Vec<Discarded>,
}

/// What a source says of its credentials.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traits {
    /// It has one credential for ever.
    pub(crate) fixed: bool,
    /// A new one ends the one before.
    pub(crate) kills_old: bool,
}

#[derive(Debug)]
enum State {
    Empty,
    Unproven(Unproven),
    FellBack(Box<FellBack>),
    Proven(Arc<Current>),
    Suspect(Suspect),
}

/// No answer has accepted it yet.
#[derive(Debug)]
struct Unproven {
    token: Arc<Current>,
    /// The one that it displaced by a renewal ahead.
    predecessor: Option<Arc<Current>>,
    /// Whether it came because another was refused, and from which fetch.
    replacement: Option<u64>,
    /// Until then a refusal may only mean that servers don't know it yet.
    settled: Moment,
}

/// The successor was refused before anything accepted it, so its predecessor serves again.
#[derive(Debug)]
struct FellBack {
    predecessor: Arc<Current>,
    /// Whether an answer has accepted the predecessor since it was last refused.
    accepted: bool,
    successor: Unproven,
    /// From here on one request tries the successor.
    probe: Moment,
    /// Whether that request is under way.
    probing: bool,
    gap: Duration,
}

#[derive(Debug)]
struct Suspect {
    token: Arc<Current>,
    trial: Trial,
}

/// How the suspect serves while its replacement is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// One request that can be replayed will go with it, to find out.
    Awaited,
    /// That request is under way or was refused; all others wait.
    Held,
    /// Everybody goes with it: no replacement can be had, or refusals meant little lately.
    Open,
}

#[derive(Debug, Clone, Copy)]
struct PendingFetch {
    number: u64,
    reason: Reason,
    began: Moment,
    /// By then it has long missed its deadline: nobody drives its runtime. By the monotonic clock
    /// alone, because a fetch does not go on while the machine sleeps.
    overdue: Duration,
}

#[derive(Debug)]
#[allow(dead_code, reason = "held only to be dropped")]
pub(crate) enum Discarded {
    Error(Error),
    Credential(Credential),
    Current(Arc<Current>),
}

/// What a refusal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The credential was the current one; another is being fetched to replace it.
    Suspected,
    /// It had only just replaced another one, which serves again.
    FellBack,
    /// It was not the current one: another is in use already, or is being fetched.
    Superseded,
    /// It was kept: it is the only one there can be, it is too new to judge, or others accept it.
    /// Another attempt would most likely end the same way.
    Kept,
}

impl State {
    /// The credential that serves, or is under suspicion.
    fn token(&self) -> Option<&Arc<Current>> {
        match self {
            Self::Empty => None,
            Self::Unproven(unproven) => Some(&unproven.token),
            Self::FellBack(fell_back) => Some(&fell_back.predecessor),
            Self::Proven(token) => Some(token),
            Self::Suspect(suspect) => Some(&suspect.token),
        }
    }
}

impl Machine {
    pub(crate) fn new(policy: Arc<Policy>, traits: Traits) -> Self {
        Self {
            policy,
            traits,
            state: State::Empty,
            generation: 0,
            pending: None,
            fetches: 0,
            last: None,
            grace: None,
            failures: Failures::default(),
            rejections: RejectionBackoff::default(),
            unaccepted: 0,
            spare: None,
            discarded: Vec::new(),
        }
    }

    /// What every request may take without asking: nothing while a suspect is on trial, or a
    /// successor is tried now and then.
    pub(crate) fn visible(&self) -> Option<&Arc<Current>> {
        match &self.state {
            State::FellBack(_) => None,
            State::Suspect(suspect) if suspect.trial != Trial::Open => None,
            state => state.token(),
        }
    }

    /// What a caller may take that neither waits nor asks for a fetch.
    pub(crate) fn in_hand(&self, now: Moment) -> Option<&Arc<Current>> {
        let token = match &self.state {
            State::Suspect(suspect) if suspect.trial != Trial::Open => None,
            state => state.token(),
        };
        token.filter(|token| !token.unusable.passed(now))
    }

    /// The credential in hand until its very end, whatever is thought of it.
    pub(crate) fn suspect_in_hand(&self, now: Moment) -> Option<&Arc<Current>> {
        self.state.token().filter(|token| !token.end.passed(now))
    }

    /// What a fetch that begins now is to replace.
    pub(crate) fn replaced(&self) -> Option<&Credential> {
        self.state.token().map(|token| &token.credential)
    }

    /// Every credential that a caller may still be given, the one that serves first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Current>> {
        let beside = match &self.state {
            State::FellBack(fell_back) => Some(&fell_back.successor.token),
            _ => None,
        };
        self.state.token().into_iter().chain(beside)
    }

    /// What to drop once the lock is released.
    pub(crate) fn discarded(&mut self) -> Vec<Discarded> {
        std::mem::take(&mut self.discarded)
    }

    pub(crate) fn pending(&self) -> Option<u64> {
        self.pending.map(|pending| pending.number)
    }

    /// What those who wait go by. While it is the same there is nothing new for them.
    pub(crate) fn situation(&self) -> impl PartialEq + use<> {
        let trial = match &self.state {
            State::Suspect(suspect) => Some(suspect.trial),
            _ => None,
        };
        let kind = std::mem::discriminant(&self.state);
        let generation = self.state.token().map(|token| token.generation());
        (kind, trial, generation, self.pending(), self.ended())
    }

    /// Whether a fetch that nobody needs at once is to be left for later.
    pub(crate) fn backs_off(&self, now: Moment, version: u64) -> bool {
        self.failures.in_force(now, version).is_some()
    }

    /// The newest fetch that has ended.
    pub(crate) fn ended(&self) -> u64 {
        self.last.as_ref().map_or(0, |(number, _)| *number)
    }

    /// What time alone changes.
    fn lapse(&mut self, now: Moment) {
        if self
            .pending
            .is_some_and(|pending| pending.overdue <= now.monotonic)
        {
            self.lost();
        }
        let state = std::mem::replace(&mut self.state, State::Empty);
        self.state = match state {
            State::FellBack(fell_back) if fell_back.predecessor.end.passed(now) => {
                self.discard(fell_back.predecessor);
                if fell_back.successor.token.end.passed(now) {
                    self.discard(fell_back.successor.token);
                    State::Empty
                } else {
                    State::Unproven(fell_back.successor)
                }
            }
            State::FellBack(fell_back) if fell_back.successor.token.end.passed(now) => {
                self.discard(fell_back.successor.token);
                fell_back.predecessor.allow_renewal();
                State::Proven(fell_back.predecessor)
            }
            state => match state.token() {
                Some(token) if token.end.passed(now) => {
                    self.discard_tokens(&state);
                    State::Empty
                }
                _ => state,
            },
        };
    }

    fn discard(&mut self, token: Arc<Current>) {
        self.discarded.push(Discarded::Current(token));
    }
}

#[cfg(test)]
mod tests;
