//! [`Place`]: where the server is, and how to connect to it.

#[cfg(feature = "cluster")]
use std::sync::atomic::{AtomicUsize, Ordering};

use hallpass_core::Error;
use hallpass_shared::link::{Connect, Failure};
use redis::{
    AsyncConnectionConfig, Client, Cmd, RedisError, Value,
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
        next: AtomicUsize,
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
    /// The server to be told of publications by: of a cluster one of its nodes.
    #[cfg_attr(
        not(feature = "sentinel"),
        allow(clippy::unused_async, reason = "sentinels have to be asked")
    )]
    pub(crate) async fn news_client(&self) -> Result<Client, RedisError> {
        match self {
            Self::Single(client) => Ok(client.clone()),
            #[cfg(feature = "cluster")]
            Self::Cluster { seeds, next, .. } => {
                // Every attempt takes the next one, so that one that is gone is left behind.
                let next = next.fetch_add(1, Ordering::Relaxed) % seeds.len().max(1);
                let none = (
                    redis::ErrorKind::InvalidClientConfig,
                    "a cluster without nodes",
                );
                seeds.get(next).cloned().ok_or_else(|| none.into())
            }
            #[cfg(feature = "sentinel")]
            Self::Sentinel(sentinel) => sentinel.lock().await.async_get_client().await,
        }
    }
}

impl Connect for Place {
    type Connection = Connection;

    async fn connect(&self) -> Result<Connection, Error> {
        let connected = match self {
            #[cfg(feature = "cluster")]
            Self::Cluster { client, .. } => {
                client.get_async_connection().await.map(Connection::Cluster)
            }
            _ => match self.news_client().await {
                Ok(client) => client
                    .get_multiplexed_async_connection_with_config(&unlimited())
                    .await
                    .map(Connection::Single),
                Err(error) => Err(error),
            },
        };
        connected.map_err(|error| failed(&error))
    }
}

/// The store's own deadlines are above it; the client's shorter ones would cut them off unseen.
fn unlimited() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
}

impl Connection {
    pub(crate) async fn send(mut self, command: Cmd) -> Result<Value, Failure> {
        let sent = match &mut self {
            Self::Single(connection) => connection.req_packed_command(&command).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_command(&command).await,
        };
        sent.and_then(Value::extract_error)
            .map_err(|error| Failure {
                error: failed(&error),
                spoils_connection: spoils(&error),
            })
    }
}

/// Whether the connection is of no further use: broken, or to a server that was demoted.
fn spoils(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || matches!(error.code(), Some("READONLY" | "MASTERDOWN"))
}

/// What a server or the way to it said, without anything that was sent.
fn failed(error: &RedisError) -> Error {
    let what = match error.code() {
        Some(code) => format!("Redis answered {code}"),
        None if error.is_timeout() => "Redis did not answer in time".to_owned(),
        None if error.is_connection_refusal() => "Redis can't be reached".to_owned(),
        None if error.is_io_error() => "the connection to Redis broke".to_owned(),
        None => format!("Redis could not be used: {}", error.category()),
    };
    Error::transient(what)
}
