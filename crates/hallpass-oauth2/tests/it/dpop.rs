//! Tokens that are bound to a key (RFC 9449).
#![allow(clippy::expect_used, reason = "a test may panic")]

use std::{collections::HashSet, time::Duration};

use hallpass_oauth2::{
    Algorithm, ClientCredentials, Dpop, Jwt, Key, Profile, RefreshToken, token_type,
};
use http::Method;

use crate::common::{
    self, PLAIN, Script, Step, URL, build_error, client, fetch, jws,
    proofs::{API, BOUND, attached, bound, proof, proof_in, wants},
};

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
