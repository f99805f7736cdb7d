//! The proxy's life: connections come, settings change, and at the end requests are let go to theirs.

use std::{sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::time::{sleep, timeout};

use super::{
    Proxy, ProxyArgs, forward,
    listen::{Connection, Listener},
    signals::{Signal, Signals},
    upstream::Upstream,
};
use crate::output;

/// After a failure to accept, such as too many open files, others get time to end.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the head of a request may take, so that silent connections don't stay for ever.
const HEAD_LIMIT: Duration = Duration::from_secs(60);

/// Serves until a signal says to end.
pub(super) async fn serve(
    args: &ProxyArgs,
    proxy: &Arc<Proxy>,
    listener: Listener,
    mut signals: Signals,
) {
    let graceful = GracefulShutdown::new();
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
                Signal::Reload => reload(args, proxy),
                Signal::End => break,
            },
        }
    }
    // Nobody new, and whoever tries learns it at once.
    drop(listener);
    let under_way = graceful.count();
    if under_way > 0 {
        output::note(&format!(
            "hallpass: ending, {under_way} connections are still open"
        ));
    }
    let ended = timeout(args.grace, graceful.shutdown());
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
    builder.http2().timer(TokioTimer::new());
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        let service = service_fn(move |request| forward::answer(Arc::clone(&proxy), request));
        let serving = builder.serve_connection_with_upgrades(connection, service);
        // A caller may go away in any way; requests that failed have their answers.
        let _ = watcher.watch(serving.into_owned()).await;
    });
}

/// Puts new settings in place, or keeps the old ones and says why.
fn reload(args: &ProxyArgs, proxy: &Proxy) {
    if args.target.reads_stdin() {
        output::note("hallpass: the settings stay: the secret came from standard input");
        return;
    }
    match Upstream::of(args) {
        Ok(upstream) => {
            proxy.upstream.store(Arc::new(upstream));
            output::note("hallpass: the settings were read anew");
        }
        Err(failure) => output::note(&format!("hallpass: the settings stay: {}", failure.message)),
    }
}
