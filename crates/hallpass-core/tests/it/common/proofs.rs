//! A proof that a test can read, and calls that carry it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of this"
)]

use std::sync::{Arc, Mutex};

use hallpass_core::{Authorizer, Cached, Credential, Error, Origin, Proof, Resend};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

use crate::common::{HOUR, Source};

pub static DPOP: HeaderName = HeaderName::from_static("dpop");
pub const URI: &str = "https://api.example/items?page=2";

/// Signs nothing: writes what it would sign.
#[derive(Clone, Default)]
pub struct Plain(pub Arc<Mutex<Known>>);

#[derive(Default)]
pub struct Known {
    pub nonce: Option<String>,
    pub proofs: u32,
    pub origins: Vec<String>,
    pub fails: bool,
}

impl Proof for Plain {
    fn header(&self) -> &HeaderName {
        &DPOP
    }

    fn prove(&self, method: &Method, uri: &Uri) -> Result<HeaderValue, Error> {
        let mut known = self.0.lock().unwrap();
        if known.fails {
            return Err(Error::permanent("no key"));
        }
        known.proofs += 1;
        let nonce = known.nonce.as_deref().unwrap_or("none");
        let proof = format!("{method} {uri} {} {nonce}", known.proofs);
        HeaderValue::from_str(&proof).map_err(Error::permanent)
    }

    fn answered(
        &self,
        sent: &HeaderValue,
        origin: &Origin,
        _status: StatusCode,
        headers: &HeaderMap,
    ) -> bool {
        let mut known = self.0.lock().unwrap();
        known.origins.push(origin.to_string());
        let Some(nonce) = headers.get("dpop-nonce") else {
            return false;
        };
        let nonce = nonce.to_str().unwrap();
        known.nonce = Some(nonce.to_owned());
        !sent.to_str().unwrap().ends_with(nonce)
    }

    fn thumbprint(&self) -> Option<&str> {
        Some("a-thumbprint")
    }
}

pub fn bound() -> (Authorizer, Plain, Cached) {
    let proof = Plain::default();
    let credential = proof.clone();
    let source = Source::new(move |n, _| {
        let bound = Credential::dpop(&format!("token-{n}"), credential.clone())?;
        Ok(bound.lives_for(HOUR))
    });
    let cached = Cached::new(source);
    (Authorizer::new(cached.clone()), proof, cached)
}

pub fn wants(nonce: Option<&'static str>) -> Response<()> {
    let mut response = Response::builder()
        .status(401)
        .header("www-authenticate", "DPoP error=\"use_dpop_nonce\"");
    if let Some(nonce) = nonce {
        response = response.header("dpop-nonce", nonce);
    }
    response.body(()).unwrap()
}

/// What was sent, and the last answer.
pub async fn run(
    authorizer: &Authorizer,
    answer: impl Fn(usize, &HeaderMap) -> Response<()>,
) -> (Vec<(String, String)>, u16) {
    let mut sent = Vec::new();
    let request = Request::get(URI).body(()).unwrap();
    let response = authorizer.run(request, |request| {
        let text = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert!(request.headers()[&DPOP].is_sensitive());
        assert_eq!(request.headers().get_all(&DPOP).iter().count(), 1);
        let resends = request.extensions().get::<Resend>();
        assert_eq!(
            resends.map_or(0, |Resend(times)| *times as usize),
            sent.len()
        );
        sent.push((text("authorization"), text("dpop")));
        let answer = answer(sent.len(), request.headers());
        async { Ok::<_, std::io::Error>(answer) }
    });
    let status = response.await.unwrap().status().as_u16();
    (sent, status)
}
