//! Requests that are bound to a key, and the proofs that they carry.

use hallpass_core::Credential;
use hallpass_oauth2::TokenRequest;
use hallpass_testkit::Proof;
use http::{HeaderMap, Method, Uri};

use super::{Script, Seen, Step, fetch};

pub(crate) const BOUND: &str = r#"{"access_token":"t0ken","token_type":"DPoP","expires_in":300}"#;
pub(crate) const WANTS_NONCE: &str = r#"{"error":"use_dpop_nonce"}"#;
pub(crate) const API: &str = "https://api.example.com/items?page=2";

pub(crate) fn wants(status: u16, nonce: &str) -> Step {
    Step::status(status, WANTS_NONCE).with("dpop-nonce", nonce)
}

pub(crate) fn proof(seen: &Seen) -> Proof {
    assert_eq!(seen.headers.get_all("dpop").iter().count(), 1);
    assert!(seen.headers["dpop"].is_sensitive());
    Proof::read(seen.header("dpop").unwrap()).unwrap()
}

/// The headers that a request to the API gets.
pub(crate) fn attached(credential: &Credential, method: &Method, uri: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let uri: Uri = uri.parse().unwrap();
    credential.attach(method, &uri, &mut headers).unwrap();
    headers
}

pub(crate) fn proof_in(headers: &HeaderMap) -> Proof {
    Proof::read(headers["dpop"].to_str().unwrap()).unwrap()
}

pub(crate) async fn bound(request: TokenRequest) -> (Credential, Seen) {
    let script = Script::of([Step::ok(BOUND)]);
    let source = request.build(script.clone()).unwrap();
    (fetch(&source).await.unwrap(), script.only())
}
