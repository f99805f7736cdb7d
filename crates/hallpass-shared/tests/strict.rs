//! Issuers that bear one fetch at a time: nobody asks without the lease, whatever happens.

mod common;

use std::future::Future;

use common::{LIFETIME, SECOND, Trouble, identity, replica, run_for};
use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};
use hallpass_shared::{LEASE_TERM, MemoryStore, Name, Shared, Store as _, contract};
use hallpass_testkit::ScriptedSource;
use tokio::time::Instant;

fn name() -> Name {
    Name::of(&identity())
}

/// A source that says more of itself.
#[derive(Clone)]
struct Described {
    source: ScriptedSource,
    say: fn(&mut Description),
}

impl CredentialSource for Described {
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send {
        self.source.fetch(why)
    }

    fn description(&self) -> Description {
        let mut description = self.source.description();
        description.hedge = true;
        (self.say)(&mut description);
        description
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_bears_one_fetch_at_a_time_is_never_asked_beside_another() {
    let strict: [fn(&mut Description); 2] = [
        |description| description.one_at_a_time = true,
        |description| description.kills_old = true,
    ];
    for say in strict {
        let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
        store.lease(&name(), &contract::request(0)).await.unwrap();
        let described = Described {
            source: source.clone(),
            say,
        };
        let waiting = replica(&store, |shared| shared, described);
        assert!(!waiting.cached.description().hedge);
        let error = waiting.cached.get_within(40 * SECOND).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        waiting.way.set(Trouble::Down);
        assert!(waiting.cached.get().await.unwrap_err().is_transient());
        assert_eq!(source.fetches(), 0);
    }
    // Any other source is asked after the wait.
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    store.lease(&name(), &contract::request(0)).await.unwrap();
    let described = Described {
        source: source.clone(),
        say: |_| {},
    };
    let waiting = replica(&store, |shared| shared, described);
    waiting.cached.get_within(40 * SECOND).await.unwrap();
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn strict_holders_that_hear_nothing_for_a_term_stop() {
    for trouble in [Trouble::Down, Trouble::Silent] {
        let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
        source.latency(20 * SECOND);
        let one = replica(&store, Shared::only_through_store, source.clone());
        let asking = tokio::spawn(one.cached.get_within(SECOND * 10));
        // Renewed once, then nothing more is heard.
        tokio::time::sleep(2 * SECOND).await;
        one.way.set(trouble);
        let renewed = Instant::now();
        while source.dropped() == 0 {
            assert_eq!(source.in_flight(), 1, "{trouble:?}");
            assert!(renewed.elapsed() <= LEASE_TERM, "{trouble:?}: it goes on");
            tokio::time::sleep(SECOND / 20).await;
        }
        assert!(renewed.elapsed() > LEASE_TERM / 2, "{trouble:?}: too soon");
        assert!(asking.await.unwrap().unwrap_err().is_transient());
        assert_eq!(source.fetches(), 1, "{trouble:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_only_one_may_ask_no_other_does() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    let strict = || replica(&store, Shared::only_through_store, source.clone());
    // Another has the lease for a minute.
    store.lease(&name(), &contract::request(0)).await.unwrap();
    let waiting = strict();
    let error = waiting.cached.get_within(40 * SECOND).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(source.fetches(), 0);
    tokio::time::sleep(60 * SECOND).await;
    waiting.cached.get().await.unwrap();
    assert_eq!(source.fetches(), 1);
    // And none without the store.
    let cut = strict();
    for trouble in [Trouble::Down, Trouble::Silent] {
        cut.way.set(trouble);
        assert!(cut.cached.get().await.unwrap_err().is_transient());
    }
    assert_eq!(source.fetches(), 1);
    // Whoever has a token goes on with it.
    waiting.way.set(Trouble::Down);
    run_for(std::slice::from_ref(&waiting), 200 * SECOND).await;
    assert!(waiting.cached.get().await.is_ok());
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn strict_holders_that_lose_the_lease_stop() {
    let (store, source) = (MemoryStore::new(), ScriptedSource::tokens(LIFETIME));
    source.latency(20 * SECOND);
    let strict = || replica(&store, Shared::only_through_store, source.clone());
    let (one, other) = (strict(), strict());
    let first = tokio::spawn(one.cached.get_within(90 * SECOND));
    tokio::time::sleep(SECOND).await;
    one.way.set(Trouble::Silent);
    let second = tokio::spawn(other.cached.get_within(90 * SECOND));
    tokio::time::sleep(10 * SECOND).await;
    one.way.set(Trouble::None);
    let (first, second) = (
        first.await.unwrap().unwrap(),
        second.await.unwrap().unwrap(),
    );
    assert!(first.same_secret(&second));
    assert_eq!(source.dropped(), 1, "the first one's request was given up");
}
