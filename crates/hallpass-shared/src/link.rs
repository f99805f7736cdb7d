//! [`Link`]: the one connection that all operations of a store share, made anew when it no longer
//! serves.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use hallpass_core::Error;
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

/// How long it may take to connect, with names, handshakes and whatever is set up. Operations have
/// less time, so it goes on without them.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// After so long without an outcome, the task that connects is taken for one whose runtime stands
/// still, and another one connects. More than [`CONNECT_DEADLINE`], at which a task that runs says so.
const ABANDONED_AFTER: Duration = Duration::from_secs(6);

/// So many operations in a row that nobody answered, and the connection is taken for dead: a peer
/// that vanished without a word is not noticed otherwise.
const UNANSWERED: u32 = 3;

/// How a store's connections are made.
pub trait Connect: Send + Sync + 'static {
    /// A connection that operations can share.
    type Connection: Clone + Send + Sync + 'static;

    /// Makes one, on a task of its own.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Error>> + Send;
}

/// An operation that failed.
#[derive(Debug)]
pub struct Failure {
    /// What to report.
    pub error: Error,
    /// Whether the connection is of no further use.
    pub spoils_connection: bool,
}

/// The one connection that all operations of a store share. It is made at the first use, and made
/// anew once it broke or has let three operations in a row wait in vain. Whose runtime connects makes
/// no difference: if that stands still, another one does so after six seconds.
pub struct Link<C: Connect> {
    connect: Arc<C>,
    state: Arc<watch::Sender<State<C::Connection>>>,
    /// How often it was connected.
    attempts: AtomicU64,
    unanswered: AtomicU32,
}

/// Each attempt has a number, and changes nothing once another has taken its place.
enum State<T> {
    Idle,
    Connecting { number: u64, abandoned_at: Instant },
    Up { number: u64, connection: T },
    Failed(Error),
}

impl<T> State<T> {
    fn is_attempt(&self, attempt: u64) -> bool {
        matches!(self, Self::Connecting { number, .. } if *number == attempt)
    }
}

impl<C: Connect> Link<C> {
    /// One that is not connected yet.
    pub fn new(connect: impl Into<Arc<C>>) -> Self {
        Self {
            connect: connect.into(),
            state: Arc::new(watch::Sender::new(State::Idle)),
            attempts: AtomicU64::new(0),
            unanswered: AtomicU32::new(0),
        }
    }

    /// Runs an operation on the connection.
    ///
    /// # Errors
    /// What the operation failed with, or what prevents a connection.
    ///
    /// # Cancel safety
    /// The operation is dropped, and counts as unanswered. Connecting goes on.
    pub async fn run<T, F>(&self, operation: impl FnOnce(C::Connection) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let (connection, number) = self.connection().await?;
        let mut unanswered = Unanswered {
            link: self,
            number,
            answered: false,
        };
        let outcome = operation(connection).await;
        unanswered.answered = true;
        self.unanswered.store(0, Ordering::Relaxed);
        outcome.map_err(|failure| {
            if failure.spoils_connection {
                self.give_up(number);
            }
            failure.error
        })
    }

    /// The connection in use, or the one that is being made.
    async fn connection(&self) -> Result<(C::Connection, u64), Error> {
        let mut changes = self.state.subscribe();
        loop {
            let abandoned_at = self.connect_if_needed();
            let settled = |state: &State<_>| !matches!(state, State::Connecting { .. });
            let Ok(state) = timeout_at(abandoned_at, changes.wait_for(settled)).await else {
                continue;
            };
            let state = state
                .map_err(|_| Error::transient("the connection to the shared store is gone"))?;
            return match &*state {
                State::Up { number, connection } => Ok((connection.clone(), *number)),
                State::Failed(error) => Err(error.clone()),
                State::Idle | State::Connecting { .. } => Err(Error::transient(
                    "the connection to the shared store has just broken",
                )),
            };
        }
    }

    /// Begins to connect if there is no connection, and nobody who makes one. Returns until when to
    /// wait for an outcome.
    fn connect_if_needed(&self) -> Instant {
        let now = Instant::now();
        let mut abandoned_at = now + ABANDONED_AFTER;
        let mut begun = None;
        self.state.send_if_modified(|state| {
            match state {
                State::Up { .. } => return false,
                State::Connecting {
                    abandoned_at: known,
                    ..
                } if *known > now => {
                    abandoned_at = *known;
                    return false;
                }
                State::Idle | State::Failed(_) | State::Connecting { .. } => {}
            }
            let number = self.attempts.fetch_add(1, Ordering::Relaxed);
            begun = Some(number);
            *state = State::Connecting {
                number,
                abandoned_at,
            };
            true
        });
        if let Some(number) = begun {
            self.unanswered.store(0, Ordering::Relaxed);
            let attempt = Attempt {
                state: Arc::clone(&self.state),
                number,
            };
            drop(tokio::spawn(connect(Arc::clone(&self.connect), attempt)));
        }
        abandoned_at
    }

    /// This connection no longer serves; the next operation makes another one.
    fn give_up(&self, attempt: u64) {
        self.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Up { number, .. } if *number == attempt);
            if is_it {
                *state = State::Idle;
            }
            is_it
        });
    }
}

impl<C: Connect> fmt::Debug for Link<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

async fn connect<C: Connect>(connect: Arc<C>, attempt: Attempt<C::Connection>) {
    let outcome = timeout(CONNECT_DEADLINE, connect.connect()).await;
    let number = attempt.number;
    attempt.end(match outcome {
        Ok(Ok(connection)) => State::Up { number, connection },
        Ok(Err(error)) => State::Failed(error),
        Err(_) => State::Failed(Error::timeout("no connection to the shared store in time")),
    });
}

/// One attempt to connect. It ends, whatever becomes of its task: the runtime may go, or it may panic.
struct Attempt<T> {
    state: Arc<watch::Sender<State<T>>>,
    number: u64,
}

impl<T> Attempt<T> {
    fn end(&self, outcome: State<T>) {
        self.state.send_if_modified(|state| {
            let is_it = state.is_attempt(self.number);
            if is_it {
                *state = outcome;
            }
            is_it
        });
    }
}

impl<T> Drop for Attempt<T> {
    fn drop(&mut self) {
        let error = "nobody finished connecting to the shared store";
        self.end(State::Failed(Error::transient(error)));
    }
}

/// An operation that is under way. Dropped without an answer, it counts against the connection.
struct Unanswered<'a, C: Connect> {
    link: &'a Link<C>,
    number: u64,
    answered: bool,
}

impl<C: Connect> Drop for Unanswered<'_, C> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let before = self.link.unanswered.fetch_add(1, Ordering::Relaxed);
        if before + 1 >= UNANSWERED {
            self.link.give_up(self.number);
        }
    }
}
