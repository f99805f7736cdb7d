//! A refresh token that the server may replace with each answer (RFC 6749 §6).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hallpass_core::Error;
use http::Response;
use tokio::sync::OwnedMutexGuard;
use zeroize::Zeroizing;

use super::answer::member;
use crate::{Secret, secret::Use};

type Told = dyn Fn(&str) + Send + Sync;

/// The present refresh token. Clones share it; [`fresh`](Self::fresh) starts anew.
#[derive(Clone, Default)]
pub(crate) struct Rotation {
    first: Option<Secret>,
    told: Option<Arc<Told>>,
    state: Arc<Mutex<State>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The right to use the refresh token. Two requests with one token would look like theft to a server
/// that rotates.
pub(crate) type Turn = Arc<OwnedMutexGuard<()>>;

#[derive(Default)]
struct State {
    /// What the provider said last.
    provided: Option<Zeroizing<String>>,
    /// What the server gave in its place.
    rotated: Option<Zeroizing<String>>,
    rotations: u64,
}

impl Rotation {
    pub(crate) fn starting_with(&mut self, first: Secret) {
        self.first = Some(first);
    }

    pub(crate) fn telling(&mut self, told: impl Fn(&str) + Send + Sync + 'static) {
        self.told = Some(Arc::new(told));
    }

    /// The same settings with a state of their own.
    pub(crate) fn fresh(&self) -> Result<Self, Error> {
        self.first()?;
        Ok(Self {
            first: self.first.clone(),
            told: self.told.clone(),
            ..Self::default()
        })
    }

    fn first(&self) -> Result<&Secret, Error> {
        let unset = || Error::configuration("no refresh token is set: call token");
        self.first.as_ref().ok_or_else(unset)
    }

    /// Waits until no other request uses the token, one that nobody waits for any more included.
    pub(crate) async fn turn(&self) -> Turn {
        Arc::new(self.turn.clone().lock_owned().await)
    }

    /// The token to use: the server's latest, unless the provider has another one since.
    pub(crate) async fn read(&self, of: &str) -> Result<Zeroizing<String>, Error> {
        let what = "refresh token";
        let provided = self.first()?.read(Use { what, of }).await?;
        let mut state = self.lock();
        if state.provided.as_ref() != Some(&provided) {
            state.provided = Some(provided.clone());
            state.rotated = None;
        }
        Ok(state.rotated.clone().unwrap_or(provided))
    }

    /// Looks for a new refresh token in an answer.
    pub(crate) fn learn(&self, answer: &Response<Bytes>) {
        if answer.status().is_success()
            && let Some(token) = member(answer.body(), "refresh_token")
        {
            self.keep(&token);
        }
    }

    /// Keeps the token that an answer brought, if it is another one, and then tells of it.
    fn keep(&self, token: &Zeroizing<String>) {
        {
            let mut state = self.lock();
            let present = state.rotated.as_ref().or(state.provided.as_ref());
            if present == Some(token) {
                return;
            }
            state.rotated = Some(token.clone());
            state.rotations += 1;
        }
        if let Some(told) = &self.told {
            told(token);
        }
    }

    pub(crate) fn version(&self) -> u64 {
        let first = self.first.as_ref().map_or(0, Secret::version);
        first.wrapping_add(self.lock().rotations)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
