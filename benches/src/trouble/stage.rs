//! What the server knows: the tokens it issued, and what is wrong just now.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::program::{Event, Program, Trouble};

/// The token that no trouble concerns.
pub(super) const FIXED: &str = "fixed-token";

#[derive(Debug, Clone)]
struct Token {
    issued: Instant,
    /// The API refuses it before.
    good_from: Instant,
    ends: Instant,
}

/// What the token endpoint is to do.
pub(super) enum Reply {
    Token { value: String, expires_in: u64 },
    Unavailable,
    Busy { retry_after: u64 },
    Never,
}

/// An event that waits for its begin.
#[derive(Debug, Clone, Copy)]
struct Armed {
    trouble: Trouble,
    age: Duration,
    /// A token came, or was there, that has not been older than that yet.
    counting: bool,
}

#[derive(Debug, Default)]
struct State {
    tokens: HashMap<String, Token>,
    newest: Option<String>,
    armed: Option<Armed>,
    /// What is wrong, and since when.
    trouble: Option<(Trouble, Instant)>,
    requests: Vec<Instant>,
    /// How often each POST was done.
    posts: HashMap<u64, u32>,
}

#[derive(Debug)]
pub(super) struct Stage {
    life: Duration,
    lag: Duration,
    retry_after: Duration,
    state: Mutex<State>,
}

impl Stage {
    pub(super) fn new(program: &Program) -> Self {
        Self {
            life: program.life,
            lag: program.lag,
            retry_after: program.retry_after,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trouble begins when the newest token has the event's age. A renewal that comes sooner
    /// meets it already: a client that renews at 6 s would never show a token of 8 s.
    pub(super) fn arm(&self, event: &Event) {
        let now = Instant::now();
        let mut state = self.state();
        let Some(age) = event.age else {
            state.begin(event.trouble, now);
            return;
        };
        let counting = state.age(now).is_some_and(|newest| newest <= age);
        state.armed = Some(Armed {
            trouble: event.trouble,
            age,
            counting,
        });
    }

    /// When the trouble began; looks whether it is time.
    pub(super) fn begun(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.state();
        if let (Some(armed), Some(age)) = (state.armed, state.age(now))
            && armed.counting
            && age >= armed.age
        {
            state.begin(armed.trouble, now);
        }
        state.trouble.map(|(_, begun)| begun)
    }

    /// Begins it, whatever the token's age.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        if let Some(armed) = state.armed {
            state.begin(armed.trouble, Instant::now());
        }
    }

    pub(super) fn end(&self) {
        let mut state = self.state();
        state.armed = None;
        state.trouble = None;
    }

    /// When the newest token was issued, if that was after this.
    pub(super) fn issued_after(&self, begin: Instant) -> Option<Instant> {
        let state = self.state();
        let newest = state.newest()?;
        (newest.issued > begin).then_some(newest.issued)
    }

    /// When the last good token ends.
    pub(super) fn tokens_end(&self) -> Option<Instant> {
        self.state().tokens.values().map(|token| token.ends).max()
    }

    pub(super) fn requests(&self) -> Vec<Instant> {
        self.state().requests.clone()
    }

    /// The POSTs that were done more than once.
    pub(super) fn repeated(&self) -> Vec<u64> {
        let state = self.state();
        let repeated = state.posts.iter().filter(|(_, times)| **times > 1);
        repeated.map(|(id, _)| *id).collect()
    }

    /// A request at the token endpoint.
    pub(super) fn asked(&self) -> Reply {
        let now = Instant::now();
        let mut state = self.state();
        state.requests.push(now);
        if let Some(armed) = state.armed.filter(|armed| armed.counting) {
            state.begin(armed.trouble, now);
        }
        let trouble = state.trouble.map(|(trouble, _)| trouble);
        match trouble {
            Some(Trouble::Unavailable) => return Reply::Unavailable,
            Some(Trouble::Hang) => return Reply::Never,
            Some(Trouble::Busy) => {
                let retry_after = self.retry_after.as_secs();
                return Reply::Busy { retry_after };
            }
            Some(Trouble::Sticky) => {
                // As real ones: one with less than a second to live is not handed out again.
                let left = state.newest().map(|newest| (newest.ends - now).as_secs());
                if let (Some(expires_in @ 1..), Some(value)) = (left, state.newest.clone()) {
                    return Reply::Token { value, expires_in };
                }
            }
            _ => {}
        }
        let lag = match trouble {
            Some(Trouble::Lag) => self.lag,
            _ => Duration::ZERO,
        };
        let value = format!("token-{}", state.requests.len());
        let token = Token {
            issued: now,
            good_from: now + lag,
            ends: now + self.life,
        };
        state.tokens.insert(value.clone(), token);
        state.newest = Some(value.clone());
        if let Some(armed) = &mut state.armed {
            armed.counting = true;
        }
        Reply::Token {
            value,
            expires_in: self.life.as_secs(),
        }
    }

    /// A request at the API: whether this token is good, and the POST is done.
    pub(super) fn accepts(&self, token: &str, post: Option<u64>) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let good = token == FIXED
            || state
                .tokens
                .get(token)
                .is_some_and(|token| token.good_from <= now && now < token.ends);
        if let (true, Some(id)) = (good, post) {
            *state.posts.entry(id).or_default() += 1;
        }
        good
    }
}

impl State {
    fn newest(&self) -> Option<&Token> {
        self.tokens.get(self.newest.as_ref()?)
    }

    fn age(&self, now: Instant) -> Option<Duration> {
        Some(now - self.newest()?.issued)
    }

    fn begin(&mut self, trouble: Trouble, now: Instant) {
        self.armed = None;
        self.trouble = Some((trouble, now));
        if trouble == Trouble::Revoked {
            self.tokens.clear();
            self.newest = None;
        }
    }
}
