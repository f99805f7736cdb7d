//! Requests that are handed over in the very moment in which their connection ends.

use std::time::Duration;

use bytes::Bytes;
use hallpass_hyper::{Builder, Client};
use hallpass_testkit::Server;
use http::Request;
use http_body_util::Full;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// Nobody waits for a connection that is gone, and a request that stayed behind is sent again.
///
/// At most one request for each connection fails: the one of which nobody knows whether it had left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn none_stays_behind() {
    let server = Server::builder().goaway_after(5).start().await;
    let client: Client<Full<Bytes>> = Builder::new().http2_only().client().unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let (client, url) = (client.clone(), server.url());
        callers.spawn(async move {
            let mut failed = 0;
            for _ in 0..100 {
                let request = Request::post(format!("{url}/orders")).body(Full::from("order"));
                let answer = client.clone().oneshot(request.unwrap());
                let answer = tokio::time::timeout(Duration::from_secs(20), answer).await;
                failed += usize::from(answer.expect("a request that waits for ever").is_err());
            }
            failed
        });
    }
    let failed: usize = callers.join_all().await.into_iter().sum();
    let connections = server.journal().api_requests() / 5;
    assert!(failed <= connections, "{failed} of {connections}");
}
