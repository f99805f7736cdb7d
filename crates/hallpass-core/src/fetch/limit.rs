//! [`FetchLimit`]: how many fetches against one endpoint run at once.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use super::Pulse;

/// How often a fetch that waits for its turn looks whether those that run are still alive.
const LOOK: Duration = Duration::from_secs(1);

/// Lets so many fetches run at once; the others wait in the order in which they came.
///
/// Fetches of credentials whose last fetch failed get at most half of the places. So the others get
/// on however many fail, and however long each of those takes to do so.
#[derive(Debug)]
pub(crate) struct FetchLimit {
    most: usize,
    queues: Mutex<Queues>,
}

// Invariant: a ticket is in one of the three lists, or its permit is gone, or its runtime stood
// still and it was taken out.
#[derive(Debug, Default)]
struct Queues {
    running: Vec<Arc<Ticket>>,
    sound: VecDeque<Arc<Ticket>>,
    troubled: VecDeque<Arc<Ticket>>,
    tickets: u64,
}

#[derive(Debug)]
struct Ticket {
    /// Grows, so that each queue is sorted by it.
    number: u64,
    troubled: bool,
    pulse: Arc<Pulse>,
    granted: AtomicBool,
    turn: Notify,
}

/// The turn of one attempt, which it may give up while it waits for something else than the endpoint.
#[derive(Debug)]
pub(crate) struct Turn {
    limit: Arc<FetchLimit>,
    pulse: Arc<Pulse>,
    troubled: bool,
    permit: Mutex<Option<Permit>>,
}

/// A place among the fetches that run. Dropping it lets the next one in.
#[derive(Debug)]
struct Permit {
    limit: Arc<FetchLimit>,
    ticket: Arc<Ticket>,
}

impl FetchLimit {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            queues: Mutex::default(),
        }
    }

    /// How many run, and how many wait for their turn.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let queues = self.lock();
        let waiting = queues.sound.len() + queues.troubled.len();
        (queues.running.len(), waiting)
    }

    /// Waits until the fetch with this pulse may run. `troubled` says that the one before it failed.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue.
    pub(crate) async fn turn(self: &Arc<Self>, pulse: &Arc<Pulse>, troubled: bool) -> Turn {
        let permit = self.enter(pulse, troubled).await;
        Turn {
            limit: Arc::clone(self),
            pulse: Arc::clone(pulse),
            troubled,
            permit: Mutex::new(Some(permit)),
        }
    }

    async fn enter(self: &Arc<Self>, pulse: &Arc<Pulse>, troubled: bool) -> Permit {
        let permit = self.queue_up(pulse, troubled);
        while !permit.ticket.granted.load(Ordering::Acquire) {
            tokio::select! {
                () = permit.ticket.turn.notified() => {}
                () = sleep(LOOK) => self.take_out_lifeless(),
            }
        }
        permit
    }

    fn queue_up(self: &Arc<Self>, pulse: &Arc<Pulse>, troubled: bool) -> Permit {
        let mut queues = self.lock();
        queues.tickets += 1;
        let ticket = Arc::new(Ticket {
            number: queues.tickets,
            troubled,
            pulse: Arc::clone(pulse),
            granted: AtomicBool::new(false),
            turn: Notify::new(),
        });
        queues.lane(troubled).push_back(Arc::clone(&ticket));
        let granted = queues.grant(self.most);
        drop(queues);
        tell(granted);
        let limit = Arc::clone(self);
        Permit { limit, ticket }
    }

    /// Whoever was left over from a fetch that has ended is told to make room, and does as soon as it
    /// is gone. A runtime that stands still never gives a place back: its fetches are given up by
    /// those who wait for them, and their places go to others.
    fn take_out_lifeless(&self) {
        let mut leaving = Vec::new();
        let mut queues = self.lock();
        queues.running.retain(|ticket| {
            if !ticket.pulse.is_lifeless() {
                return true;
            }
            if !ticket.pulse.is_given_up() {
                return false;
            }
            let (since, first) = ticket.pulse.needed_since();
            if first {
                leaving.push(Arc::clone(&ticket.pulse));
            }
            since.elapsed() < LOOK
        });
        let granted = queues.grant(self.most);
        drop(queues);
        tell(granted);
        for pulse in leaving {
            pulse.make_room();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    pub(crate) fn give_up(&self) {
        let permit = self.lock().take();
        // Outside the lock, because it tells the next one.
        drop(permit);
    }

    pub(crate) async fn take(&self) {
        if self.lock().is_none() {
            let permit = self.limit.enter(&self.pulse, self.troubled).await;
            *self.lock() = Some(permit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Permit>> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn lane(&mut self, troubled: bool) -> &mut VecDeque<Arc<Ticket>> {
        if troubled {
            &mut self.troubled
        } else {
            &mut self.sound
        }
    }

    /// Lets in whoever is next while there are places. They are to be told without the lock.
    fn grant(&mut self, most: usize) -> Vec<Arc<Ticket>> {
        let mut granted = Vec::new();
        while self.running.len() < most {
            let Some(ticket) = self.next(most) else { break };
            ticket.granted.store(true, Ordering::Release);
            self.running.push(Arc::clone(&ticket));
            granted.push(ticket);
        }
        granted
    }

    /// The one that came first of those that may run.
    fn next(&mut self, most: usize) -> Option<Arc<Ticket>> {
        let troubled = self.running.iter().filter(|ticket| ticket.troubled).count();
        let number = |lane: &VecDeque<Arc<Ticket>>| lane.front().map(|ticket| ticket.number);
        let troubled_is_next = troubled < most.div_ceil(2)
            && match (number(&self.sound), number(&self.troubled)) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(sound), Some(troubled)) => troubled < sound,
            };
        self.lane(troubled_is_next).pop_front()
    }
}

fn tell(granted: Vec<Arc<Ticket>>) {
    for ticket in granted {
        ticket.turn.notify_one();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let ticket = &self.ticket;
        let mut queues = self.limit.lock();
        queues.running.retain(|one| !Arc::ptr_eq(one, ticket));
        let lane = queues.lane(ticket.troubled);
        if let Ok(at) = lane.binary_search_by_key(&ticket.number, |one| one.number) {
            lane.remove(at);
        }
        let granted = queues.grant(self.limit.most);
        drop(queues);
        tell(granted);
    }
}
