//! The same over a wire, with the clients of one authorization server.

use hallpass_core::{Error, Keyed};
use hallpass_oauth2::ClientCredentials;
use hallpass_testkit::Server;
use hallpass_tower::BearerLayer;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use tokio::task::JoinSet;
use tower::{Layer as _, ServiceExt as _};

use crate::Tenant;

const CLIENTS: usize = 40;
const LIMIT: usize = 32;
const REQUESTS: usize = 4000;

/// The API says whose token each request had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_client_of_a_server_is_known_by_its_own_token() {
    let server = Server::start().await;
    for client in 0..CLIENTS {
        server.add_client(&format!("client-{client}"), &format!("secret-{client}"));
    }
    let transport = hallpass_hyper::transport().unwrap();
    let request = ClientCredentials::at(server.token_url());
    let make = request.per_key(transport, |Tenant(number): &Tenant, request| {
        if *number >= CLIENTS {
            return Err(Error::unknown_key("there is no such client"));
        }
        Ok(request.basic(format!("client-{number}"), format!("secret-{number}")))
    });
    let keyed = Keyed::builder(make).limit(LIMIT).build();
    let layer = BearerLayer::keyed(keyed.clone()).origins([server.url()]);
    let service = layer.unwrap().layer(hallpass_hyper::client().unwrap());
    let url = format!("{}/items", server.url());
    let mut callers = JoinSet::new();
    for seed in 0..8 {
        let (service, url) = (service.clone(), url.clone());
        callers.spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut good = 0;
            for _ in 0..REQUESTS / 8 {
                let tenant = Tenant(random.usize(0..CLIENTS));
                let request = Request::get(&url).extension(tenant);
                let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
                let response = service.clone().oneshot(request).await.unwrap();
                // Its replacement may have been revoked as well.
                if response.status() == 401 {
                    continue;
                }
                good += 1;
                let body = response.into_body().collect().await.unwrap().to_bytes();
                let body = String::from_utf8(body.to_vec()).unwrap();
                let whose = format!("\"client\":\"client-{}\"", tenant.0);
                assert!(body.replace(' ', "").contains(&whose), "{tenant:?}: {body}");
            }
            good
        });
    }
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        server.revoke_all();
        server.token_endpoint().fail_next(2, 503);
    }
    let good: usize = callers.join_all().await.into_iter().sum();
    assert!(good > REQUESTS * 9 / 10, "{good}");
    let stats = keyed.stats();
    assert!(stats.evicted > 0 && stats.rejections > 0, "{stats:?}");
    let unknown = Request::get(&url).extension(Tenant(CLIENTS));
    let unknown = unknown.body(Empty::<bytes::Bytes>::new()).unwrap();
    let before = server.journal().token_requests();
    match service.oneshot(unknown).await {
        Err(hallpass_tower::Error::Credential(error)) => assert!(error.is_unknown_key()),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.journal().token_requests(), before);
}
