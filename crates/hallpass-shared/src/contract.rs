//! What every [`Store`] has to guarantee, as functions that panic where it does not.
//!
//! A store's own tests call [`all`] with a store that is reachable. Names are random, so that it may
//! hold other things, and runs may go side by side. It takes about three seconds. A [`Replica`] is a
//! process of a fleet, for tests of what many of them make of a store.
#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "they are tests: to panic is what they are for"
)]

mod replica;

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hallpass_core::Identity;
use tokio::time::{sleep, timeout};

pub use self::replica::{Replica, common_token, get_all, identity, keys};
use crate::{
    Name, Store,
    store::{
        Entry, LONGEST_LIFE, LONGEST_TERM, Lease, LeaseRequest, Leased, Outcome, Owner, Published,
        Snapshot,
    },
};

/// Long enough for any operation, and short enough to wait for its end.
const TERM: Duration = Duration::from_millis(400);

/// Surely over.
const AFTER_TERM: Duration = Duration::from_millis(600);

const LONG: Duration = Duration::from_secs(60);

/// Holds a store to all of it.
pub async fn all<S: Store>(store: &S) {
    what_is_not_there_is_empty(store).await;
    one_owner_has_the_lease(store).await;
    what_is_published_is_there(store).await;
    a_late_publication_changes_nothing(store).await;
    a_lease_that_ran_out_publishes_if_nobody_took_it(store).await;
    nothing_is_published_without_the_lease(store).await;
    a_refused_entry_is_as_good_as_none(store).await;
    a_failure_makes_a_pause(store).await;
    entries_end(store).await;
    fences_exceed_what_was_seen(store).await;
    what_is_too_long_is_cut_short(store).await;
    of_many_one_gets_the_lease(store).await;
}

fn new_name() -> Name {
    let owner = Owner::random().expect("random numbers");
    Name::of(&Identity::new("contract").part("random", owner.as_bytes()))
}

/// Somebody who wants an entry.
#[must_use]
pub fn request(newer_than: u64) -> LeaseRequest {
    LeaseRequest {
        owner: Owner::random().expect("random numbers"),
        term: LONG,
        newer_than,
        refused: 0,
        seen: 0,
    }
}

async fn lease<S: Store>(store: &S, name: &Name, request: &LeaseRequest) -> Leased {
    store.lease(name, request).await.expect("a lease request")
}

async fn granted<S: Store>(store: &S, name: &Name, request: &LeaseRequest) -> Lease {
    match lease(store, name, request).await {
        Leased::Granted(lease) => lease,
        other => panic!("a lease was to be granted, not {other:?}"),
    }
}

async fn snapshot<S: Store>(store: &S, name: &Name) -> Snapshot {
    store.get(name).await.expect("a look")
}

async fn entry<S: Store>(store: &S, name: &Name) -> Option<Entry> {
    snapshot(store, name).await.entry
}

/// An entry that ends in a minute.
#[must_use]
pub fn outcome(sealed: &[u8], lease: Lease) -> Outcome {
    Outcome::Entry {
        sealed: sealed.to_vec(),
        ends: lease.now + LONG.as_millis() as u64,
    }
}

async fn publish<S: Store>(store: &S, name: &Name, fence: u64, outcome: &Outcome) -> Published {
    let published = store.publish_if_fence(name, fence, outcome).await;
    published.expect("a publication")
}

/// A name of which nothing was heard has nothing, and the store's clock is about right.
pub async fn what_is_not_there_is_empty<S: Store>(store: &S) {
    let name = new_name();
    assert_eq!(snapshot(store, &name).await, Snapshot::default());
    let lease = granted(store, &name, &request(0)).await;
    assert_eq!(lease.generation, 0);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let wall = wall.unwrap_or_default().as_millis() as u64;
    assert!(lease.now.abs_diff(wall) < 600_000, "{lease:?} at {wall}");
    assert_eq!(snapshot(store, &name).await, Snapshot::default());
}

/// Others are told for how long; the owner has it for a new term, with the same fence.
pub async fn one_owner_has_the_lease<S: Store>(store: &S) {
    let name = new_name();
    let owner = LeaseRequest {
        term: TERM,
        ..request(0)
    };
    let lease_of_owner = granted(store, &name, &owner).await;
    match lease(store, &name, &request(0)).await {
        Leased::Held(left) => assert!(!left.is_zero() && left <= TERM, "{left:?}"),
        other => panic!("the lease is another's: {other:?}"),
    }
    sleep(TERM / 2).await;
    let again = granted(store, &name, &owner).await;
    assert_eq!(again.fence, lease_of_owner.fence);
    sleep(TERM / 4 * 3).await;
    let held = lease(store, &name, &request(0)).await;
    assert!(matches!(held, Leased::Held(_)), "renewed: {held:?}");
    sleep(TERM).await;
    let next = granted(store, &name, &request(0)).await;
    assert!(next.fence > lease_of_owner.fence);
    // Another name has nothing to do with it.
    granted(store, &new_name(), &request(0)).await;
}

/// It comes back byte by byte, to whoever asks and to whoever wants to fetch a newer one.
pub async fn what_is_published_is_there<S: Store>(store: &S) {
    let name = new_name();
    let first = granted(store, &name, &request(0)).await;
    let sealed: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
    let published = publish(store, &name, first.fence, &outcome(&sealed, first)).await;
    assert_eq!(published, Published::Done);
    let there = entry(store, &name).await.expect("the entry");
    assert_eq!((there.generation, &there.sealed), (first.fence, &sealed));
    assert!(there.left <= LONG && there.left > LONG / 2, "{there:?}");
    match lease(store, &name, &request(first.fence - 1)).await {
        Leased::Newer(Snapshot {
            entry: Some(newer), ..
        }) => assert_eq!((newer.generation, newer.sealed), (first.fence, sealed)),
        other => panic!("there is a newer entry: {other:?}"),
    }
    let next = granted(store, &name, &request(first.fence)).await;
    assert!(next.fence > first.fence);
    assert_eq!(next.generation, first.fence);
    // It stays until there is another.
    assert_eq!(
        entry(store, &name).await.map(|entry| entry.generation),
        Some(first.fence)
    );
    publish(store, &name, next.fence, &outcome(b"next", next)).await;
    let there = entry(store, &name).await.expect("the next entry");
    assert_eq!(there.sealed, b"next");
}

/// A holder that stood still while another one took its place.
pub async fn a_late_publication_changes_nothing<S: Store>(store: &S) {
    let name = new_name();
    let stalled = LeaseRequest {
        term: TERM,
        ..request(0)
    };
    let stalled = granted(store, &name, &stalled).await;
    sleep(AFTER_TERM).await;
    let other = granted(store, &name, &request(0)).await;
    assert!(other.fence > stalled.fence);
    let early = publish(store, &name, stalled.fence, &outcome(b"old", stalled)).await;
    assert_eq!(early, Published::Refused(Snapshot::default()));
    let done = publish(store, &name, other.fence, &outcome(b"new", other)).await;
    assert_eq!(done, Published::Done);
    match publish(store, &name, stalled.fence, &outcome(b"old", stalled)).await {
        Published::Refused(Snapshot {
            entry: Some(there), ..
        }) => assert_eq!(there.sealed, b"new"),
        refused => panic!("the newer entry was to be shown: {refused:?}"),
    }
    let failed = publish(store, &name, stalled.fence, &Outcome::Failure(LONG)).await;
    assert!(matches!(failed, Published::Refused(_)), "{failed:?}");
    assert_eq!(entry(store, &name).await.expect("the entry").sealed, b"new");
    granted(store, &name, &request(other.fence)).await;
}

/// Being late harms nobody if nobody else was granted the lease.
pub async fn a_lease_that_ran_out_publishes_if_nobody_took_it<S: Store>(store: &S) {
    let name = new_name();
    let slow = LeaseRequest {
        term: TERM,
        ..request(0)
    };
    let slow = granted(store, &name, &slow).await;
    sleep(AFTER_TERM).await;
    let published = publish(store, &name, slow.fence, &outcome(b"slow", slow)).await;
    assert_eq!(published, Published::Done);
}

/// No number that was not granted publishes anything, and none does so twice.
pub async fn nothing_is_published_without_the_lease<S: Store>(store: &S) {
    let name = new_name();
    for fence in [0, 1, u64::MAX >> 12] {
        let made_up = Lease {
            fence,
            now: 1 << 42,
            generation: 0,
        };
        let published = publish(store, &name, fence, &outcome(b"made up", made_up)).await;
        assert!(matches!(published, Published::Refused(_)), "{published:?}");
    }
    assert_eq!(entry(store, &name).await, None);
    let lease = granted(store, &name, &request(0)).await;
    publish(store, &name, lease.fence, &outcome(b"once", lease)).await;
    let twice = publish(store, &name, lease.fence, &outcome(b"twice", lease)).await;
    assert!(matches!(twice, Published::Refused(_)), "{twice:?}");
    assert_eq!(
        entry(store, &name).await.expect("the entry").sealed,
        b"once"
    );
}

/// A generation that was refused is handed to nobody, and its successor to everybody.
pub async fn a_refused_entry_is_as_good_as_none<S: Store>(store: &S) {
    let name = new_name();
    let first = granted(store, &name, &request(0)).await;
    publish(store, &name, first.fence, &outcome(b"first", first)).await;
    let refusing = LeaseRequest {
        refused: first.fence,
        ..request(first.fence)
    };
    let second = granted(store, &name, &refusing).await;
    assert_eq!(snapshot(store, &name).await.refused, first.fence);
    let other = lease(store, &name, &request(0)).await;
    assert!(matches!(other, Leased::Held(_)), "{other:?}");
    publish(store, &name, second.fence, &outcome(b"second", second)).await;
    // Whoever was refused with the first one finds the second.
    let late = LeaseRequest {
        refused: first.fence,
        ..request(first.fence)
    };
    let late = lease(store, &name, &late).await;
    assert!(matches!(late, Leased::Newer(_)), "{late:?}");
}

/// A failure ends the lease, for others only after the pause.
pub async fn a_failure_makes_a_pause<S: Store>(store: &S) {
    let name = new_name();
    let first = granted(store, &name, &request(0)).await;
    let failed = publish(store, &name, first.fence, &Outcome::Failure(TERM)).await;
    assert_eq!(failed, Published::Done);
    match lease(store, &name, &request(0)).await {
        Leased::Paused(left) => assert!(!left.is_zero() && left <= TERM, "{left:?}"),
        other => panic!("a pause was to be kept: {other:?}"),
    }
    sleep(AFTER_TERM).await;
    let second = granted(store, &name, &request(0)).await;
    publish(
        store,
        &name,
        second.fence,
        &Outcome::Failure(Duration::ZERO),
    )
    .await;
    let third = granted(store, &name, &request(0)).await;
    assert!(third.fence > second.fence && second.fence > first.fence);
}

/// An entry goes with its life, and one that is over is not taken.
pub async fn entries_end<S: Store>(store: &S) {
    let name = new_name();
    let lease = granted(store, &name, &request(0)).await;
    let ending = |ends| Outcome::Entry {
        sealed: b"short".to_vec(),
        ends,
    };
    let over = publish(store, &name, lease.fence, &ending(lease.now - 1)).await;
    assert!(matches!(over, Published::Refused(_)), "{over:?}");
    let soon = lease.now + TERM.as_millis() as u64;
    let published = publish(store, &name, lease.fence, &ending(soon)).await;
    assert_eq!(published, Published::Done);
    let there = entry(store, &name).await.expect("the entry");
    assert!(there.left <= TERM, "{there:?}");
    sleep(AFTER_TERM).await;
    assert_eq!(entry(store, &name).await, None);
    let next = granted(store, &name, &request(0)).await;
    assert!(next.fence > lease.fence);
}

/// So that generations grow although the store was emptied.
pub async fn fences_exceed_what_was_seen<S: Store>(store: &S) {
    let name = new_name();
    let now = granted(store, &new_name(), &request(0)).await.now;
    let seen = now + 3_600_000;
    let experienced = LeaseRequest { seen, ..request(0) };
    assert!(granted(store, &name, &experienced).await.fence > seen);
    // No fence was ever granted that far ahead.
    let fooled = LeaseRequest {
        seen: now + 90_000_000,
        ..request(0)
    };
    let fence = granted(store, &new_name(), &fooled).await.fence;
    assert!(fence < now + 3_600_000, "{fence}");
    // A refusal of what is to come spoils nothing that comes.
    let name = new_name();
    let refused = now + 3_600_000;
    let refusing = LeaseRequest {
        refused,
        ..request(0)
    };
    let first = granted(store, &name, &refusing).await;
    publish(store, &name, first.fence, &outcome(b"first", first)).await;
    let other = lease(store, &name, &request(0)).await;
    assert!(matches!(other, Leased::Newer(_)), "{other:?}");
}

/// Leases and pauses last a minute at most, and entries are kept for a year at most.
pub async fn what_is_too_long_is_cut_short<S: Store>(store: &S) {
    const HOUR: Duration = Duration::from_secs(3600);
    let name = new_name();
    let long = LeaseRequest {
        term: HOUR,
        ..request(0)
    };
    let first = granted(store, &name, &long).await;
    match lease(store, &name, &request(0)).await {
        Leased::Held(left) => assert!(left <= LONGEST_TERM, "{left:?}"),
        other => panic!("the lease is another's: {other:?}"),
    }
    let failed = publish(store, &name, first.fence, &Outcome::Failure(HOUR)).await;
    assert_eq!(failed, Published::Done);
    match lease(store, &name, &request(0)).await {
        Leased::Paused(left) => assert!(left <= LONGEST_TERM, "{left:?}"),
        other => panic!("a pause was to be kept: {other:?}"),
    }
    let name = new_name();
    for ends in [first.now + 2 * LONGEST_LIFE.as_millis() as u64, u64::MAX] {
        let seen = entry(store, &name)
            .await
            .map_or(0, |entry| entry.generation);
        let lease = granted(store, &name, &request(seen)).await;
        let endless = Outcome::Entry {
            sealed: b"endless".to_vec(),
            ends,
        };
        let published = publish(store, &name, lease.fence, &endless).await;
        assert_eq!(published, Published::Done);
        let there = entry(store, &name).await.expect("the entry");
        assert!(there.left <= LONGEST_LIFE, "{there:?}");
    }
}

/// Fifty ask at the same time.
pub async fn of_many_one_gets_the_lease<S: Store>(store: &S) {
    let name = new_name();
    let requests: Vec<_> = (0..50).map(|_| request(0)).collect();
    let mut asking: Vec<_> = requests
        .iter()
        .map(|request| Box::pin(lease(store, &name, request)))
        .collect();
    let mut answers = Vec::new();
    // All are under way before the first answer is awaited.
    std::future::poll_fn(|context| {
        asking.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(leased) => {
                answers.push(leased);
                false
            }
            std::task::Poll::Pending => true,
        });
        if asking.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    let is_granted = |leased: &&Leased| matches!(leased, Leased::Granted(_));
    assert_eq!(answers.iter().filter(is_granted).count(), 1, "{answers:?}");
}

/// For stores that tell: a publication ends the watch of an older generation. A first one may be
/// missed while the store has only just begun to listen.
pub async fn watchers_are_told<S: Store>(store: &S) {
    let name = new_name();
    let mut seen = 0;
    for _ in 0..5 {
        let lease = granted(store, &name, &request(seen)).await;
        let publication = async {
            sleep(Duration::from_millis(200)).await;
            publish(store, &name, lease.fence, &outcome(b"told", lease)).await;
        };
        // A watch may end for nothing.
        let watching = async {
            while entry(store, &name)
                .await
                .is_none_or(|there| there.generation <= seen)
            {
                store.watch(&name, seen).await;
            }
        };
        let (told, ()) = tokio::join!(timeout(Duration::from_secs(2), watching), publication);
        if told.is_ok() {
            return;
        }
        seen = lease.fence;
    }
    panic!("five publications, and nobody was told");
}

/// With a way to empty the store: a new lease has a higher fence than one from before, which
/// publishes no more.
pub async fn fences_survive_an_emptying<S: Store>(store: &S, empty: impl Future<Output = ()>) {
    let name = new_name();
    let before = granted(store, &name, &request(0)).await;
    empty.await;
    let late = publish(store, &name, before.fence, &outcome(b"late", before)).await;
    assert!(matches!(late, Published::Refused(_)), "{late:?}");
    sleep(Duration::from_millis(5)).await;
    let after = granted(store, &name, &request(0)).await;
    assert!(after.fence > before.fence, "{after:?} after {before:?}");
}
