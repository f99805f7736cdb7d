//! [`Link`]: the one connection that all operations share, made anew when it no longer serves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use hallpass_core::Error;
use redis::{Cmd, RedisError, Value};
use tokio::{sync::watch, time::timeout};

use crate::place::{Connection, Place, failed};

/// How long it may take to connect: names, handshakes and sentinels included. Operations have less
/// time, so it goes on without them.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// So many operations in a row that nobody answered, and the connection is taken for dead: a peer
/// that vanished without a word is not noticed otherwise.
const UNANSWERED: u32 = 3;

pub(crate) struct Link {
    place: Arc<Place>,
    state: Arc<watch::Sender<State>>,
    /// The number of the connection in use.
    number: AtomicU64,
    unanswered: AtomicU32,
}

enum State {
    Idle,
    Connecting,
    Up(Connection),
    Failed(Error),
}

impl Link {
    pub(crate) fn new(place: Arc<Place>) -> Self {
        Self {
            place,
            state: Arc::new(watch::Sender::new(State::Idle)),
            number: AtomicU64::new(0),
            unanswered: AtomicU32::new(0),
        }
    }

    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Error> {
        let (mut connection, number) = self.connection().await?;
        let unanswered = Unanswered { link: self, number };
        let outcome = connection.send(command).await;
        unanswered.is_answered();
        outcome.and_then(Value::extract_error).map_err(|error| {
            if spoils(&error) {
                self.give_up(number);
            }
            failed(&error)
        })
    }

    /// The connection in use, or the one that is being made.
    async fn connection(&self) -> Result<(Connection, u64), Error> {
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
            drop(tokio::spawn(connect(
                Arc::clone(&self.place),
                Connecting(Arc::clone(&self.state)),
            )));
        }
        let ready = |state: &State| !matches!(state, State::Connecting);
        let state = changes
            .wait_for(ready)
            .await
            .map_err(|_| Error::transient("the connection to Redis is gone"))?;
        match &*state {
            State::Up(connection) => Ok((connection.clone(), self.number.load(Ordering::Relaxed))),
            State::Failed(error) => Err(error.clone()),
            State::Idle | State::Connecting => {
                Err(Error::transient("the connection to Redis has just broken"))
            }
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

async fn connect(place: Arc<Place>, connecting: Connecting) {
    let outcome = timeout(CONNECT_DEADLINE, place.connect()).await;
    connecting.end(match outcome {
        Ok(Ok(connection)) => State::Up(connection),
        Ok(Err(error)) => State::Failed(failed(&error)),
        Err(_) => State::Failed(Error::timeout("no connection to Redis in time")),
    });
}

/// Ends the state of connecting, whatever becomes of the task: its runtime may go.
struct Connecting(Arc<watch::Sender<State>>);

impl Connecting {
    fn end(self, state: State) {
        self.0.send_replace(state);
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        self.0.send_if_modified(|state| {
            let unended = matches!(state, State::Connecting);
            if unended {
                *state = State::Failed(Error::transient("nobody finished connecting to Redis"));
            }
            unended
        });
    }
}

/// An operation that is under way. Dropped without an answer, it counts against the connection.
struct Unanswered<'a> {
    link: &'a Link,
    number: u64,
}

impl Unanswered<'_> {
    fn is_answered(self) {
        self.link.unanswered.store(0, Ordering::Relaxed);
        std::mem::forget(self);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let before = self.link.unanswered.fetch_add(1, Ordering::Relaxed);
        if before + 1 >= UNANSWERED {
            self.link.give_up(self.number);
        }
    }
}

/// Whether the connection is of no further use: broken, or to a server that was demoted.
fn spoils(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || matches!(error.code(), Some("READONLY" | "MASTERDOWN"))
}
