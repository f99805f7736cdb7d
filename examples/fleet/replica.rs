//! One process of the fleet.

use std::{env, time::Duration};

use bytes::Bytes;
use hallpass::{
    Attempt, BearerLayer, BoxError, Cached, ClientCredentials,
    redis::RedisStore,
    shared::{Key, Keys, Shared, SharedStore},
};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use tower::{Layer as _, ServiceExt as _};

/// Where everything is.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) redis: String,
    pub(crate) issuer: String,
    pub(crate) key: String,
}

const REDIS: &str = "FLEET_REDIS";
const ISSUER: &str = "FLEET_ISSUER";
const KEY: &str = "FLEET_KEY";

impl Settings {
    pub(crate) fn from_environment() -> Option<Self> {
        Some(Self {
            redis: env::var(REDIS).ok()?,
            issuer: env::var(ISSUER).ok()?,
            key: env::var(KEY).ok()?,
        })
    }

    pub(crate) fn environment(&self) -> [(&'static str, &str); 3] {
        [
            (REDIS, &self.redis),
            (ISSUER, &self.issuer),
            (KEY, &self.key),
        ]
    }
}

pub(crate) fn run(settings: &Settings) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(replica(settings))
}

/// Says on its output when it fetches (`fetch`), and for each call the number of the token that the
/// API saw (`call 3`, or `wait 3` if it waited for that token), or how it ended (`fail …`).
async fn replica(settings: &Settings) -> Result<(), BoxError> {
    let source = ClientCredentials::at(format!("{}/token", settings.issuer))
        .basic("client", "secret")
        .build(hallpass::hyper::transport()?)?;
    // A busy machine is no failing store, and a killed process is to be succeeded soon.
    let store = SharedStore::new(RedisStore::open(settings.redis.as_str())?)
        .deadline(Duration::from_secs(1));
    let keys = Keys::new(Key::from_base64(&settings.key)?);
    let shared = Shared::new(source, store, keys).lease_term(Duration::from_secs(2));
    let stats = shared.clone();
    let cached = Cached::new(shared);
    let layer = BearerLayer::new(cached.clone()).origins([settings.issuer.as_str()])?;
    let client = layer.layer(hallpass::hyper::client()?);

    tokio::spawn(async move {
        let mut leased = 0;
        loop {
            let now = stats.stats().leased;
            if now > leased {
                leased = now;
                println!("fetch");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    loop {
        let request = Request::get(format!("{}/", settings.issuer)).body(Empty::<Bytes>::new())?;
        match client.clone().oneshot(request).await {
            Ok(response) if response.status().is_success() => {
                let waited = response
                    .extensions()
                    .get::<Attempt>()
                    .is_some_and(|attempt| attempt.waited);
                let _ = response.into_body().collect().await;
                let token = cached.try_get();
                let token = token.as_ref().and_then(|token| token.token());
                let call = if waited { "wait" } else { "call" };
                println!("{call} {}", token.map_or(0, digest));
            }
            Ok(response) => println!("fail {}", response.status()),
            Err(error) => println!("fail {error}"),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// A number for a token that says nothing of it.
fn digest(token: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    token.hash(&mut hasher);
    hasher.finish()
}
