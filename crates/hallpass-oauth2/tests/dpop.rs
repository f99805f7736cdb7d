//! Tokens that are bound to a key (RFC 9449).
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{collections::HashSet, sync::Mutex, time::Duration};

use common::{PLAIN, Script, Seen, Step, URL, build_error, client, fetch, jws};
use hallpass_core::{Authorizer, Cached, Credential, CredentialSource as _, Error};
use hallpass_oauth2::{
    Algorithm, ClientCredentials, Dpop, Jwt, Key, Profile, RefreshToken, Secret, TokenRequest,
    token_type,
};
use hallpass_testkit::Proof;
use http::{HeaderMap, Method, Request, Response, Uri};

const BOUND: &str = r#"{"access_token":"t0ken","token_type":"DPoP","expires_in":300}"#;
const WANTS_NONCE: &str = r#"{"error":"use_dpop_nonce"}"#;
const API: &str = "https://api.example.com/items?page=2";

fn wants(status: u16, nonce: &str) -> Step {
    Step::status(status, WANTS_NONCE).with("dpop-nonce", nonce)
}

fn proof(seen: &Seen) -> Proof {
    assert_eq!(seen.headers.get_all("dpop").iter().count(), 1);
    assert!(seen.headers["dpop"].is_sensitive());
    Proof::read(seen.header("dpop").unwrap()).unwrap()
}

/// The headers that a request to the API gets.
fn attached(credential: &Credential, method: &Method, uri: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let uri: Uri = uri.parse().unwrap();
    credential.attach(method, &uri, &mut headers).unwrap();
    headers
}

fn proof_in(headers: &HeaderMap) -> Proof {
    Proof::read(headers["dpop"].to_str().unwrap()).unwrap()
}

async fn bound(request: TokenRequest) -> (Credential, Seen) {
    let script = Script::of([Step::ok(BOUND)]);
    let source = request.build(script.clone()).unwrap();
    (fetch(&source).await.unwrap(), script.only())
}

#[tokio::test]
async fn a_token_request_and_each_request_to_the_api_carry_a_proof() {
    let url = "https://AUTH.example.com:443/token?tenant=blue";
    let request = ClientCredentials::at(url).basic("my-client", "s3cret");
    let (credential, seen) = bound(request.dpop(Dpop::new())).await;
    let asked = proof(&seen);
    assert_eq!(
        (&*asked.htm, &*asked.htu),
        ("POST", "https://auth.example.com/token")
    );
    assert_eq!((&*asked.alg, asked.ath, asked.nonce), ("ES256", None, None));

    assert_eq!(credential.key_thumbprint(), Some(&*asked.thumbprint));
    assert_eq!(credential.token(), Some("t0ken"));
    let mut seen = HashSet::from([asked.jti]);
    for method in [Method::GET, Method::POST] {
        let headers = attached(&credential, &method, API);
        assert_eq!(headers["authorization"], "DPoP t0ken");
        let proof = proof_in(&headers);
        assert_eq!(
            (&*proof.htm, &*proof.htu),
            (method.as_str(), "https://api.example.com/items")
        );
        assert!(proof.is_for("t0ken"));
        assert_eq!(proof.thumbprint, asked.thumbprint);
        // 128 bits in base64url.
        assert_eq!(proof.jti.len(), 22);
        assert!(seen.insert(proof.jti));
    }
    assert!(!format!("{credential:?}").contains("t0ken"));
}

#[tokio::test]
async fn every_grant_with_every_client() {
    for grant in [
        "client_credentials",
        "refresh_token",
        "jwt_bearer",
        "token_exchange",
        "password",
    ] {
        for auth in [
            "basic",
            "post",
            "private-key-jwt",
            "client-secret-jwt",
            "tls",
            "none",
        ] {
            let lines = format!(
                "{PLAIN}grant = \"{grant}\"\nclient_auth = \"{auth}\"\nissuer = \"https://as\"\nissued_token_type_optional = true"
            );
            let profile = Profile::from_toml(&lines).unwrap();
            let secret = if auth == "private-key-jwt" {
                jws::P256
            } else {
                "s3cret"
            };
            let request = profile.client("my-client", secret);
            let request = match grant {
                "refresh_token" => request.refresh_token("r1"),
                "jwt_bearer" => request.jwt(Jwt::signed_by(Key::from_pem(jws::P256).unwrap())),
                "token_exchange" => request.subject_token("sub", token_type::JWT),
                "password" => request.user("robot", "hunter2"),
                _ => request,
            };
            let key = Key::from_pem(jws::ED25519_PEM).unwrap();
            let script = Script::of([wants(400, "n1"), Step::ok(BOUND)]);
            let source = request.dpop(key).build(script.clone()).unwrap();
            let credential = fetch(&source).await.unwrap();
            assert_eq!(credential.header_value(), "DPoP t0ken", "{grant} {auth}");
            let [first, second] = &script.seen()[..] else {
                panic!("{grant} {auth}: not two requests");
            };
            let proofs = [first, second].map(proof);
            assert_eq!(proofs[1].nonce.as_deref(), Some("n1"), "{grant} {auth}");
            assert_ne!(proofs[0].jti, proofs[1].jti, "{grant} {auth}");
            assert_eq!(proofs[1].alg, "EdDSA");
            // An assertion that has been seen may be refused as well.
            for name in ["client_assertion", "assertion"] {
                let [one, two] = [first, second].map(|seen| jws::param(&seen.body, name));
                assert!(
                    one.is_none() || one != two,
                    "{grant} {auth}: {name} came twice"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_nonce_that_is_asked_for_is_no_failure() {
    for status in [400, 401] {
        let script = Script::of([wants(status, "n1"), Step::ok(BOUND)]);
        let source = client().dpop(Dpop::new()).build(script.clone()).unwrap();
        let cached = Cached::new(source);
        let start = tokio::time::Instant::now();
        cached.get().await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO, "{status}");
        let counts = cached.stats();
        assert_eq!((counts.fetches, counts.failures), (1, 0), "{status}");
        let nonces = script
            .seen()
            .iter()
            .map(|seen| proof(seen).nonce)
            .collect::<Vec<_>>();
        assert_eq!(nonces, [None, Some("n1".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_nonce_is_tried_once_and_never_twice_the_same() {
    let source = |steps: Vec<Step>| {
        let script = Script::of(steps);
        (
            client().dpop(Dpop::new()).build(script.clone()).unwrap(),
            script,
        )
    };
    for (steps, sent) in [
        // Without one, and with one that is none.
        (vec![Step::status(400, WANTS_NONCE)], 1),
        (vec![wants(400, "a b")], 1),
        (vec![wants(400, &"n".repeat(1025))], 1),
        (vec![wants(403, "n1")], 1),
        (vec![wants(400, "n1"), wants(400, "n1")], 2),
        (vec![wants(400, "n1"), wants(400, "n2")], 2),
    ] {
        let (source, script) = source(steps);
        let error = fetch(&source).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(error.code(), Some("use_dpop_nonce"));
        assert!(
            error
                .to_string()
                .contains("another nonce in the proof of possession"),
            "{error}"
        );
        assert_eq!(script.seen_count(), sent);
    }
    // What the last answer brought is used by the next fetch.
    let (source, script) = source(vec![
        wants(400, "n1"),
        wants(400, "n2"),
        Step::ok(BOUND).with("dpop-nonce", "n3"),
        wants(400, "n3"),
    ]);
    fetch(&source).await.unwrap_err();
    fetch(&source).await.unwrap();
    fetch(&source).await.unwrap_err();
    let nonces: Vec<_> = script.seen().iter().map(|seen| proof(seen).nonce).collect();
    let nonces: Vec<_> = nonces.iter().map(Option::as_deref).collect();
    assert_eq!(nonces, [None, Some("n1"), Some("n2"), Some("n3")]);
}

/// Calls an API that answers as it is told, and notes the proofs.
async fn call(authorizer: &Authorizer, url: &str, nonce: Option<&str>) -> Proof {
    let seen = Mutex::new(None);
    let request = Request::get(url).body(()).unwrap();
    let response = authorizer.run(request, |request| {
        *seen.lock().unwrap() = Some(proof_in(request.headers()));
        let mut response = Response::new(());
        if let Some(nonce) = nonce {
            response
                .headers_mut()
                .insert("dpop-nonce", nonce.parse().unwrap());
        }
        async { Ok::<_, std::io::Error>(response) }
    });
    response.await.unwrap();
    seen.into_inner().unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn nonces_belong_to_one_server_each_and_never_to_both_halves_of_one() {
    let script = Script::of([
        wants(400, "as-1"),
        Step::ok(BOUND),
        Step::ok(BOUND.replace("t0ken", "t1ken")),
    ]);
    let source = client().dpop(Dpop::new()).build(script.clone()).unwrap();
    let cached = Cached::new(source);
    let authorizer = Authorizer::new(cached.clone()).any_origin();
    let same = "https://auth.example.com/userinfo";
    // The authorization server's own API does not know that nonce.
    assert_eq!(call(&authorizer, same, Some("rs-1")).await.nonce, None);
    assert_eq!(
        call(&authorizer, same, None).await.nonce.as_deref(),
        Some("rs-1")
    );
    assert_eq!(call(&authorizer, API, Some("rs-2")).await.nonce, None);
    assert_eq!(
        call(&authorizer, API, None).await.nonce.as_deref(),
        Some("rs-2")
    );
    let spelled = "https://API.example.com:443/other";
    assert_eq!(
        call(&authorizer, spelled, None).await.nonce.as_deref(),
        Some("rs-2")
    );
    let port = "https://api.example.com:8443/items";
    assert_eq!(call(&authorizer, port, None).await.nonce, None);
    assert_eq!(
        call(&authorizer, same, None).await.nonce.as_deref(),
        Some("rs-1")
    );
    // A new token keeps them, and the token endpoint its own.
    let credential = cached.get().await.unwrap();
    cached.reject(&credential, &hallpass_core::Challenges::default());
    assert_eq!(
        call(&authorizer, API, None).await.nonce.as_deref(),
        Some("rs-2")
    );
    assert_eq!(cached.stats().fetches, 2);
    let last = script.seen().pop().unwrap();
    assert_eq!(proof(&last).nonce.as_deref(), Some("as-1"));
}

#[tokio::test]
async fn the_type_has_to_be_dpop_in_any_case() {
    for kind in ["DPoP", "dpop", "DPOP"] {
        let step = Step::ok(BOUND.replace("DPoP", kind));
        let credential = common::outcome(client().dpop(Dpop::new()), step)
            .await
            .unwrap();
        assert_eq!(credential.header_value(), "DPoP t0ken");
    }
    let bearer = || Step::ok(BOUND.replace("DPoP", "Bearer"));
    let error = common::outcome(client().dpop(Dpop::new()), bearer())
        .await
        .unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "https://auth.example.com was asked for a token that is bound to a key, and issued one of type \"Bearer\", which anybody can use who finds it: have it set up for DPoP, or allow that with allow_bearer"
    );
    let allowed = client().dpop(Dpop::new().allow_bearer());
    let credential = common::outcome(allowed, bearer()).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer t0ken");
    assert_eq!(credential.key_thumbprint(), None);
    assert!(!attached(&credential, &Method::GET, API).contains_key("dpop"));

    let other = Step::ok(BOUND.replace("DPoP", "mac"));
    let error = common::outcome(client().dpop(Dpop::new()), other)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("type \"mac\"; only DPoP is supported here"),
        "{error}"
    );
    let error = common::outcome(client(), Step::ok(BOUND))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("only Bearer is supported here: for that, call dpop"),
        "{error}"
    );

    let none = || Step::ok(r#"{"access_token":"t0ken","expires_in":300}"#);
    let error = common::outcome(client().dpop(Dpop::new()), none())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("known to be DPoP"), "{error}");
    let optional = client().dpop(Dpop::new()).token_type_optional();
    let credential = common::outcome(optional, none()).await.unwrap();
    assert_eq!(credential.header_value(), "DPoP t0ken");
}

#[tokio::test]
async fn keys_of_every_kind() {
    for (pem, algorithm, alg) in [
        (jws::P256, None, "ES256"),
        (jws::P384, None, "ES384"),
        (jws::ED25519_PEM, None, "EdDSA"),
        (jws::RSA, None, "RS256"),
        (jws::RSA, Some(Algorithm::Ps256), "PS256"),
    ] {
        let mut key = Key::from_pem(pem).unwrap().kid("is-not-sent");
        if let Some(algorithm) = algorithm {
            key = key.algorithm(algorithm);
        }
        let dpop = Dpop::key(key);
        let (credential, seen) = bound(client().dpop(dpop.clone())).await;
        assert_eq!(proof(&seen).alg, alg);
        let proof = proof_in(&attached(&credential, &Method::GET, API));
        assert_eq!(proof.alg, alg);
        assert_eq!(dpop.thumbprint().await.unwrap(), proof.thumbprint);
        // A token of one's own.
        let own = dpop.bind("its-own").await.unwrap();
        let proof = proof_in(&attached(&own, &Method::GET, API));
        assert!(proof.is_for("its-own"));
    }
    for (algorithm, alg) in [
        (Algorithm::Es256, "ES256"),
        (Algorithm::Es384, "ES384"),
        (Algorithm::EdDsa, "EdDSA"),
    ] {
        let (_, seen) = bound(client().dpop(Dpop::new().algorithm(algorithm))).await;
        assert_eq!(proof(&seen).alg, alg);
    }
}

#[tokio::test]
async fn a_key_in_memory_is_one_for_each_source_and_for_all_of_its_tokens() {
    let thumbprints = async |request: TokenRequest| {
        let script = Script::of([Step::ok(BOUND), Step::ok(BOUND)]);
        let source = request.build(script.clone()).unwrap();
        let told = source.description().key_thumbprint.unwrap();
        assert!(source.description().kept_key.is_none());
        for _ in 0..2 {
            assert_eq!(fetch(&source).await.unwrap().key_thumbprint(), Some(&*told));
        }
        told
    };
    let of_profile = || common::with("dpop = true");
    let one = thumbprints(of_profile()).await;
    let two = thumbprints(of_profile()).await;
    assert_ne!(one, two);
    let shared = Dpop::new();
    let one = thumbprints(client().dpop(shared.clone())).await;
    assert_eq!(one, thumbprints(client().dpop(shared.clone())).await);
    assert_eq!(one, shared.thumbprint().await.unwrap());
}

#[tokio::test]
async fn a_kept_key_that_is_replaced_holds_from_the_next_token_on() {
    let (secret, handle) = Secret::rotating(jws::P256);
    let script = Script::of([Step::ok(BOUND), Step::ok(BOUND.replace("t0ken", "t1ken"))]);
    let source = client()
        .dpop(Key::read(secret))
        .build(script.clone())
        .unwrap();
    assert!(source.description().kept_key.is_some());
    assert_eq!(source.description().key_thumbprint, None);
    let version = source.version();
    let first = fetch(&source).await.unwrap();
    handle.set(jws::ED25519_PEM);
    assert_ne!(source.version(), version);
    let second = fetch(&source).await.unwrap();
    let algs = [&first, &second].map(|one| proof_in(&attached(one, &Method::GET, API)).alg);
    // A token stays with the key that it was issued to.
    assert_eq!(algs, ["ES256", "EdDSA"]);
    assert_ne!(first.key_thumbprint(), second.key_thumbprint());
    let kept = client().dpop(Key::from_pem(jws::P256).unwrap());
    let description = kept.build(Script::default()).unwrap().description();
    assert!(description.kept_key.is_some() && description.key_thumbprint.is_some());
}

#[test]
fn what_can_be_known_to_be_wrong() {
    let refresh = || RefreshToken::at(URL).refresh_token("r1");
    for (request, expected) in [
        (
            client().dpop(Key::hmac(b"a shared secret")),
            "a proof of possession takes a private key, and this is a shared secret (RFC 9449, section 4.2)",
        ),
        (
            client().dpop(Dpop::new().algorithm(Algorithm::Rs256)),
            "a key in memory is made for ES256, ES384 or EdDSA; for RS256 give one that is kept",
        ),
        (
            client().dpop(Dpop::new()).header("DPoP", "x"),
            "the header dpop is for the proof of each token request: leave it out",
        ),
        (
            client().dpop(Dpop::new().htu_base("/prefix")),
            "an origin needs a scheme and a host: https://host",
        ),
        (
            client().dpop(Dpop::new().htu_base("https://a/?b")),
            "the base of htu has a query or a fragment, which no proof names: remove it",
        ),
        (
            refresh().public("my-client").dpop(Dpop::new()),
            "a public client's refresh token is bound to its key (RFC 9449, section 5) and would be lost with one in memory: call dpop with a key that is kept",
        ),
    ] {
        assert_eq!(build_error(request), expected);
    }
    let kept = refresh()
        .public("my-client")
        .dpop(Key::from_pem(jws::P256).unwrap());
    assert!(kept.build(Script::default()).is_ok());
    // A confidential client's is bound to the client.
    let confidential = refresh().basic("my-client", "s3cret").dpop(Dpop::new());
    assert!(confidential.build(Script::default()).is_ok());
}

#[tokio::test]
async fn a_file_says_it_too() {
    let lines = "dpop = true\ndpop_alg = \"EdDSA\"\ndpop_htu_base = \"https://{public}/api\"\ndpop_bearer_allowed = true";
    let profile = Profile::from_toml(&format!("{PLAIN}{lines}")).unwrap();
    let request = || {
        profile
            .clone()
            .var("public", "public.example")
            .client("a", "b")
    };
    let (credential, seen) = bound(request()).await;
    let asked = proof(&seen);
    assert_eq!((&*asked.alg, &*asked.htu), ("EdDSA", URL));
    let proof = proof_in(&attached(
        &credential,
        &Method::GET,
        "http://10.0.0.7:8080/items?a",
    ));
    assert_eq!(proof.htu, "https://public.example/api/items");
    let bearer = Step::ok(BOUND.replace("DPoP", "Bearer"));
    let credential = common::outcome(request(), bearer).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer t0ken");
    // Code has the last word.
    let (credential, _) = bound(request().dpop(Key::from_pem(jws::ED25519_PEM).unwrap())).await;
    assert_eq!(
        proof_in(&attached(&credential, &Method::GET, API)).alg,
        "EdDSA"
    );
    let off = request().profile(|profile| profile.dpop = false);
    let step = Step::ok(common::TOKEN);
    assert!(common::outcome(off, step).await.is_ok());
    let error = build_error(request().dpop(Key::from_pem(jws::P256).unwrap()));
    assert!(error.contains("EdDSA"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_proof_says_what_to_check() {
    let refused = || Step::status(400, r#"{"error":"invalid_dpop_proof"}"#);
    let error = common::outcome(client().dpop(Dpop::new()), refused())
        .await
        .unwrap_err();
    assert!(error.is_transient());
    assert_eq!(error.code(), Some("invalid_dpop_proof"));
    assert_eq!(
        error.to_string(),
        "https://auth.example.com refused client \"my-client\" (invalid_dpop_proof): check this machine's clock, and that the server knows the token URL under this name"
    );
    for answer in [refused(), wants(400, "n1")] {
        let error = common::outcome(client(), answer).await.unwrap_err();
        let words = "wants a proof of possession with each request: call dpop";
        assert!(error.to_string().ends_with(words), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_made_once_more_by_the_servers_clock() {
    let ahead = std::time::SystemTime::now() + Duration::from_secs(300);
    let refused = Step::status(400, r#"{"error":"invalid_dpop_proof"}"#)
        .with("date", &httpdate::fmt_http_date(ahead));
    let script = Script::of([refused, Step::ok(BOUND)]);
    let source = client().dpop(Dpop::new()).build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    let [first, second] = [0, 1].map(|at| proof(&script.seen.lock().unwrap()[at]).iat);
    assert!((298..=302).contains(&(second - first)), "{first} {second}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_takes_a_new_proof_at_once() {
    use hallpass_oauth2::transport::Phase;
    let script = Script::of([Step::Fail(Phase::Exchange), Step::ok(BOUND)]);
    let source = client().dpop(Dpop::new()).build(script.clone()).unwrap();
    let start = tokio::time::Instant::now();
    fetch(&source).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let seen = script.seen();
    assert_ne!(proof(&seen[0]).jti, proof(&seen[1]).jti);
}

#[tokio::test]
async fn a_token_says_which_certificate_it_is_bound_to() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let jwt = |claims: &str| format!("eyJ9.{}.sig", URL_SAFE_NO_PAD.encode(claims));
    let answer = |token: &str, more: &str| {
        Step::ok(format!(
            r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":300{more}}}"#
        ))
    };
    let thumbprint = hallpass_oauth2::certificate_thumbprint(jws::P256_CERTIFICATE).unwrap();
    let own = format!(r#"{{"exp":1893456000,"cnf":{{"x5t#S256":"{thumbprint}"}}}}"#);
    let beside = format!(r#","cnf":{{"x5t#S256":"{thumbprint}"}}"#);
    let mtls = || ClientCredentials::at(URL).mtls("my-client");
    let set = || mtls().bound_to_certificate(jws::P256_CERTIFICATE);
    for (request, step, expected) in [
        (mtls(), answer("t0ken", ""), None),
        (mtls(), answer(&jwt(&own), ""), Some(&*thumbprint)),
        (mtls(), answer("t0ken", &beside), Some(&*thumbprint)),
        (set(), answer("t0ken", ""), Some(&*thumbprint)),
        (set(), answer(&jwt(&own), ""), Some(&*thumbprint)),
        (mtls(), answer(&jwt(r#"{"cnf":"x5t#S256"}"#), ""), None),
        (mtls(), answer(&jwt(r#"{"cnf":{"jkt":"x"}}"#), ""), None),
        (mtls(), answer("t0ken", r#","cnf":7"#), None),
    ] {
        let credential = common::outcome(request, step).await.unwrap();
        assert_eq!(credential.certificate_thumbprint(), expected);
    }
    let other = jwt(r#"{"cnf":{"x5t#S256":"another"}}"#);
    let error = common::outcome(set(), answer(&other, ""))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("another client certificate"),
        "{error}"
    );
    for pem in ["", jws::P256] {
        let error: Error = hallpass_oauth2::certificate_thumbprint(pem).unwrap_err();
        assert_eq!(error.to_string(), "no certificate in the PEM text");
    }
}
