//! Proofs of possession below retry layers: a proof is for one sending.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use hallpass_core::{Credential, Error, Origin, Proof};
use hallpass_tower::BearerLayer;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt as _, retry::Policy, service_fn};

/// A number in place of a signature.
struct Numbered(HeaderName, AtomicUsize);

impl Proof for Numbered {
    fn header(&self) -> &HeaderName {
        &self.0
    }

    fn prove(&self, _: &Method, _: &Uri) -> Result<HeaderValue, Error> {
        Ok(self.1.fetch_add(1, Ordering::Relaxed).into())
    }

    fn answered(&self, _: &HeaderValue, _: &Origin, _: StatusCode, _: &HeaderMap) -> bool {
        true
    }
}

/// Sends again what a gateway did not pass on, or what too many have asked for.
#[derive(Clone)]
struct UntilItWorks;

impl<B, E> Policy<Request<Full<Bytes>>, Response<B>, E> for UntilItWorks {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Full<Bytes>>,
        outcome: &mut Result<Response<B>, E>,
    ) -> Option<Self::Future> {
        let again = |answer: &Response<B>| matches!(answer.status().as_u16(), 429 | 503);
        outcome.as_ref().is_ok_and(again).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn a_retry_layer_above_gets_a_new_proof_each_time() {
    let header = HeaderName::from_static("dpop");
    let proof = Numbered(header.clone(), AtomicUsize::new(0));
    let credential = Credential::dpop("t0ken", proof).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    // The retries meet a nonce on their way, for which the layer itself sends once more.
    let api = service_fn(move |request: Request<_>| {
        let headers: HeaderMap = request.headers().clone();
        let mut proofs = headers.get_all(&header).iter();
        let (proof, None) = (proofs.next().unwrap().clone(), proofs.next()) else {
            panic!("more than one proof");
        };
        assert_eq!(headers["authorization"], "DPoP t0ken");
        let mut seen = noted.lock().unwrap();
        seen.push(proof);
        let answer = match seen.len() {
            1 => Response::builder().status(503),
            2 => Response::builder()
                .status(401)
                .header("www-authenticate", "DPoP error=\"use_dpop_nonce\""),
            3 => Response::builder().status(429),
            _ => Response::builder(),
        };
        let answer = answer.body(Full::<Bytes>::default()).unwrap();
        drop::<Request<hallpass_tower::ReplayBody<Full<Bytes>>>>(request);
        ready(Ok::<_, Infallible>(answer))
    });
    let stack = ServiceBuilder::new()
        .retry(UntilItWorks)
        .layer(BearerLayer::new(credential))
        .service(api);
    let request = Request::post("https://api.example.com/orders");
    let request = request.body(Full::from("order")).unwrap();
    assert_eq!(stack.oneshot(request).await.unwrap().status(), 200);
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, ["0", "1", "2", "3"]);
}
