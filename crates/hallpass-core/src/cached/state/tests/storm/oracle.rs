//! What [`Machine`] promises, by a second and simpler bookkeeping of the same events.

mod lives;
mod promises;

use self::lives::Lives;
use super::*;

/// What a fetch that lands now is to lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// The secret of this generation has come again.
    Known(u64),
    /// It has less life than the one in hand, which stays.
    KeepsOld,
    /// A new generation, with this one to fall back to.
    New(Option<u64>),
    /// A new generation, because the one before was refused.
    Replacement,
}

impl Expected {
    pub(super) fn keeps_old(self) -> bool {
        self == Self::KeepsOld
    }
}

/// The last failure, and until when nobody asks again.
#[derive(Debug)]
struct Gap {
    until: Moment,
    at: Moment,
    permanent: bool,
    asked: bool,
    version: u64,
    /// Whether the wall clock was set back since then, which makes a gap look longer or shorter.
    loose: bool,
}

/// A suspect that serves on, or is tried by one request.
#[derive(Debug)]
struct Suspicion {
    tried: bool,
    open: bool,
}

/// A successor that was refused while settling, so that its predecessor serves.
#[derive(Debug)]
struct Successor {
    generation: u64,
    /// Whether the predecessor was accepted since it was last refused.
    accepted: bool,
    probe: Moment,
    gap: Duration,
    probing: bool,
}

pub(super) struct Oracle {
    traits: Traits,
    lives: Lives,
    serving: Option<u64>,
    predecessor: Option<u64>,
    successor: Option<Successor>,
    suspicion: Option<Suspicion>,
    pending: Option<(u64, Moment, Reason)>,
    begun: u64,
    failure: Option<Gap>,
    interrupted: u32,
    last_failed: u64,
    /// Until then those who waited may take what was over when it came.
    grace: Option<Moment>,
    /// When one landed that was over already.
    graced: Option<Moment>,
    spare: Option<Credential>,
    seen: Moment,
}

impl Oracle {
    pub(super) fn new(traits: Traits) -> Self {
        Self {
            traits,
            lives: Lives::default(),
            serving: None,
            predecessor: None,
            successor: None,
            suspicion: None,
            pending: None,
            begun: 0,
            failure: None,
            interrupted: 0,
            last_failed: 0,
            grace: None,
            graced: None,
            spare: None,
            seen: START,
        }
    }

    pub(super) fn newest(&self) -> u64 {
        self.lives.newest()
    }

    /// What time alone changes.
    pub(super) fn lapse(&mut self, now: Moment) {
        if now.wall < self.seen.wall
            && let Some(failure) = &mut self.failure
        {
            failure.loose = true;
        }
        self.seen = now;
        // By either clock, even if that is set back later.
        let second = Policy::default().renewal_gap;
        self.graced
            .take_if(|graced| graced.plus(second).passed(now));
        let overdue = Policy::default().fetch_deadline * 11 / 10;
        if self
            .pending
            .is_some_and(|(_, began, _)| began.monotonic + overdue <= now.monotonic)
        {
            self.pending = None;
        }
        let Some(serving) = self.serving else { return };
        let over = |generation| self.lives.of(generation).end.passed(now);
        match &self.successor {
            Some(successor) if over(serving) => {
                let generation = successor.generation;
                self.serving = (!over(generation)).then_some(generation);
                self.successor = None;
            }
            Some(successor) if over(successor.generation) => self.successor = None,
            None if over(serving) => {
                (self.serving, self.predecessor) = (None, None);
                self.suspicion = None;
            }
            _ => {}
        }
    }

    pub(super) fn ended(&mut self, number: u64) {
        self.pending.take_if(|(pending, ..)| *pending == number);
    }

    pub(super) fn is_pending(&mut self, now: Moment, number: u64) -> bool {
        self.lapse(now);
        self.pending.is_some_and(|(pending, ..)| pending == number)
    }

    /// Whether a credential works that nobody suspects.
    pub(super) fn works(&mut self, now: Moment) -> bool {
        self.lapse(now);
        self.serving.is_some() && self.suspicion.is_none()
    }

    /// The generation in use that has this secret.
    fn known(&self, credential: &Credential) -> Option<u64> {
        let successor = self.successor.as_ref().map(|one| one.generation);
        let mut in_use = self.serving.into_iter().chain(successor);
        in_use.find(|one| self.lives.of(*one).secret.same_secret(credential))
    }

    pub(super) fn has_spare(&mut self, spare: &Brought) {
        if self.known(&spare.credential).is_none() && !self.traits.kills_old {
            self.spare = Some(spare.credential.clone());
        }
    }

    pub(super) fn expects(&mut self, now: Moment, number: u64, brought: &Brought) -> Expected {
        self.lapse(now);
        if let Some(known) = self.known(&brought.credential) {
            return Expected::Known(known);
        }
        let reason = self
            .pending
            .filter(|(pending, ..)| *pending == number)
            .map(|(.., reason)| reason);
        let Some(old) = self.serving.filter(|_| self.suspicion.is_none()) else {
            return if self.suspicion.is_some() && reason == Some(Reason::Rejected) {
                Expected::Replacement
            } else {
                Expected::New(None)
            };
        };
        let of_old = self.lives.of(old);
        let comparable = of_old.version == brought.version && !self.traits.kills_old;
        let ahead = reason == Some(Reason::Ahead);
        let end = Lives::end(brought, now).0;
        if ahead && comparable && !of_old.forever() && end.monotonic < of_old.end.monotonic {
            return Expected::KeepsOld;
        }
        let replaceable = comparable && of_old.secret.scope() == brought.credential.scope();
        Expected::New(replaceable.then_some(old))
    }

    pub(super) fn landed(
        &mut self,
        now: Moment,
        landed: &Credential,
        brought: &Brought,
        expected: Expected,
        machine: &Machine,
    ) {
        (self.failure, self.interrupted) = (None, 0);
        let generation = landed.generation();
        match expected {
            Expected::KeepsOld => assert_eq!(Some(generation), self.serving),
            Expected::Known(known) => {
                assert_eq!(generation, known, "the same secret keeps its generation");
                let suspected = self.suspicion.take().is_some();
                self.lives.renew(now, known, brought, suspected);
            }
            Expected::New(predecessor) => {
                assert_eq!(generation, self.newest() + 1, "generations only grow");
                self.lives.add(now, brought);
                self.serve_anew(generation, predecessor);
            }
            Expected::Replacement => {
                assert_eq!(generation, self.newest() + 1, "generations only grow");
                let known = brought.existing && !machine.rejections.is_sceptical();
                self.lives.add_replacement(now, brought, known);
                self.serve_anew(generation, None);
            }
        }
        let serving = self.serving.expect("something serves after a landing");
        self.lives.note_unusable(machine);
        let graced = self.lives.of(serving).graced;
        self.grace = graced.then(|| now.plus(Policy::default().patience));
        let itself = !expected.keeps_old() && self.lives.of(generation).graced;
        self.graced = itself.then_some(now);
    }

    fn serve_anew(&mut self, generation: u64, predecessor: Option<u64>) {
        self.serving = Some(generation);
        self.predecessor = predecessor;
        self.successor = None;
        self.suspicion = None;
    }

    pub(super) fn accepted(&mut self, now: Moment, generation: u64) {
        self.lapse(now);
        match &mut self.successor {
            Some(successor) if self.serving == Some(generation) => successor.accepted = true,
            Some(successor) if successor.generation == generation => {
                self.serve_anew(generation, None);
                self.spare = None;
            }
            None if self.serving == Some(generation) => {
                self.serve_anew(generation, None);
                self.spare = None;
            }
            _ => {}
        }
    }

    pub(super) fn refused(
        &mut self,
        now: Moment,
        generation: u64,
        (rejection, held): (Rejection, bool),
        machine: &Machine,
    ) {
        self.lapse(now);
        if self.serving != Some(generation) {
            assert_eq!(rejection, Rejection::Superseded);
            if let Some(successor) = &mut self.successor
                && successor.generation == generation
                && successor.probing
            {
                successor.probing = false;
                successor.gap *= 2;
                successor.probe = now.plus(successor.gap);
            }
            return;
        }
        if self.traits.fixed {
            assert_eq!(rejection, Rejection::Kept, "a fixed one is never replaced");
            return;
        }
        let life = self.lives.of(generation);
        if let Some(successor) = &mut self.successor {
            if life.unusable.passed(now) {
                assert_eq!(rejection, Rejection::Superseded, "refused for its age");
                let generation = successor.generation;
                self.serve_anew(generation, None);
                return;
            }
            if std::mem::take(&mut successor.accepted) {
                assert_eq!(rejection, Rejection::Kept, "others accept it");
                return;
            }
            let generation = successor.generation;
            self.serve_anew(generation, None);
        } else if let Some(predecessor) = self.predecessor.take()
            && !life.settled.passed(now)
            && !self.lives.of(predecessor).end.passed(now)
        {
            assert_eq!(rejection, Rejection::FellBack, "it has a predecessor");
            let gap = Policy::default().probe_gap;
            self.serving = Some(predecessor);
            self.successor = Some(Successor {
                generation,
                accepted: false,
                probe: now.plus(gap),
                gap,
                probing: false,
            });
            return;
        }
        assert!(matches!(rejection, Rejection::Kept | Rejection::Suspected));
        if rejection == Rejection::Kept {
            let excused = match &machine.state {
                State::Suspect(_) => machine.failures.any(),
                State::Unproven(one) => {
                    let life = self.lives.of(one.token.generation());
                    held || (life.replacement && !life.settled.passed(now))
                }
                _ => held,
            };
            assert!(excused, "it may have been revoked, and another may be had");
        }
        self.suspected(now, rejection, machine);
    }

    /// A request that carried it in place of another was refused. `held` says whether refusals cause
    /// no fetch just then.
    pub(super) fn replay_refused(
        &mut self,
        now: Moment,
        generation: u64,
        (rejection, held): (Rejection, bool),
        machine: &Machine,
    ) {
        self.lapse(now);
        let is_it = self.serving == Some(generation) && self.successor.is_none();
        let stays = is_it
            && match &machine.state {
                State::Unproven(_) => {
                    let life = self.lives.of(generation);
                    !life.replacement || !life.settled.passed(now)
                }
                State::Proven(_) => true,
                _ => false,
            };
        if stays {
            assert_eq!(rejection, Rejection::Kept, "it came for a refusal");
        } else {
            self.refused(now, generation, (rejection, held), machine);
        }
    }

    fn suspected(&mut self, now: Moment, rejection: Rejection, machine: &Machine) {
        match &machine.state {
            State::Suspect(_) if self.suspicion.is_some() => {}
            State::Suspect(suspect) => {
                let open = suspect.trial == Trial::Open;
                // All may go with it only if refusals meant little, or nothing else can be had.
                let meant_little = machine.rejections.is_sceptical();
                assert!(!open || meant_little || rejection == Rejection::Kept);
                self.suspicion = Some(Suspicion { tried: false, open });
                if rejection == Rejection::Suspected {
                    self.spare = None;
                }
            }
            state => {
                if rejection == Rejection::Suspected {
                    // What a second attempt had brought takes its place.
                    let token = state.token().expect("the spare serves");
                    let spare = self.spare.take().expect("a spare");
                    assert!(spare.same_secret(&token.credential));
                    let known = !machine.rejections.is_sceptical();
                    self.lives.take_over(now, token, known);
                    let generation = token.generation();
                    self.serve_anew(generation, None);
                    (self.grace, self.graced) = (None, None);
                    self.begun = machine.fetches;
                }
            }
        }
    }
}
