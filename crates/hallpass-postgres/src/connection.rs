//! Connections: the functions prepared, and the news listened to.

use std::{error::Error as _, future::poll_fn, io, pin::pin, sync::Arc};

use hallpass_core::Error;
use hallpass_shared::{
    Name, News,
    link::{Connect, Failure},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, NoTls, Row, Socket, Statement, tls::MakeTlsConnect,
    types::ToSql,
};

/// How connections are made, whatever they are secured with.
type Dial = Box<
    dyn Fn() -> std::pin::Pin<
            Box<dyn Future<Output = Result<Prepared, tokio_postgres::Error>> + Send>,
        > + Send
        + Sync,
>;

/// Where the server is.
pub(crate) struct Server {
    dial: Dial,
}

/// A connection with the functions at hand.
pub(crate) struct Prepared {
    client: Client,
    pub(crate) get: Statement,
    pub(crate) lease: Statement,
    pub(crate) publish: Statement,
}

impl Server {
    pub(crate) fn new<T>(config: Config, tls: T, news: Arc<News>) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
    {
        let dial: Dial = Box::new(move || {
            let (config, tls, news) = (config.clone(), tls.clone(), Arc::clone(&news));
            Box::pin(async move {
                let (client, connection) = config.connect(tls).await?;
                // Nobody waits for it: it ends with the connection.
                drop(tokio::spawn(drive(connection, news)));
                prepare(client).await
            })
        });
        Self { dial }
    }

    pub(crate) fn without_tls(config: Config, news: Arc<News>) -> Self {
        Self::new(config, NoTls, news)
    }
}

async fn prepare(client: Client) -> Result<Prepared, tokio_postgres::Error> {
    // An entry that a crash loses costs one token request.
    client
        .batch_execute("SET synchronous_commit = off; LISTEN hallpass_news")
        .await?;
    let get = client.prepare("SELECT * FROM hallpass_get($1)").await?;
    let lease = "SELECT * FROM hallpass_lease($1, $2, $3, $4, $5, $6)";
    let lease = client.prepare(lease).await?;
    let publish = "SELECT * FROM hallpass_publish($1, $2, $3, $4)";
    let publish = client.prepare(publish).await?;
    Ok(Prepared {
        client,
        get,
        lease,
        publish,
    })
}

/// Runs a connection, and passes on what it tells.
async fn drive<T>(connection: Connection<Socket, T>, news: Arc<News>)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = pin!(connection);
    news.doubt();
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message
            && let Some((name, generation)) = notification.payload().split_once(' ')
            && let (Some(name), Ok(generation)) = (Name::from_hex(name), generation.parse())
        {
            news.tell(&name, generation);
        }
    }
    news.doubt();
}

impl Connect for Server {
    type Connection = Arc<Prepared>;

    async fn connect(&self) -> Result<Arc<Prepared>, Error> {
        let connected = (self.dial)().await;
        connected.map(Arc::new).map_err(|error| failed(&error))
    }
}

impl Prepared {
    pub(crate) async fn call(
        &self,
        statement: &Statement,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, Failure> {
        let called = self.client.query_one(statement, arguments).await;
        called.map_err(|error| Failure {
            spoils_connection: error.is_closed() || self.client.is_closed(),
            error: failed(&error),
        })
    }
}

/// What the server or the way to it said, without anything that was sent.
fn failed(error: &tokio_postgres::Error) -> Error {
    let io = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    let what = match (error.code(), io) {
        (Some(code), _) => {
            let hint = match code.code() {
                "42883" | "42P01" => ": run the schema of hallpass-postgres there first",
                _ => "",
            };
            format!("PostgreSQL answered {}{hint}", code.code())
        }
        (None, Some(io)) => format!("PostgreSQL can't be reached: {}", io.kind()),
        (None, None) => "PostgreSQL could not be used".to_owned(),
    };
    Error::transient(what)
}
