//! [`RedisStore`]: the operations.

use std::{fmt, sync::Arc};

use hallpass_core::Error;
use hallpass_shared::{
    Name, Store,
    link::Link,
    store::{LeaseRequest, Leased, Outcome, Published, Snapshot, term_millis},
};
use redis::{Client, Cmd, IntoConnectionInfo};

use crate::{
    listener::Listener,
    place::Place,
    reply,
    script::{GET, LEASE, PUBLISH},
};

/// What keys and the channel begin with unless it is set.
const PREFIX: &str = "hallpass:";

/// The store on Redis. Clones share its connections, so one is made for each process.
///
/// Nothing is connected before the first use, and a server that is not there is no error before
/// then.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    place: Arc<Place>,
    link: Link<Place>,
    listener: Listener,
    prefix: String,
}

impl RedisStore {
    /// The server at this URL: `redis://user:password@host:6379/0`, `rediss://` with TLS, or
    /// `redis+unix:///run/redis.sock`.
    ///
    /// # Errors
    /// If that is no such URL, or TLS is asked for without the feature `tls`. The message has no part
    /// of it, because it may hold a password.
    pub fn open(server: impl IntoConnectionInfo) -> Result<Self, Error> {
        #[cfg(feature = "tls")]
        set_crypto_provider();
        Client::open(server)
            .map(Self::with_client)
            .map_err(|error| unfit(&error))
    }

    /// A server by a client of the caller's own, for settings that no URL has. With the feature `tls`
    /// these are the fleet's own authority, and a certificate for the client:
    ///
    #[cfg_attr(feature = "tls", doc = "```no_run")]
    #[cfg_attr(not(feature = "tls"), doc = "```ignore")]
    /// use hallpass_core::Error;
    /// use hallpass_redis::RedisStore;
    /// use redis::{Client, TlsCertificates};
    ///
    /// fn store() -> Result<RedisStore, Error> {
    ///     let authority = std::fs::read("/etc/fleet/authority.pem").map_err(Error::permanent)?;
    ///     let trust = TlsCertificates { client_tls: None, root_cert: Some(authority) };
    ///     let client = Client::build_with_tls("rediss://redis.internal:6380", trust);
    ///     Ok(RedisStore::with_client(client.map_err(Error::permanent)?))
    /// }
    /// ```
    pub fn with_client(client: Client) -> Self {
        #[cfg(feature = "tls")]
        set_crypto_provider();
        Self::at(Arc::new(Place::Single(client)), PREFIX.to_owned())
    }

    /// A cluster of which some nodes have these URLs.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(feature = "cluster")]
    pub fn cluster<T: IntoConnectionInfo>(
        nodes: impl IntoIterator<Item = T>,
    ) -> Result<Self, Error> {
        #[cfg(feature = "tls")]
        set_crypto_provider();
        let nodes: Result<Vec<_>, _> = nodes
            .into_iter()
            .map(IntoConnectionInfo::into_connection_info)
            .collect();
        let nodes = nodes.map_err(|error| unfit(&error))?;
        let seeds: Result<Vec<_>, _> = nodes.iter().cloned().map(Client::open).collect();
        let client = redis::cluster::ClusterClient::new(nodes).map_err(|error| unfit(&error))?;
        let seeds = seeds.map_err(|error| unfit(&error))?;
        Ok(Self::with_cluster(client, seeds))
    }

    /// A cluster by a client of the caller's own, for settings that no URL has. News of publications
    /// come from one of `nodes`, any of the cluster's.
    ///
    /// ```no_run
    /// use hallpass_core::Error;
    /// use hallpass_redis::RedisStore;
    /// use redis::{Client, cluster::ClusterClientBuilder};
    ///
    /// fn store(password: String) -> Result<RedisStore, Error> {
    ///     let nodes = ["redis://one.internal", "redis://two.internal"];
    ///     let cluster = ClusterClientBuilder::new(nodes).password(password.clone()).build();
    ///     let node = |host| Client::open(format!("redis://:{password}@{host}"));
    ///     let nodes: Result<Vec<_>, _> = ["one.internal", "two.internal"].map(node).into_iter().collect();
    ///     Ok(RedisStore::with_cluster(
    ///         cluster.map_err(Error::permanent)?,
    ///         nodes.map_err(Error::permanent)?,
    ///     ))
    /// }
    /// ```
    #[cfg(feature = "cluster")]
    pub fn with_cluster(
        client: redis::cluster::ClusterClient,
        nodes: impl IntoIterator<Item = Client>,
    ) -> Self {
        #[cfg(feature = "tls")]
        set_crypto_provider();
        let place = Place::Cluster {
            client,
            seeds: nodes.into_iter().collect(),
            next: std::sync::atomic::AtomicUsize::new(0),
        };
        Self::at(Arc::new(place), PREFIX.to_owned())
    }

    /// The primary that these sentinels name. After a failover the next operation asks them again.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(feature = "sentinel")]
    pub fn sentinel<T: IntoConnectionInfo>(
        sentinels: impl IntoIterator<Item = T>,
        service: impl Into<String>,
    ) -> Result<Self, Error> {
        use redis::sentinel::{SentinelClient, SentinelServerType};

        #[cfg(feature = "tls")]
        set_crypto_provider();
        let sentinels: Vec<T> = sentinels.into_iter().collect();
        let primary = SentinelServerType::Master;
        let client = SentinelClient::build(sentinels, service.into(), None, primary)
            .map_err(|error| unfit(&error))?;
        Ok(Self::with_sentinel(client))
    }

    /// The primary that sentinels name, by a client of the caller's own: for settings that no URL of
    /// a sentinel has, such as the primary's password.
    ///
    /// ```no_run
    /// use hallpass_core::Error;
    /// use hallpass_redis::RedisStore;
    /// use redis::{
    ///     RedisConnectionInfo,
    ///     sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType},
    /// };
    ///
    /// fn store(password: &str) -> Result<RedisStore, Error> {
    ///     let primary = RedisConnectionInfo::default().set_password(password);
    ///     let client = SentinelClient::build(
    ///         vec!["redis://sentinel.internal:26379"],
    ///         "fleet".to_owned(),
    ///         Some(SentinelNodeConnectionInfo::default().set_redis_connection_info(primary)),
    ///         SentinelServerType::Master,
    ///     );
    ///     Ok(RedisStore::with_sentinel(client.map_err(Error::permanent)?))
    /// }
    /// ```
    #[cfg(feature = "sentinel")]
    pub fn with_sentinel(client: redis::sentinel::SentinelClient) -> Self {
        #[cfg(feature = "tls")]
        set_crypto_provider();
        let place = Place::Sentinel(tokio::sync::Mutex::new(client));
        Self::at(Arc::new(place), PREFIX.to_owned())
    }

    /// Sets what keys and the channel begin with: `hallpass:`. All of a fleet need the same.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self::at(Arc::clone(&self.inner.place), prefix.into())
    }

    fn at(place: Arc<Place>, prefix: String) -> Self {
        let channel = format!("{prefix}news");
        Self {
            inner: Arc::new(Inner {
                link: Link::new(Arc::clone(&place)),
                listener: Listener::new(Arc::clone(&place), channel),
                place,
                prefix,
            }),
        }
    }

    async fn send(&self, command: Cmd) -> Result<redis::Value, Error> {
        let link = &self.inner.link;
        link.run(|connection| connection.send(command)).await
    }

    fn script(&self, script: &str, name: &Name) -> Cmd {
        let mut command = redis::cmd("EVAL");
        let key = format!("{}{name}", self.inner.prefix);
        command.arg(script).arg(1).arg(key);
        command
    }
}

impl Store for RedisStore {
    async fn get(&self, name: &Name) -> Result<Snapshot, Error> {
        let command = self.script(GET, name);
        reply::snapshot(&self.send(command).await?)
    }

    async fn lease(&self, name: &Name, request: &LeaseRequest) -> Result<Leased, Error> {
        let mut command = self.script(LEASE, name);
        command
            .arg(request.owner.to_string())
            .arg(term_millis(request.term))
            .arg(request.newer_than)
            .arg(request.refused)
            .arg(request.seen);
        reply::leased(&self.send(command).await?)
    }

    async fn publish_if_fence(
        &self,
        name: &Name,
        fence: u64,
        outcome: &Outcome,
    ) -> Result<Published, Error> {
        let mut command = self.script(PUBLISH, name);
        command.arg(fence);
        match outcome {
            Outcome::Entry { sealed, ends } => {
                command.arg("e").arg(sealed.as_slice()).arg(*ends);
            }
            Outcome::Failure(pause) => {
                command.arg("f").arg(term_millis(*pause)).arg(0);
            }
        }
        let channel = format!("{}news", self.inner.prefix);
        command.arg(channel).arg(name.to_string());
        reply::published(&self.send(command).await?)
    }

    async fn watch(&self, name: &Name, seen: u64) {
        self.inner.listener.wait(name, seen).await;
    }
}

/// rustls panics where a process has two providers in it and has chosen none.
#[cfg(feature = "tls")]
fn set_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may just have been quicker.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

fn unfit(error: &redis::RedisError) -> Error {
    Error::configuration(format!(
        "this is no way to a Redis server: {}",
        error.category()
    ))
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.inner.prefix)
            .finish_non_exhaustive()
    }
}
