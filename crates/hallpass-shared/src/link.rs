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
use tokio::{sync::watch, time::timeout};

/// How long it may take to connect, with names, handshakes and whatever is set up. Operations have
/// less time, so it goes on without them.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

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
/// anew once it broke or has let three operations in a row wait in vain.
pub struct Link<C: Connect> {
    connect: Arc<C>,
    state: Arc<watch::Sender<State<C::Connection>>>,
    /// The number of the connection in use.
    number: AtomicU64,
    unanswered: AtomicU32,
}

enum State<T> {
    Idle,
    Connecting,
    Up(T),
    Failed(Error),
}

impl<C: Connect> Link<C> {
    /// One that is not connected yet.
    pub fn new(connect: impl Into<Arc<C>>) -> Self {
        Self {
            connect: connect.into(),
            state: Arc::new(watch::Sender::new(State::Idle)),
            number: AtomicU64::new(0),
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
        let starts = self.state.send_if_modified(|state| {
            let starts = matches!(state, State::Idle | State::Failed(_));
            if starts {
                *state = State::Connecting;
            }
            starts
        });
        if starts {
            self.number.fetch_add(1, Ordering::Relaxed);
            self.unanswered.store(0, Ordering::Relaxed);
            let connecting = Connecting(Arc::clone(&self.state));
            drop(tokio::spawn(connect(Arc::clone(&self.connect), connecting)));
        }
        let ready = |state: &State<_>| !matches!(state, State::Connecting);
        let state = changes
            .wait_for(ready)
            .await
            .map_err(|_| Error::transient("the connection to the shared store is gone"))?;
        match &*state {
            State::Up(connection) => Ok((connection.clone(), self.number.load(Ordering::Relaxed))),
            State::Failed(error) => Err(error.clone()),
            State::Idle | State::Connecting => Err(Error::transient(
                "the connection to the shared store has just broken",
            )),
        }
    }

    /// This connection no longer serves; the next operation makes another one.
    fn give_up(&self, number: u64) {
        self.state.send_if_modified(|state| {
            let is_it =
                matches!(state, State::Up(_)) && self.number.load(Ordering::Relaxed) == number;
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

async fn connect<C: Connect>(connect: Arc<C>, connecting: Connecting<C::Connection>) {
    let outcome = timeout(CONNECT_DEADLINE, connect.connect()).await;
    connecting.0.send_replace(match outcome {
        Ok(Ok(connection)) => State::Up(connection),
        Ok(Err(error)) => State::Failed(error),
        Err(_) => State::Failed(Error::timeout("no connection to the shared store in time")),
    });
}

/// Ends the state of connecting, whatever becomes of the task: its runtime may go, or it may panic.
struct Connecting<T>(Arc<watch::Sender<State<T>>>);

impl<T> Drop for Connecting<T> {
    fn drop(&mut self) {
        self.0.send_if_modified(|state| {
            let unended = matches!(state, State::Connecting);
            if unended {
                let error = "nobody finished connecting to the shared store";
                *state = State::Failed(Error::transient(error));
            }
            unended
        });
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
