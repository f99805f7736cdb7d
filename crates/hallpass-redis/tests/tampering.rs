//! Somebody writes to the server: what was swapped, edited or put back is never used.
#![cfg(feature = "real-server")]

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::{Redis, SECOND, keys, patient};
use hallpass_core::{Cached, Challenges, Identity};
use hallpass_shared::{Name, Named, Shared};
use hallpass_testkit::ScriptedSource;

/// A process that has a tenant's credential, and the key of its entry.
struct Tenant {
    cached: Cached,
    shared: Shared<Named<ScriptedSource>>,
    entry: String,
}

fn tenant(server: &Redis, tenant: &str, source: &ScriptedSource) -> Tenant {
    let identity = Identity::new("acme").part("tenant", tenant);
    let entry = format!("hallpass:{}", Name::of(&identity));
    let store = patient(server.store());
    let shared = Shared::named(source.clone(), identity, store, keys());
    Tenant {
        cached: Cached::new(shared.clone()),
        shared,
        entry,
    }
}

fn tokens() -> ScriptedSource {
    ScriptedSource::tokens(300 * SECOND)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_s_entry() {
    let server = Redis::start().await;
    let (a_source, b_source) = (tokens(), tokens());
    let a = tenant(&server, "a", &a_source);
    a.cached.get().await.unwrap();
    let b = tenant(&server, "b", &b_source);
    server.run(&["COPY", &a.entry, &b.entry]).await;
    b.cached.get().await.unwrap();
    assert_eq!((b.shared.stats().damaged, b_source.fetches()), (1, 1));
    assert_eq!(a_source.fetches(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_edited() {
    let server = Redis::start().await;
    let source = tokens();
    let first = tenant(&server, "a", &source);
    first.cached.get().await.unwrap();
    server.run(&["HSET", &first.entry, "e", "nonsense"]).await;
    let again = tenant(&server, "a", &source);
    again.cached.get().await.unwrap();
    assert_eq!((again.shared.stats().damaged, source.fetches()), (1, 2));

    // Numbers that no script has written.
    for (field, value) in [
        ("g", "99999999999999999999"),
        ("g", "x"),
        ("x", "x"),
        ("u", "nan"),
        ("f", "9e99"),
        ("r", "9e99"),
    ] {
        server.run(&["HSET", &first.entry, field, value]).await;
        tenant(&server, "a", &source).cached.get().await.unwrap();
    }
    // Of another type altogether.
    server.run(&["SET", &first.entry, "text"]).await;
    let again = tenant(&server, "a", &source);
    again.cached.get().await.unwrap();
    assert_eq!(again.shared.stats().direct, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_entry_that_is_put_back() {
    let server = Redis::start().await;
    let source = tokens();
    let (one, other) = (tenant(&server, "a", &source), tenant(&server, "a", &source));
    let token = async |tenant: &Tenant| {
        let credential = tenant.cached.get().await.unwrap();
        tenant.cached.accept(&credential);
        credential.token().unwrap().to_owned()
    };
    let refuse = |tenant: &Tenant| {
        let credential = tenant.cached.try_get().unwrap();
        tenant.cached.reject(&credential, &Challenges::default());
    };
    assert_eq!(token(&one).await, "token-1");
    assert_eq!(token(&other).await, "token-1");
    server.run(&["COPY", &one.entry, "old"]).await;
    refuse(&one);
    refuse(&other);
    assert_eq!(token(&one).await, "token-2");
    assert_eq!(token(&other).await, "token-2");
    assert_eq!(source.fetches(), 2);

    server.run(&["COPY", "old", &one.entry, "REPLACE"]).await;
    refuse(&one);
    assert_eq!(token(&one).await, "token-3");
    assert_eq!((one.shared.stats().replayed, source.fetches()), (1, 3));
    // The other one takes over what replaced it.
    refuse(&other);
    assert_eq!(token(&other).await, "token-3");
    assert_eq!(source.fetches(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_t_be_holds_nobody_up() {
    let server = Redis::start().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = now.as_millis().to_string();
    let in_an_hour = (now.parse::<u64>().unwrap() + 3_600_000).to_string();
    let in_an_hour_and_a_bit = format!("{in_an_hour}.5");
    let (now, hour, more) = (&*now, &*in_an_hour, &*in_an_hour_and_a_bit);
    let cases: [(&str, &[&str]); 9] = [
        ("a lease", &["o", "somebody", "u", hour]),
        ("a lease for ever", &["o", "somebody", "u", "9e99"]),
        ("a pause", &["u", hour]),
        ("a fence with a fraction", &["f", more]),
        ("a refusal of what is to come", &["r", hour]),
        ("an entry to come", &["e", "e", "g", hour, "x", hour]),
        ("an entry for ever", &["e", "e", "g", now, "x", "9e99"]),
        ("an entry without an end", &["e", "e", "g", now, "x", "nan"]),
        (
            "an entry of no generation",
            &["e", "e", "g", "9e99", "x", hour],
        ),
    ];
    for (what, fields) in cases {
        let source = tokens();
        let strict = || {
            let Tenant { shared, entry, .. } = tenant(&server, what, &source);
            (Cached::new(shared.only_through_store()), entry)
        };
        let ((one, entry), (other, _)) = (strict(), strict());
        server.run(&[&["HSET", &*entry], fields].concat()).await;
        let first = one.get_within(3 * SECOND).await;
        let first = first.unwrap_or_else(|error| panic!("{what}: {error}"));
        let second = other.get_within(3 * SECOND).await.unwrap();
        assert!(first.same_secret(&second), "{what}");
        assert_eq!(source.fetches(), 1, "{what}");
    }
}
