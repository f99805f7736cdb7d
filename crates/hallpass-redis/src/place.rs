//! [`Place`]: where the server is, and how to connect to it.

use hallpass_core::Error;
use redis::{
    Client, Cmd, RedisFuture, Value,
    aio::{ConnectionLike as _, MultiplexedConnection},
};

/// Where the server is.
pub(crate) enum Place {
    Single(Client),
    #[cfg(feature = "cluster")]
    Cluster {
        client: redis::cluster::ClusterClient,
        /// For news, which every node of a cluster gets.
        seeds: Vec<Client>,
    },
    #[cfg(feature = "sentinel")]
    Sentinel(tokio::sync::Mutex<redis::sentinel::SentinelClient>),
}

/// A connection that many operations share.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

impl Place {
    pub(crate) async fn connect(&self) -> Result<Connection, redis::RedisError> {
        match self {
            #[cfg(feature = "cluster")]
            Self::Cluster { client, .. } => {
                client.get_async_connection().await.map(Connection::Cluster)
            }
            _ => {
                let client = self.news_client().await?;
                let connection = client.get_multiplexed_async_connection().await?;
                Ok(Connection::Single(connection))
            }
        }
    }

    /// The server to be told of publications by: of a cluster any node that can be reached, which
    /// chance picks.
    pub(crate) async fn news_client(&self) -> Result<Client, redis::RedisError> {
        match self {
            Self::Single(client) => Ok(client.clone()),
            #[cfg(feature = "cluster")]
            Self::Cluster { seeds, .. } => {
                // Every attempt takes another one, so that one that is gone is left behind.
                use std::sync::atomic::{AtomicUsize, Ordering};
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                let next = NEXT.fetch_add(1, Ordering::Relaxed) % seeds.len().max(1);
                let none = || {
                    (
                        redis::ErrorKind::InvalidClientConfig,
                        "a cluster without nodes",
                    )
                };
                seeds.get(next).cloned().ok_or_else(|| none().into())
            }
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.lock().await.async_get_client().await,
        }
    }
}

impl Connection {
    pub(crate) fn send<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(command),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }
}

/// What a server or the way to it said, without anything that was sent.
pub(crate) fn failed(error: &redis::RedisError) -> Error {
    let what = match error.code() {
        Some(code) => format!("Redis answered {code}"),
        None if error.is_timeout() => "Redis did not answer in time".to_owned(),
        None if error.is_connection_refusal() => "Redis can't be reached".to_owned(),
        None if error.is_io_error() => "the connection to Redis broke".to_owned(),
        None => format!("Redis could not be used: {}", error.category()),
    };
    Error::transient(what)
}
