//! A `Keyed` whose credentials are bound to keys: each tenant has a key pair of its own, and no proof
//! serves another's requests.

use std::{
    collections::{HashMap, HashSet},
    future::ready,
    io,
};

use hallpass_core::{Authorizer, Error, Keyed};
use hallpass_oauth2::{Dpop, Key, TokenRequest};
use hallpass_testkit::Proof;
use http::{HeaderMap, Request, Response, StatusCode, header::AUTHORIZATION};

use crate::common::{
    self, Script, Step, client, jws,
    proofs::{API, BOUND, proof, proof_in},
    with,
};

type Tenant = &'static str;

const TENANTS: [Tenant; 2] = ["a", "b"];

/// Makes a tenant's token request of one for all.
type Edit = fn(&Tenant, TokenRequest) -> Result<TokenRequest, Error>;

/// What went to the API: for whom, with which token, and its proof.
struct Sent {
    tenant: Tenant,
    token: String,
    proof: Proof,
}

impl Sent {
    fn of(tenant: Tenant, headers: &HeaderMap) -> Self {
        let token = headers[AUTHORIZATION].to_str().unwrap();
        Self {
            tenant,
            token: token.strip_prefix("DPoP ").unwrap().to_owned(),
            proof: proof_in(headers),
        }
    }
}

async fn no_proof_serves_another(of: &str, request: TokenRequest, edit: Edit) {
    // Tokens in the order in which they are asked for: a's, b's, and a's next.
    let tokens = ["of-a", "of-b", "of-a-too"].map(|token| Step::ok(BOUND.replace("t0ken", token)));
    let script = Script::of(tokens);
    let keyed = Keyed::new(request.per_key(script.clone(), edit));
    let authorizer = Authorizer::keyed(keyed.clone());
    let authorizer = authorizer.origins(["https://api.example.com"]).unwrap();
    let mut sent = Vec::new();
    for (tenant, statuses) in [
        ("a", &[200][..]),
        ("b", &[200]),
        ("a", &[200]),
        // Refused once: the next token is bound to the same key.
        ("a", &[401, 200]),
        ("b", &[200]),
        ("a", &[200]),
    ] {
        let request = Request::get(API).extension(tenant).body(()).unwrap();
        let mut statuses = statuses.iter();
        let response = authorizer.run(request, |request| {
            sent.push(Sent::of(tenant, request.headers()));
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(*statuses.next().unwrap()).unwrap();
            ready(Ok::<_, io::Error>(response))
        });
        assert_eq!(response.await.unwrap().status(), 200, "{of}");
    }

    let asked: Vec<Proof> = script.seen().iter().map(proof).collect();
    let mut key_of = HashMap::new();
    for tenant in TENANTS {
        let credential = keyed.get(&tenant).unwrap().get().await.unwrap();
        let thumbprint = credential.key_thumbprint().unwrap().to_owned();
        assert!(key_of.insert(tenant, thumbprint).is_none());
    }
    assert_ne!(key_of["a"], key_of["b"], "{of}: two tenants, two key pairs");
    let of_requests: Vec<_> = asked.iter().map(|proof| &proof.thumbprint).collect();
    let expected = ["a", "b", "a"].map(|tenant| &key_of[tenant]);
    assert_eq!(of_requests, expected, "{of}: at the token endpoint");

    let tokens: Vec<_> = sent.iter().map(|sent| &*sent.token).collect();
    let expected = [
        "of-a", "of-b", "of-a", "of-a", "of-a-too", "of-b", "of-a-too",
    ];
    assert_eq!(tokens, expected, "{of}");
    let mut seen: HashSet<&str> = asked.iter().map(|proof| &*proof.jti).collect();
    for Sent {
        tenant,
        token,
        proof,
    } in &sent
    {
        assert_eq!(proof.thumbprint, key_of[tenant], "{of}: {tenant}'s request");
        assert!(proof.is_for(token), "{of}: {tenant}'s request");
        assert!(seen.insert(&proof.jti), "{of}: a proof came twice");
    }
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_key_pair_and_its_own_proofs() {
    let kept: Edit = |tenant, request| {
        let pem = if *tenant == "a" {
            jws::P256
        } else {
            jws::ED25519_PEM
        };
        Ok(request.dpop(Key::from_pem(pem)?))
    };
    no_proof_serves_another("kept", client(), kept).await;
    let in_memory: Edit = |_, request| Ok(request.dpop(Dpop::new()));
    no_proof_serves_another("in memory", client(), in_memory).await;
    // A profile that wants DPoP makes a key for each source.
    let as_it_is: Edit = |_, request| Ok(request);
    no_proof_serves_another("by the profile", with("dpop = true"), as_it_is).await;
}

/// A key that is given to all is everybody's: what is said once holds for each.
#[tokio::test(start_paused = true)]
async fn one_key_for_all_makes_proofs_for_each_token_of_its_own() {
    let shared = Dpop::new();
    let script = Script::of(["of-a", "of-b"].map(|token| Step::ok(BOUND.replace("t0ken", token))));
    let request = client().dpop(shared.clone());
    let keyed = Keyed::new(request.per_key(script.clone(), |_: &Tenant, request| Ok(request)));
    for tenant in TENANTS {
        let credential = keyed.get(&tenant).unwrap().get().await.unwrap();
        let headers = common::proofs::attached(&credential, &http::Method::GET, API);
        let sent = Sent::of(tenant, &headers);
        assert_eq!(sent.proof.thumbprint, shared.thumbprint().await.unwrap());
        assert!(sent.proof.is_for(&format!("of-{tenant}")));
    }
    assert_eq!(script.seen().len(), 2);
}
