//! What happens after an upgrade: bytes both ways, until either side is done.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio_util::task::TaskTracker;

/// Joins two connections once both have changed their protocol.
pub(super) fn tunnel(tunnels: &TaskTracker, of_caller: OnUpgrade, of_upstream: OnUpgrade) {
    tunnels.spawn(async move {
        let (Ok(caller), Ok(upstream)) = tokio::join!(of_caller, of_upstream) else {
            // One of them is gone, and with it whoever could be told.
            return;
        };
        let (mut caller, mut upstream) = (TokioIo::new(caller), TokioIo::new(upstream));
        // Either side may end it in any way; the other sees the end of its connection.
        let _ = copy_bidirectional(&mut caller, &mut upstream).await;
    });
}
