//! The proxy's life: connections come, settings change, and at the end requests are let go to theirs.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    Proxy, ProxyArgs, forward,
    listen::{Connection, Listener},
    signals::{Signal, Signals},
    upstream::Upstream,
};
use crate::{exit::Failure, output};

/// After a failure to accept, such as too many open files, others get time to end.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a connection may take to its first request, and the head of each, so that silent ones
/// don't stay for ever.
const HEAD_LIMIT: Duration = Duration::from_secs(60);

/// Serves until a signal says to end.
pub(super) async fn serve(
    args: Arc<ProxyArgs>,
    proxy: &Arc<Proxy>,
    listener: Listener,
    mut signals: Signals,
) {
    let graceful = GracefulShutdown::new();
    let mut reloading: Option<JoinHandle<()>> = None;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(connection) => spawn(Arc::clone(proxy), connection, &graceful),
                Err(error) => {
                    output::note(&format!("hallpass: no connection: {error}"));
                    sleep(PAUSE).await;
                }
            },
            signal = signals.next() => match signal {
                Signal::Reload => {
                    let reload = tokio::spawn(reload(Arc::clone(&args), Arc::clone(proxy)));
                    // The settings that were read last count.
                    if let Some(before) = reloading.replace(reload) {
                        before.abort();
                    }
                }
                Signal::End => break,
            },
        }
    }
    if let Some(reloading) = reloading {
        reloading.abort();
    }
    // Nobody new, and whoever tries learns it at once.
    drop(listener);
    proxy.tunnels.close();
    let under_way = graceful.count() + proxy.tunnels.len();
    if under_way > 0 {
        output::note(&format!(
            "hallpass: ending, {under_way} connections are still open"
        ));
    }
    let ended = timeout(args.grace, async {
        // A request that is under way may still become a tunnel, so tunnels are waited for last.
        graceful.shutdown().await;
        proxy.tunnels.wait().await;
    });
    let again = async { while signals.next().await != Signal::End {} };
    tokio::select! {
        ended = ended => if ended.is_err() {
            output::note("hallpass: ended with requests under way");
        },
        () = again => output::note("hallpass: ended at once"),
    }
}

fn spawn(proxy: Arc<Proxy>, connection: Connection, graceful: &GracefulShutdown) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT);
    // A caller of HTTP/2 that is gone without a word does not answer.
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_LIMIT);
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        let asked = Arc::new(AtomicBool::new(false));
        let asks = Arc::clone(&asked);
        let service = service_fn(move |request| {
            asks.store(true, Ordering::Relaxed);
            forward::answer(Arc::clone(&proxy), request)
        });
        let serving = builder.serve_connection_with_upgrades(connection, service);
        let serving = watcher.watch(serving.into_owned());
        // A caller may go away in any way; requests that failed have their answers.
        let _ = unless_silent(serving, &asked).await;
    });
}

/// Gives a connection up that has asked for nothing in time. The limit of its head begins only once
/// a connection has said which HTTP it speaks.
async fn unless_silent<T>(serving: impl Future<Output = T>, asked: &AtomicBool) -> Option<T> {
    let mut serving = pin!(serving);
    tokio::select! {
        served = &mut serving => return Some(served),
        () = sleep(HEAD_LIMIT) => {}
    }
    if asked.load(Ordering::Relaxed) {
        Some(serving.await)
    } else {
        None
    }
}

/// Puts new settings in place once there is a token by them, or keeps the old ones and says why.
async fn reload(args: Arc<ProxyArgs>, proxy: Arc<Proxy>) {
    if args.target.reads_stdin() {
        output::note("hallpass: the settings stay: the secret came from standard input");
        return;
    }
    let read = async {
        let upstream = Upstream::of(&args).await?;
        let token = upstream.cached().get().await;
        token.map_err(|error| Failure::of_fetch(&error))?;
        Ok::<_, Failure>(upstream)
    };
    match read.await {
        Ok(upstream) => {
            proxy.upstream.store(Arc::new(upstream));
            output::note("hallpass: the settings were read anew");
        }
        Err(failure) => output::note(&format!("hallpass: the settings stay: {}", failure.message)),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_silent_connections_are_given_up() {
        let asked = AtomicBool::new(false);
        assert_eq!(unless_silent(pending::<()>(), &asked).await, None);
        let served = async {
            sleep(HEAD_LIMIT / 2).await;
            asked.store(true, Ordering::Relaxed);
            sleep(HEAD_LIMIT).await;
        };
        assert_eq!(unless_silent(served, &asked).await, Some(()));
    }
}
