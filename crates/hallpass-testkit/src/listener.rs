//! Accepting connections and speaking HTTP on them.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use hallpass_core::BoxError;
use http::{Request, Response};
use http_body::Body;
use hyper::rt::{Executor, Read, Write};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::answer::Reply;
use crate::exchange::{Close, exchange};
use crate::goaway;
use crate::shared::Shared;

/// Set once, at the end. Every task of a server owns a receiver, so that their going can be awaited.
pub(crate) type Stop = watch::Receiver<bool>;

/// What accepted sockets are wrapped in.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
}

#[derive(Clone)]
pub(crate) struct Listening {
    pub(crate) shared: Arc<Shared>,
    pub(crate) transport: Transport,
    pub(crate) http1_only: bool,
    pub(crate) goaway_after: Option<u32>,
    pub(crate) stop: Stop,
}

impl Listening {
    pub(crate) async fn accept(self, listener: TcpListener) {
        let mut stop = self.stop.clone();
        loop {
            let accepted = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, most likely: let some be given back.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let serial = self.shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
            // Subscribed before the task runs, so that a closing just after the accept is not missed.
            let close = self.shared.close.subscribe();
            let connection = self.clone().connect(stream, serial, close);
            Tasks(self.stop.clone()).execute(connection);
        }
    }

    async fn connect(self, stream: TcpStream, serial: u64, close: watch::Receiver<()>) {
        // Without it a small answer may wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        match self.transport.clone() {
            Transport::Plain => self.carry(stream, serial, close).await,
            #[cfg(feature = "tls")]
            Transport::Tls(acceptor) => {
                // A failed handshake is the caller's to notice.
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.carry(stream, serial, close).await;
                }
            }
        }
    }

    async fn carry<S>(self, stream: S, serial: u64, close: watch::Receiver<()>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(most) = self.goaway_after else {
            return self.serve(TokioIo::new(stream), serial, close).await;
        };
        let (near, far) = tokio::io::duplex(64 * 1024);
        // Each ends with the other: what the server has said last is still passed on.
        let serving = self.serve(TokioIo::new(near), serial, close);
        let _ = tokio::join!(serving, goaway::relay(stream, far, most));
    }

    async fn serve<I>(self, io: I, serial: u64, mut close: watch::Receiver<()>)
    where
        I: Read + Write + Unpin + Send + 'static,
    {
        let ending = watch::Sender::new(Ending::NotYet);
        let mut ended = ending.subscribe();
        let service = service_fn(|request| {
            let tasks = Tasks(self.stop.clone());
            respond(
                Arc::clone(&self.shared),
                serial,
                ending.clone(),
                tasks,
                request,
            )
        });
        let mut builder = auto::Builder::new(Tasks(self.stop.clone()));
        // Above the thousand concurrent calls that load tests make.
        builder.http2().max_concurrent_streams(4096);
        if self.http1_only {
            builder = builder.http1_only();
        }
        let mut connection = pin!(builder.serve_connection(io, service));
        loop {
            tokio::select! {
                // Errors here are the faults asked for, or a caller who went away.
                _ = connection.as_mut() => return,
                Ok(()) = ended.changed() => match *ended.borrow() {
                    Ending::Abrupt => return,
                    _ => connection.as_mut().graceful_shutdown(),
                },
                Ok(()) = close.changed() => connection.as_mut().graceful_shutdown(),
            }
        }
    }
}

/// How one connection is to end.
#[derive(Clone, Copy)]
enum Ending {
    NotYet,
    Graceful,
    Abrupt,
}

async fn respond<B>(
    shared: Arc<Shared>,
    connection: u64,
    ending: watch::Sender<Ending>,
    tasks: Tasks,
    request: Request<B>,
) -> Result<Response<Reply>, BoxError>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    let outcome = exchange(shared, connection, request).await;
    match outcome.close {
        Close::No => {}
        Close::AfterAnswer => {
            ending.send_replace(Ending::Graceful);
        }
        Close::Abruptly(later, unread) => tasks.execute(async move {
            tokio::time::sleep(later).await;
            ending.send_replace(Ending::Abrupt);
            // Dropped any earlier, the body would be read after all and the closing be a polite one.
            ending.closed().await;
            drop(unread);
        }),
    }
    outcome.response
}

/// Spawns tasks that end with the server, HTTP/2 streams among them.
#[derive(Clone)]
struct Tasks(Stop);

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        let mut stop = self.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                _ = task => {}
            }
        });
    }
}
