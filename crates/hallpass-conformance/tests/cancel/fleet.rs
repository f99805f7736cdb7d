//! A fetch by way of a shared store, whose lease a caller that goes away may leave behind.

use hallpass_core::{Cached, CredentialSource as _, Fetch, Identity};
use hallpass_shared::{Key, Keys, LEASE_TERM, MemoryStore, Named, Shared, SharedStore};
use hallpass_testkit::ScriptedSource;

use crate::{HOUR, SECOND, SHORT, dropped_everywhere};

fn process(store: &MemoryStore, source: &ScriptedSource) -> Shared<Named<ScriptedSource>> {
    Shared::named(
        source.clone(),
        Identity::new("acme"),
        SharedStore::new(store.clone()),
        Keys::new(Key::new(&[7; 32])),
    )
}

#[tokio::test(start_paused = true)]
async fn a_fetch_for_a_fleet() {
    let world = || {
        let source = ScriptedSource::tokens(HOUR);
        source.latency(SHORT);
        let store = MemoryStore::new();
        (process(&store, &source), process(&store, &source), source)
    };
    let points = dropped_everywhere(
        world,
        async |(one, ..)| drop(one.fetch(&Fetch::first()).await.unwrap()),
        async |(one, other, source)| {
            let other = Cached::new(other.clone());
            // As long as a lease that nobody renews, and a little.
            other.get_within(LEASE_TERM + SECOND).await.unwrap();
            one.fetch(&Fetch::first()).await.unwrap();
            assert!(source.fetches() <= 2, "{} fetches", source.fetches());
        },
    );
    assert!(points.await >= 1);
}
