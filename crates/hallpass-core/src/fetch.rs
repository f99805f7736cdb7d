//! [`Fetch`]: the circumstances of one fetch, as its source sees them.

mod limit;
mod pulse;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

pub(crate) use self::{
    limit::{FetchLimit, Turn},
    pulse::Pulse,
};
use crate::{Challenges, Credential, Error, Moment, clock::Clocks};

/// How long a whole fetch may take, tries and pauses included.
pub const FETCH_DEADLINE: Duration = Duration::from_secs(30);

/// A deadline that no clock can tell is this far away: 30 years.
pub(crate) const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Why a credential is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// There was none before.
    First,
    /// The present one still works, but its end comes near. Nobody waits.
    Ahead,
    /// The last one has ended.
    Expired,
    /// A server refused the last one; see [`Fetch::challenges`].
    Rejected,
}

impl Reason {
    /// A short name for labels: `first`, `ahead`, `expired` or `rejected`.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Ahead => "ahead",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
        }
    }
}

/// The circumstances of one fetch: why, after what, and until when.
pub struct Fetch {
    pub(crate) reason: Reason,
    pub(crate) challenges: Challenges,
    pub(crate) limit: Duration,
    pub(crate) deadline: tokio::time::Instant,
    pub(crate) sent: Sent,
    existing: AtomicBool,
    replaces: Option<Credential>,
    /// Whether the engine still waits for it; none for one that was made by hand.
    pulse: Option<Arc<Pulse>>,
    attempt: u32,
    /// Its place among the fetches that run at once, where their number is limited.
    turn: Option<Turn>,
}

/// The moment the request for a credential left; lifetimes count from it.
pub(crate) struct Sent {
    pub(crate) clock: Clocks,
    pub(crate) at: Mutex<Moment>,
}

impl Fetch {
    /// A first fetch with half a minute to go, to call a source by hand, as in its tests.
    pub fn first() -> Self {
        Self::new(
            Reason::First,
            Challenges::default(),
            FETCH_DEADLINE,
            Clocks::system(),
        )
    }

    pub(crate) fn new(
        reason: Reason,
        challenges: Challenges,
        limit: Duration,
        clock: Clocks,
    ) -> Self {
        let now = clock.now();
        let start = tokio::time::Instant::now();
        Self {
            reason,
            challenges,
            limit,
            deadline: start.checked_add(limit).unwrap_or_else(|| start + FAR),
            sent: Sent {
                clock,
                at: Mutex::new(now),
            },
            existing: AtomicBool::new(false),
            replaces: None,
            pulse: None,
            attempt: 1,
            turn: None,
        }
    }

    /// The same in place of this credential, to call a source by hand: because a server refused it,
    /// or ahead of its end.
    #[must_use]
    pub fn replacing(mut self, credential: Credential, refused: bool) -> Self {
        self.reason = if refused {
            Reason::Rejected
        } else {
            Reason::Ahead
        };
        self.replaces = Some(credential);
        self
    }

    pub(crate) fn in_place_of(mut self, credential: Option<Credential>) -> Self {
        self.replaces = credential;
        self
    }

    /// An attempt that begins late ends no later than the fetch that it is part of.
    pub(crate) fn until(mut self, deadline: Option<tokio::time::Instant>) -> Self {
        self.deadline = deadline.unwrap_or(self.deadline).min(self.deadline);
        self
    }

    pub(crate) fn watched(mut self, pulse: Arc<Pulse>, attempt: u32) -> Self {
        self.pulse = Some(pulse);
        self.attempt = attempt;
        self
    }

    pub(crate) fn in_turn(mut self, turn: Option<Turn>) -> Self {
        self.turn = turn;
        self
    }

    /// Gives up this fetch's place among those that [run at once](crate::keyed::Builder::fetches_at_once),
    /// for as long as it waits for something else than the endpoint: another process's fetch, say.
    /// Whoever queues for a place gets on meanwhile.
    pub fn give_up_turn(&self) {
        if let Some(turn) = &self.turn {
            turn.give_up();
        }
    }

    /// Waits for a place again, before the endpoint is asked. It is there at once if none was given
    /// up.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue.
    pub async fn take_turn(&self) {
        if let Some(turn) = &self.turn {
            turn.take().await;
        }
    }

    /// Why the credential is wanted.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The challenges that came with the rejection; empty otherwise.
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// The credential that the new one is to replace: the one that was refused, or the one in hand;
    /// none if there is none.
    pub fn replaces(&self) -> Option<&Credential> {
        self.replaces.as_ref()
    }

    /// When the engine gives up on this fetch and drops it.
    pub fn deadline(&self) -> tokio::time::Instant {
        self.deadline
    }

    /// How long the whole fetch may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Marks the moment at which the request for the credential leaves.
    ///
    /// Lifetimes count from the last call, or from the start of the fetch if there was none. A
    /// source that tries more than once calls it before each try.
    ///
    /// # Errors
    /// If the engine has given this fetch up meanwhile, because its runtime stood still: another
    /// one is under way, and sending this one's request as well could only do harm.
    pub fn sending(&self) -> Result<(), Error> {
        if self.pulse.as_ref().is_some_and(|pulse| pulse.is_given_up()) {
            return Err(Error::interrupted("another fetch took this one's place"));
        }
        let now = self.sent.clock.now();
        *self.sent.lock() = now;
        Ok(())
    }

    /// Says that what the source brings was there already, and was not issued because of this fetch:
    /// another process had it, say.
    ///
    /// After a refusal that makes a difference. A new credential that is refused as well is given time
    /// to become known to servers. One that was there may have been revoked together with the other,
    /// and is replaced in turn.
    pub fn found_existing(&self) {
        self.existing.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_found_existing(&self) -> bool {
        self.existing.load(Ordering::Relaxed)
    }

    /// Which of two attempts side by side this is: 2 started because 1 was silent, and should not
    /// use the same connection.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The scope that the refusing server asked for (RFC 6750 §3), if it named one.
    pub fn demanded_scope(&self) -> Option<&str> {
        self.demanded("scope")
    }

    /// The claims that the refusing server asked for, as it encoded them.
    pub fn demanded_claims(&self) -> Option<&str> {
        self.demanded("claims")
    }

    fn demanded(&self, name: &str) -> Option<&str> {
        self.challenges.iter().find_map(|one| one.param(name))
    }

    pub(crate) fn sent_at(&self) -> Moment {
        *self.sent.lock()
    }
}

impl Sent {
    fn lock(&self) -> MutexGuard<'_, Moment> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch")
            .field("reason", &self.reason)
            .field("challenges", &self.challenges)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
