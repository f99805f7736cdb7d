//! Somebody writes to the store: what can't be counts as nothing, and holds nobody up.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{
    LIFETIME, SECOND, common_token, fleet, get_all, identity, refuse_all, replica, settle,
};
use hallpass_shared::{
    MemoryStore, Name, Slot, contract,
    store::{Entry, Leased, Published},
};
use hallpass_testkit::ScriptedSource;
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const OWNER: [u8; 16] = [7; 16];

/// A slot with these numbers in it.
fn slot(numbers: &Value) -> Slot {
    let mut slot = json!({
        "generation": 0, "sealed": [1, 2, 3], "ends": 0, "refused": 0,
        "fence": 0, "owner": null, "leased_until": 0,
    });
    for (name, value) in numbers.as_object().unwrap() {
        slot[name] = value.clone();
    }
    serde_json::from_value(slot).unwrap()
}

#[test]
fn a_fence_that_can_t_be_is_not_handed_out_to_who_renews() {
    let request = contract::request(0);
    let mut slot = slot(&json!({
        "owner": request.owner, "leased_until": NOW + 5_000, "fence": u64::MAX,
    }));
    let leased = slot.lease(NOW, &request);
    let Leased::Granted(lease) = leased else {
        panic!("{leased:?}");
    };
    assert_eq!(lease.fence, 0);
    let outcome = contract::outcome(b"sealed", lease);
    let published = slot.publish(NOW, lease.fence, &outcome);
    assert!(matches!(published, Published::Refused(_)));
}

#[test]
fn a_slot_with_what_can_t_be_is_as_good_as_an_empty_one() {
    for numbers in [
        json!({"owner": OWNER, "leased_until": NOW + 60_001}),
        json!({"owner": OWNER, "leased_until": NOW + DAY}),
        json!({"owner": OWNER, "leased_until": u64::MAX}),
        json!({"leased_until": NOW + 60_001}),
        json!({"leased_until": u64::MAX}),
        json!({"fence": NOW + DAY}),
        json!({"fence": u64::MAX}),
        json!({"refused": NOW + DAY - 1}),
        json!({"refused": u64::MAX}),
        json!({"generation": NOW, "ends": NOW + 367 * DAY}),
        json!({"generation": NOW, "ends": u64::MAX}),
        json!({"generation": NOW + DAY + 1, "ends": NOW + HOUR}),
        json!({"generation": u64::MAX, "ends": NOW + HOUR}),
        json!({"generation": u64::MAX, "ends": u64::MAX, "refused": u64::MAX,
            "fence": u64::MAX, "owner": OWNER, "leased_until": u64::MAX}),
    ] {
        let mut slot = slot(&numbers);
        assert_eq!(slot.entry(NOW), None, "{numbers}");
        let leased = slot.lease(NOW, &contract::request(0));
        let Leased::Granted(lease) = leased else {
            panic!("{numbers}: {leased:?}");
        };
        let outcome = contract::outcome(b"sealed", lease);
        let published = slot.publish(NOW, lease.fence, &outcome);
        assert_eq!(published, Published::Done, "{numbers}");
        let other = slot.lease(NOW + 1, &contract::request(0));
        assert!(matches!(other, Leased::Newer(_)), "{numbers}: {other:?}");
    }
}

#[test]
fn what_may_be_counts() {
    let mut held = slot(&json!({"owner": OWNER, "leased_until": NOW + 60_000}));
    let leased = held.lease(NOW, &contract::request(0));
    assert_eq!(leased, Leased::Held(Duration::from_secs(60)));
    let mut paused = slot(&json!({"leased_until": NOW + 60_000}));
    let leased = paused.lease(NOW, &contract::request(0));
    assert_eq!(leased, Leased::Paused(Duration::from_secs(60)));
    // A token that lives for months.
    let entry = slot(&json!({"generation": NOW, "ends": NOW + 300 * DAY}));
    assert!(entry.entry(NOW).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_fleet_goes_on_sharing_beside_an_entry_of_no_possible_generation() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let impossible = Entry {
        generation: u64::MAX,
        sealed: b"nonsense".to_vec(),
        left: LIFETIME,
    };
    store.put(&Name::of(&identity()), impossible);
    let fleet = fleet(10, &store, &source);
    common_token(&fleet).await;
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_older_entry_costs_a_cold_replica_one_refusal_and_then_nobody_anything() {
    let (before, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let warm = fleet(2, &before, &source);
    common_token(&warm).await;
    let old = before.take_copy(&Name::of(&identity())).unwrap();
    settle(&warm).await;
    refuse_all(&warm);
    tokio::time::sleep(SECOND).await;
    assert_eq!(common_token(&warm).await, "token-2");
    settle(&warm).await;

    // All that was there is as it was then: nothing says that the first one was refused.
    before.clear();
    before.put(&Name::of(&identity()), old);
    let cold = [replica(&before, |shared| shared, source.clone())];
    assert_eq!(common_token(&cold).await, "token-1", "it can't know better");
    assert_eq!(source.fetches(), 2);
    refuse_all(&cold);
    tokio::time::sleep(SECOND).await;
    assert_eq!(common_token(&cold).await, "token-3");
    assert_eq!(source.fetches(), 3, "one refusal, one renewal");

    // Those that are colder yet have it at once, and the others keep theirs until they are due.
    let colder = fleet(5, &before, &source);
    assert_eq!(common_token(&colder).await, "token-3");
    assert_eq!(common_token(&warm).await, "token-2");
    refuse_all(&warm);
    tokio::time::sleep(SECOND).await;
    assert!(get_all(&warm).await.iter().all(Result::is_ok));
    assert_eq!(common_token(&warm).await, "token-3");
    assert_eq!(source.fetches(), 3);
}
