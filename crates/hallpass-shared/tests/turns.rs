//! Many tenants: whoever waits for another process takes no place from those who can get on.

mod common;

use common::{LIFETIME, SECOND, Way, keys};
use hallpass_core::{Cached, Error, Identity, Keyed};
use hallpass_shared::{MemoryStore, Name, Shared, SharedStore, Store as _, contract};
use hallpass_testkit::ScriptedSource;
use tokio::time::{Instant, timeout};

const AT_ONCE: usize = 4;

fn identity(tenant: u64) -> Identity {
    Identity::new("acme").part("tenant", tenant.to_be_bytes())
}

fn tenants(store: &MemoryStore, source: &ScriptedSource) -> Keyed<u64> {
    let (store, source) = (SharedStore::new(Way::to(store)), source.clone());
    Keyed::builder(move |tenant: &u64| {
        let shared = Shared::named(source.clone(), identity(*tenant), store.clone(), keys());
        Ok::<_, Error>(Cached::new(shared))
    })
    .fetches_at_once(AT_ONCE)
    .build()
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_peer_holds_no_place() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let tenants = tenants(&store, &source);
    // Another process has the leases of more tenants than there are places.
    let waiting: Vec<_> = (0..2 * AT_ONCE as u64).collect();
    for tenant in &waiting {
        let mut peer = contract::request(0);
        peer.term = 8 * SECOND;
        let name = Name::of(&identity(*tenant));
        store.lease(&name, &peer).await.unwrap();
    }
    let asking: Vec<_> = waiting
        .iter()
        .map(|tenant| tokio::spawn(tenants.get(tenant).unwrap().get_within(30 * SECOND)))
        .collect();
    tokio::time::sleep(SECOND).await;
    let stats = tenants.stats();
    assert_eq!((stats.fetching, stats.queued), (0, 0));
    let other = tenants.get(&100).unwrap();
    let got = timeout(SECOND / 10, other.get()).await;
    got.expect("nobody is in the way").unwrap();
    // Once the leases have run out those who waited fetch, no more than so many at once.
    source.latency(SECOND);
    let begun = Instant::now();
    for one in asking {
        one.await.unwrap().unwrap();
    }
    assert_eq!(source.max_in_flight(), AT_ONCE);
    assert!(begun.elapsed() < 12 * SECOND);
    assert_eq!(source.fetches(), waiting.len() + 1);
    tokio::task::yield_now().await;
    assert_eq!(tenants.stats().fetching, 0);
}
