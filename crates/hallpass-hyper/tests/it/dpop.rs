//! Tokens that are bound to a key, from the token endpoint to the API, over real connections.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use hallpass_core::Cached;
use hallpass_hyper::{Builder, Client, ReplayBody};
use hallpass_oauth2::{ClientCredentials, Dpop};
use hallpass_testkit::{Journal, Server};
use hallpass_tower::{BearerLayer, BearerService};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, retry::Policy, service_fn};

type Api = BearerService<Client<ReplayBody<Full<Bytes>>>>;

fn client(server: &Server, builder: &Builder) -> (Api, Cached) {
    let source = ClientCredentials::at(server.token_url())
        .basic("client", "secret")
        .dpop(Dpop::new())
        .build(builder.transport().unwrap())
        .unwrap();
    let cached = Cached::new(source);
    let layer = BearerLayer::new(cached.clone());
    (layer.layer(builder.client().unwrap()), cached)
}

fn order(server: &Server) -> Request<Full<Bytes>> {
    let request = Request::post(format!("{}/orders?n=1", server.url()));
    request.body(Full::from("order")).unwrap()
}

async fn post(api: &Api, server: &Server) -> u16 {
    let response = api.clone().oneshot(order(server)).await.unwrap();
    response.status().as_u16()
}

/// No identifier of a proof came twice, wherever it went.
fn each_proof_is_new(journal: &Journal) {
    let mut seen = HashSet::new();
    for entry in journal.entries() {
        let proof = entry.proof().expect("a request without a proof");
        // 96 bits at least (RFC 9449 §4.2).
        assert!(proof.jti.len() >= 16, "{}", proof.jti);
        assert!(seen.insert(proof.jti), "a proof came twice");
    }
}

#[tokio::test]
async fn a_bound_token_works_without_and_with_nonces() {
    for (server, extra) in [
        (Server::builder().dpop(), 0),
        (Server::builder().dpop_nonces(1000), 1),
    ] {
        let server = server.start().await;
        let (api, cached) = client(&server, &Builder::new());
        for _ in 0..3 {
            assert_eq!(post(&api, &server).await, 200);
        }
        let journal = server.journal();
        // Each of the two asks for a nonce once.
        assert_eq!(journal.token_requests(), 1 + extra);
        assert_eq!(journal.api_requests(), 3 + extra);
        assert_eq!(cached.stats().fetches, 1);
        assert_eq!(cached.stats().failures, 0);
        assert_eq!(cached.stats().rejections, 0);
        each_proof_is_new(&journal);
        let keys: HashSet<_> = journal
            .entries()
            .iter()
            .map(|entry| entry.proof().unwrap().thumbprint)
            .collect();
        assert_eq!(keys.len(), 1);
        let proof = journal.api().last().unwrap().proof().unwrap();
        assert_eq!(proof.htu, format!("{}/orders", server.url()));
        assert_eq!((&*proof.htm, &*proof.alg), ("POST", "ES256"));
    }
}

#[tokio::test]
async fn a_revoked_token_and_new_nonces_at_once_cost_one_fetch_and_no_call() {
    let server = Server::builder().dpop_nonces(1000).start().await;
    let (api, cached) = client(&server, &Builder::new());
    assert_eq!(post(&api, &server).await, 200);
    for _ in 0..3 {
        server.revoke_all();
        server.rotate_nonces();
        assert_eq!(post(&api, &server).await, 200);
    }
    assert_eq!(cached.stats().fetches, 4);
    each_proof_is_new(&server.journal());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_with_revocations_and_rotating_nonces() {
    for (builder, may_fail) in [
        (Builder::new().http1_only(), false),
        (Builder::new().http2_only(), true),
    ] {
        // HTTP/2 connections end on the way: what was not looked at goes out again, with new proofs.
        let server = Server::builder().dpop_nonces(40).goaway_after(60);
        let server = server.start().await;
        let (api, cached) = client(&server, &builder);
        let failed = AtomicUsize::new(0);
        for round in 0..10 {
            if round % 3 == 2 {
                server.revoke_all();
            }
            if round % 4 == 1 {
                server.rotate_nonces();
            }
            let callers = (0..10).map(|_| async {
                for _ in 0..10 {
                    match api.clone().oneshot(order(&server)).await {
                        Ok(answer) => assert_eq!(answer.status(), 200),
                        Err(_) => _ = failed.fetch_add(1, Ordering::Relaxed),
                    }
                }
            });
            futures(callers).await;
        }
        assert_eq!(server.proofs_replayed(), 0);
        assert_eq!(cached.stats().failures, 0);
        assert_eq!(cached.stats().fetches, 4);
        let journal = server.journal();
        let (failed, good) = (failed.into_inner(), journal.api_with_status(200));
        // At most one for each connection that ends, and only there: it may have been answered.
        let most = usize::from(may_fail) * journal.api_requests() / 60;
        assert!(failed <= most, "{failed} failed");
        assert!((1000 - failed..=1000).contains(&good), "{good} good");
        each_proof_is_new(&journal);
    }
}

async fn futures(callers: impl Iterator<Item: Future<Output = ()>>) {
    let mut callers: Vec<_> = callers.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        callers.retain_mut(|caller| caller.as_mut().poll(context).is_pending());
        if callers.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

#[tokio::test]
async fn a_dead_idle_connection_to_the_token_endpoint_takes_a_new_proof() {
    let server = Server::builder().dpop().start().await;
    let (api, cached) = client(&server, &Builder::new().http1_only());
    assert_eq!(post(&api, &server).await, 200);
    server.revoke_all();
    // It dies when the next request has come, which the server may have acted on.
    server.token_endpoint().hang_up_next(1);
    assert_eq!(post(&api, &server).await, 200);
    assert_eq!(cached.stats().failures, 0);
    assert_eq!(server.journal().token_requests(), 3);
    each_proof_is_new(&server.journal());
}

/// Sends a request once more that a gateway did not pass on.
#[derive(Clone)]
struct OnceMore(u8);

impl<B, E> Policy<Request<Full<Bytes>>, Response<B>, E> for OnceMore {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Full<Bytes>>,
        outcome: &mut Result<Response<B>, E>,
    ) -> Option<Self::Future> {
        let failed = outcome.as_ref().is_ok_and(|answer| answer.status() == 503);
        self.0 = self.0.checked_sub(1).filter(|_| failed)?;
        Some(std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn a_retry_layer_above_gets_a_new_proof_each_time() {
    let server = Server::builder().dpop_nonces(1000).start().await;
    let builder = Builder::new();
    let (_, cached) = client(&server, &builder);
    let inner: Client<ReplayBody<Full<Bytes>>> = builder.client().unwrap();
    let answers = Arc::new(AtomicUsize::new(0));
    // The server has taken the proofs of the first two answers.
    let gateway = service_fn({
        let answers = answers.clone();
        move |request: Request<ReplayBody<Full<Bytes>>>| {
            let (inner, answers) = (inner.clone(), answers.clone());
            async move {
                let mut answer = inner.oneshot(request).await?;
                if answer.status() == 200 && answers.fetch_add(1, Ordering::Relaxed) < 2 {
                    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                }
                Ok::<_, hallpass_hyper::Error>(answer)
            }
        }
    });
    let stack = ServiceBuilder::new()
        .retry(OnceMore(2))
        .layer(BearerLayer::new(cached))
        .service(gateway);
    let request = Request::post(format!("{}/orders", server.url()));
    let request = request.body(Full::from("order")).unwrap();
    assert_eq!(stack.oneshot(request).await.unwrap().status(), 200);
    // One more asked for a nonce.
    assert_eq!(server.journal().api_requests(), 4);
    assert_eq!(server.proofs_replayed(), 0);
    each_proof_is_new(&server.journal());
}
