//! [`PostgresStore`]: the operations.

use std::{fmt, sync::Arc, time::Duration};

use hallpass_core::Error;
use hallpass_shared::{
    Name, News, Store,
    link::Link,
    store::{Entry, Lease, LeaseRequest, Leased, Outcome, Published, Snapshot, term_millis},
};
use tokio_postgres::{Config, Row, Socket, tls::MakeTlsConnect, types::FromSql};

use crate::connection::Server;

/// The store on PostgreSQL. Clones share its connection, so one is made for each process.
///
/// Nothing is connected before the first use.
#[derive(Clone)]
pub struct PostgresStore {
    link: Arc<Link<Server>>,
    news: Arc<News>,
}

impl PostgresStore {
    /// The server of this connection string, without TLS: `host=… user=… dbname=…` or a URL.
    ///
    /// # Errors
    /// If that is no connection string. The message has no part of it, because it may hold a
    /// password.
    pub fn open(server: &str) -> Result<Self, Error> {
        let config: Config = server.parse().map_err(|_| {
            Error::configuration("this is no connection string for a PostgreSQL server")
        })?;
        let news = Arc::new(News::default());
        Ok(Self::of(
            Server::without_tls(config, Arc::clone(&news)),
            news,
        ))
    }

    /// A server with settings of the caller's own, over connections that `tls` secures.
    pub fn with_config<T>(config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
    {
        let news = Arc::new(News::default());
        Self::of(Server::new(config, tls, Arc::clone(&news)), news)
    }

    fn of(server: Server, news: Arc<News>) -> Self {
        Self {
            link: Arc::new(Link::new(server)),
            news,
        }
    }
}

impl Store for PostgresStore {
    async fn get(&self, name: &Name) -> Result<Snapshot, Error> {
        let call = |server: Arc<crate::connection::Prepared>| async move {
            server.call(&server.get, &[&name.as_bytes()]).await
        };
        snapshot(&self.link.run(call).await?)
    }

    async fn lease(&self, name: &Name, request: &LeaseRequest) -> Result<Leased, Error> {
        let [term, newer_than, refused, seen] = [
            number(term_millis(request.term)),
            number(request.newer_than),
            number(request.refused),
            number(request.seen),
        ];
        let call = |server: Arc<crate::connection::Prepared>| async move {
            let owner = request.owner.as_bytes();
            let name = name.as_bytes();
            server
                .call(
                    &server.lease,
                    &[&name, &owner, &term, &newer_than, &refused, &seen],
                )
                .await
        };
        leased(&self.link.run(call).await?)
    }

    async fn publish_if_fence(
        &self,
        name: &Name,
        fence: u64,
        outcome: &Outcome,
    ) -> Result<Published, Error> {
        let (sealed, ends) = match outcome {
            Outcome::Entry { sealed, ends } => (Some(sealed.as_slice()), number(*ends)),
            Outcome::Failure(pause) => (None, number(term_millis(*pause))),
        };
        let fence = number(fence);
        let call = |server: Arc<crate::connection::Prepared>| async move {
            let name = name.as_bytes();
            server
                .call(&server.publish, &[&name, &fence, &sealed, &ends])
                .await
        };
        let row = self.link.run(call).await?;
        Ok(match field::<i32>(&row, "kind")? {
            1 => Published::Done,
            _ => Published::Refused(snapshot(&row)?),
        })
    }

    async fn watch(&self, name: &Name, seen: u64) {
        self.news.wait(name, seen).await;
    }
}

fn odd() -> Error {
    Error::transient("PostgreSQL answered what the schema can't answer: is it another version's?")
}

fn field<'a, T: FromSql<'a>>(row: &'a Row, name: &str) -> Result<T, Error> {
    row.try_get(name).map_err(|_| odd())
}

fn count(row: &Row, name: &str) -> Result<u64, Error> {
    u64::try_from(field::<i64>(row, name)?).map_err(|_| odd())
}

fn snapshot(row: &Row) -> Result<Snapshot, Error> {
    let sealed: Option<Vec<u8>> = field(row, "sealed")?;
    let (generation, left) = (count(row, "generation")?, count(row, "time_left")?);
    let entry = sealed.map(|sealed| Entry {
        generation,
        sealed,
        left: Duration::from_millis(left),
    });
    Ok(Snapshot {
        entry,
        refused: count(row, "refused")?,
    })
}

fn leased(row: &Row) -> Result<Leased, Error> {
    let left = || count(row, "time_left").map(Duration::from_millis);
    Ok(match field::<i32>(row, "kind")? {
        0 => Leased::Newer(snapshot(row)?),
        1 => Leased::Granted(Lease {
            fence: count(row, "fence")?,
            now: count(row, "now")?,
            generation: count(row, "generation")?,
        }),
        2 => Leased::Held(left()?),
        3 => Leased::Paused(left()?),
        _ => return Err(odd()),
    })
}

/// Numbers beyond what the server can hold were never granted.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
