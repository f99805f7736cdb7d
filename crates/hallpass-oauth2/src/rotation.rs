//! A refresh token that the server may replace with each answer (RFC 6749 §6).

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hallpass_core::Error;
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use tokio::sync::OwnedMutexGuard;
use zeroize::Zeroizing;

use crate::{Secret, secret::Use};

/// What is told each new refresh token.
pub(crate) type Told = dyn Fn(&str) + Send + Sync;
type Mark = [u8; SHA256_OUTPUT_LEN];

/// How many tokens are remembered as seen. A store that lags behind by more than this is broken.
const REMEMBERED: usize = 4096;

/// The present refresh token. Clones share it, and so do the sources of one builder: to a server that
/// rotates, one token that is sent twice looks like theft.
#[derive(Clone)]
pub(crate) struct Rotation {
    store: Secret,
    told: Option<Arc<Told>>,
    /// Whether it outlives the sources that use it.
    is_kept: bool,
    state: Arc<Mutex<State>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The right to use the refresh token, which one request has at a time.
pub(crate) type Turn = Arc<OwnedMutexGuard<()>>;

// Invariant: `present` is known, and a token that was spent is known and never present again. So
// only a value of the store that is not known can become present.
#[derive(Default)]
struct State {
    present: Option<Zeroizing<String>>,
    /// Whatever the store or the server ever gave, as digests.
    known: VecDeque<Mark>,
    changes: u64,
    /// Whether the present token could not be told of.
    untold: bool,
}

impl State {
    /// Whether it was unknown so far.
    fn remember(&mut self, token: &str) -> bool {
        let mut mark: Mark = [0; SHA256_OUTPUT_LEN];
        mark.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        if self.known.contains(&mark) {
            return false;
        }
        if self.known.len() == REMEMBERED {
            self.known.pop_front();
        }
        self.known.push_back(mark);
        true
    }
}

impl Rotation {
    pub(crate) fn of(store: Secret) -> Self {
        Self {
            store,
            told: None,
            is_kept: false,
            state: Arc::default(),
            turn: Arc::default(),
        }
    }

    pub(crate) fn telling(mut self, told: Option<Arc<Told>>) -> Self {
        self.told = told;
        self
    }

    /// Says that somebody keeps it for the sources to come.
    pub(crate) fn kept(mut self) -> Self {
        self.is_kept = true;
        self
    }

    /// Waits until no other request uses the token, one that nobody waits for any more included.
    pub(crate) async fn turn(&self) -> Turn {
        Arc::new(self.turn.clone().lock_owned().await)
    }

    /// The token to use: the latest that is not spent. The store's own counts if nobody has seen it
    /// before, for then it is a new sign-in; while the store can't be read, what is in memory does.
    pub(crate) async fn current(&self, of: &str) -> Result<Zeroizing<String>, Error> {
        self.tell_again();
        let what = "refresh token";
        let stored = self.store.read(Use { what, of }).await;
        let mut state = self.lock();
        match stored {
            Ok(stored) if state.remember(&stored) => state.present = Some(stored),
            Ok(_) => {}
            Err(error) if state.present.is_some() => {
                tracing::warn!(
                    target: "hallpass",
                    source = of,
                    error = %error,
                    "the store of the refresh token can't be read; the one in memory is used"
                );
            }
            Err(error) => return Err(error),
        }
        state.present.clone().ok_or_else(|| {
            Error::configuration(format!(
                "the refresh token of \"{of}\" is spent or revoked: sign in again"
            ))
            .with_code("invalid_grant")
        })
    }

    /// Keeps the token that an answer brought in place of the one that was sent, and tells of it.
    pub(crate) fn replaced_by(&self, successor: &Zeroizing<String>) {
        {
            let mut state = self.lock();
            if state.present.as_ref() == Some(successor) {
                return;
            }
            state.remember(successor);
            state.present = Some(successor.clone());
            state.changes += 1;
        }
        self.tell(successor);
    }

    /// Never sends this token again.
    pub(crate) fn spend(&self, token: &str) {
        let mut state = self.lock();
        if state
            .present
            .as_ref()
            .is_some_and(|present| present.as_str() == token)
        {
            state.present = None;
            state.untold = false;
        }
    }

    fn tell_again(&self) {
        let untold = {
            let mut state = self.lock();
            if std::mem::take(&mut state.untold) {
                state.present.clone()
            } else {
                None
            }
        };
        if let Some(token) = untold {
            self.tell(&token);
        }
    }

    // A callback that panics costs neither the access token that came along nor the refresh token:
    // that is in memory, and told of once more before it is used.
    fn tell(&self, token: &Zeroizing<String>) {
        let Some(told) = &self.told else { return };
        if catch_unwind(AssertUnwindSafe(|| told(token))).is_err() {
            self.lock().untold = true;
            tracing::error!(
                target: "hallpass",
                "on_rotation panicked; it is called again before the next token request"
            );
        }
    }

    /// Whether the present token would be lost with its source, because nobody was told of it. So it
    /// is while a request is under way that may bring another.
    pub(crate) fn is_unsaved(&self) -> bool {
        if self.is_kept {
            return false;
        }
        let state = self.lock();
        let rotated = state.present.is_some() && state.changes > 0;
        let unsaved = rotated && (self.told.is_none() || state.untold);
        unsaved || self.turn.try_lock().is_err()
    }

    pub(crate) fn version(&self) -> u64 {
        self.store.version().wrapping_add(self.lock().changes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
