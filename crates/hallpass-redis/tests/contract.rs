//! A real server keeps the contract.
#![cfg(feature = "real-server")]

mod common;

use std::time::Duration;

use common::{Proxy, Redis};
use hallpass_shared::{Store as _, contract};

#[tokio::test]
async fn redis_keeps_the_contract() {
    let server = Redis::start().await;
    let store = server.store();
    contract::all(&store).await;
    contract::watchers_are_told(&store).await;
    contract::fences_survive_an_emptying(&store, server.run(&["FLUSHALL"])).await;
}

#[tokio::test]
async fn every_key_ends_by_itself() {
    let server = Redis::start().await;
    contract::all(&server.store()).await;
    let keys = server.command(&["KEYS", "*"]).await.unwrap();
    let redis::Value::Array(keys) = keys else {
        panic!("{keys:?}");
    };
    assert!(keys.len() > 5);
    let mut endless = 0;
    for key in keys {
        let redis::Value::BulkString(key) = key else {
            panic!("{key:?}");
        };
        let key = String::from_utf8(key).unwrap();
        assert!(key.starts_with("hallpass:"));
        match server.command(&["PTTL", &key]).await.unwrap() {
            redis::Value::Int(left) if left > 300_000 => {
                assert!(left <= 31_622_460_000, "{left}");
                endless += 1;
            }
            redis::Value::Int(left) => assert!(left > 0, "{left}"),
            other => panic!("{other:?}"),
        }
    }
    // The one entry that was to have no end.
    assert_eq!(endless, 1);
}

#[tokio::test]
async fn behind_a_proxy_that_delays_it_is_kept_too() {
    let server = Redis::start().await;
    let proxy = Proxy::to(&server).await;
    proxy.delay(Duration::from_millis(20));
    contract::all(&proxy.store()).await;
}

#[tokio::test]
async fn a_password_and_a_prefix() {
    let server = Redis::start().await;
    server
        .run(&[
            "ACL",
            "SETUSER",
            "fleet",
            "on",
            ">sesame",
            "~own:*",
            "&own:*",
            "resetchannels",
            "&own:*",
            "+eval",
            "+time",
            "+hmget",
            "+hset",
            "+hdel",
            "+pttl",
            "+pexpireat",
            "+publish",
            "+subscribe",
            "+ping",
        ])
        .await;
    let url = format!("redis://fleet:sesame@127.0.0.1:{}", server.port());
    let store = hallpass_redis::RedisStore::open(url)
        .unwrap()
        .prefix("own:");
    contract::all(&store).await;
    contract::watchers_are_told(&store).await;
    // Without the right, it is an error and no panic.
    let store = server.store();
    server.run(&["ACL", "SETUSER", "default", "-eval"]).await;
    let name = hallpass_shared::Name::of(&common::identity());
    let error = store.get(&name).await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("NOPERM"),
        "{error}"
    );
}

#[test]
fn a_url_is_not_repeated_in_an_error() {
    for url in [
        "redis://user:sesame@",
        "http://:sesame@host",
        "rediss://:sesame@",
    ] {
        if let Err(error) = hallpass_redis::RedisStore::open(url) {
            assert!(!format!("{error} {error:?}").contains("sesame"));
        }
    }
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn a_cluster_keeps_it() {
    let server = Redis::start_with(&["--cluster-enabled", "yes"]).await;
    server
        .run(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
        .await;
    let begun = tokio::time::Instant::now();
    loop {
        let info = server.command(&["CLUSTER", "INFO"]).await.unwrap();
        if format!("{info:?}").contains("cluster_state:ok") {
            break;
        }
        assert!(begun.elapsed() < 20 * common::SECOND);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let store = hallpass_redis::RedisStore::cluster([server.url()]).unwrap();
    contract::all(&store).await;
    contract::watchers_are_told(&store).await;
}

#[cfg(feature = "sentinel")]
#[tokio::test]
async fn behind_a_sentinel_it_is_kept() {
    let server = Redis::start().await;
    let port = common::free_port();
    let folder =
        std::env::temp_dir().join(format!("hallpass-sentinel-{}-{port}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("sentinel.conf");
    let text = format!(
        "port {port}\nbind 127.0.0.1\nsentinel monitor fleet 127.0.0.1 {} 1\n",
        server.port()
    );
    std::fs::write(&file, text).unwrap();
    let child = std::process::Command::new("redis-server")
        .arg(&file)
        .arg("--sentinel")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let _sentinel = common::Ends(child);
    let store =
        hallpass_redis::RedisStore::sentinel([format!("redis://127.0.0.1:{port}")], "fleet")
            .unwrap();
    let name = hallpass_shared::Name::of(&common::identity());
    let begun = tokio::time::Instant::now();
    while store.get(&name).await.is_err() {
        assert!(begun.elapsed() < 20 * common::SECOND);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    contract::all(&store).await;
    contract::watchers_are_told(&store).await;
    let _ = std::fs::remove_dir_all(folder);
}
