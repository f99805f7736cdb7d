//! [`sent_origin`]: in whose name an endpoint makes its calls.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use http::{Request, Response, Uri};
use hyper::{body::Incoming, rt::Executor, server::conn::http2};
use hyper_util::rt::TokioIo;
use tokio::io::{DuplexStream, duplex};
use tonic::{
    body::Body,
    transport::{Channel, Endpoint},
};
use tower_service::Service as _;

/// Frames of a handshake and one call without body.
const CAPACITY: usize = 16 * 1024;

/// Each task has one turn in a round. A handshake and a call need fewer than ten.
const ROUNDS: usize = 64;

/// Scheme and authority that the server of an endpoint sees: [`Endpoint::origin`], which an endpoint
/// does not tell, or else its address.
///
/// So one call is made to see it, within this function: its connection is a piece of memory, and its
/// tasks are polled by hand.
pub(crate) fn sent_origin(endpoint: &Endpoint) -> Option<Uri> {
    let tasks = Tasks::default();
    let seen = Arc::<Mutex<Option<Uri>>>::default();
    let (client, server) = duplex(CAPACITY);
    tasks.execute(serve(server, tasks.clone(), Arc::clone(&seen)));
    let mut client = Some(TokioIo::new(client));
    let connector = tower::service_fn(move |_: Uri| {
        let once = client.take().ok_or(io::ErrorKind::ConnectionRefused);
        std::future::ready(once.map_err(io::Error::from))
    });
    // Not by way of the endpoint, which would speak TLS.
    let mut channel = Channel::new(connector, endpoint.clone().executor(tasks.clone()));
    tasks.execute(async move {
        if poll_fn(|context| channel.poll_ready(context)).await.is_ok() {
            let _ = channel.call(Request::new(Body::empty())).await;
        }
    });
    for _ in 0..ROUNDS {
        tasks.poll_each();
        if let Some(uri) = lock(&seen).take() {
            return Some(uri);
        }
    }
    None
}

async fn serve(stream: DuplexStream, tasks: Tasks, seen: Arc<Mutex<Option<Uri>>>) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        *lock(&seen) = Some(request.uri().clone());
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty())))
    });
    let server = http2::Builder::new(tasks);
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs nothing by itself.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<Vec<Task>>>);

impl Tasks {
    fn poll_each(&self) {
        let mut context = Context::from_waker(Waker::noop());
        // What they spawn meanwhile has its turn in the next round.
        let mut tasks = std::mem::take(&mut *lock(&self.0));
        tasks.retain_mut(|task| task.as_mut().poll(&mut context) == Poll::Pending);
        lock(&self.0).append(&mut tasks);
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        lock(&self.0).push(Box::pin(task));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
