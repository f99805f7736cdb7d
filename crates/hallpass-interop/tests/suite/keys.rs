//! Clients that sign an assertion, with a private key or with their secret.

use hallpass::{
    Cached, ClientCredentials,
    oauth2::{Algorithm, Key, TokenRequest},
};

use crate::{
    harness::{Held, Shared},
    kinds::{GLEWLWYD, Kind, OIDC_PROVIDER},
    kit::{api, ask, built, get, refusal, url},
};

/// The folder with the clients' private keys.
const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../hallpass-oauth2/tests/keys");

const P256: &str = include_str!("../../../hallpass-oauth2/tests/keys/p256.pem");
const P256_JWK: &str = include_str!("../../../hallpass-oauth2/tests/keys/p256.jwk");
const RSA: &str = include_str!("../../../hallpass-oauth2/tests/keys/rsa.pem");
const RSA_JWK: &str = include_str!("../../../hallpass-oauth2/tests/keys/rsa.jwk");
const ED25519: &str = include_str!("../../../hallpass-oauth2/tests/keys/ed25519.pem");

/// As the servers know it for the client "hs256".
const SECRET: &str = "a-secret-of-thirty-two-bytes-or-more";

const WRONG: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";

/// A server that knows clients by their keys.
struct Keyed {
    kind: &'static Kind,
    server: Held,
}

impl Keyed {
    fn oidc_provider() -> Self {
        static RUNNING: Shared = Shared::new();
        Self::of(&OIDC_PROVIDER, &RUNNING)
    }

    fn glewlwyd() -> Self {
        static RUNNING: Shared = Shared::new();
        Self::of(&GLEWLWYD, &RUNNING)
    }

    fn of(kind: &'static Kind, running: &Shared) -> Self {
        let server = running.get(|| kind.start(&[("KEYS", KEYS)]));
        Self { kind, server }
    }

    fn issuer(&self) -> String {
        url(&self.server, "")
    }

    fn grant(&self) -> TokenRequest {
        ClientCredentials::at(url(&self.server, self.kind.token)).scope("read")
    }

    /// Two tokens in a row, as servers refuse an assertion that they have seen; and one of them at
    /// an API.
    async fn serves(&self, grant: TokenRequest, what: &str) {
        let source = built(grant);
        if let Err(error) = ask(&source).await {
            panic!("{what}: {error:?}");
        }
        let cached = Cached::new(source);
        let answer = get(&api(&cached), &url(&self.server, self.kind.resource)).await;
        assert_eq!(answer.unwrap().status, self.kind.live, "{what}");
        let stats = cached.stats();
        assert_eq!((stats.fetches, stats.rejections), (1, 0), "{what}");
    }

    async fn refuses(&self, grant: TokenRequest, id: &str) {
        let error = refusal(grant).await;
        let message = error.to_string();
        assert_eq!(error.is_permanent(), self.kind.names_refusals, "{error:?}");
        let refused = format!("{} refused client \"{id}\" (", self.issuer());
        assert!(message.starts_with(&refused), "{message}");
        let advice = "): check id, key, issuer and the clock";
        assert!(message.ends_with(advice), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

fn rsa() -> Key {
    Key::from_pem(RSA).unwrap().algorithm(Algorithm::Rs256)
}

fn p256() -> Key {
    Key::from_pem(P256).unwrap()
}

#[tokio::test]
async fn private_key_jwt_at_oidc_provider() {
    let keyed = Keyed::oidc_provider();
    let jwk = |text| Key::from_jwk(text).unwrap();
    for (id, key, what) in [
        ("es256", p256(), "ES256"),
        ("es256", p256().kid("es256"), "ES256 with its id"),
        ("es256", jwk(P256_JWK).kid("es256"), "ES256 of a JWK"),
        ("rs256", rsa(), "RS256"),
        ("eddsa", Key::from_pem(ED25519).unwrap(), "EdDSA"),
    ] {
        let grant = || keyed.grant().private_key_jwt(id, key.clone());
        keyed.serves(grant().issuer(keyed.issuer()), what).await;
        keyed.serves(grant().assertion_for_token_url(), what).await;
        let plain = grant().issuer(keyed.issuer()).assertion_typ("JWT");
        keyed.serves(plain, what).await;
    }
}

#[tokio::test]
async fn private_key_jwt_at_glewlwyd() {
    let keyed = Keyed::glewlwyd();
    let jwk = Key::from_jwk(RSA_JWK).unwrap();
    for key in [rsa(), jwk.algorithm(Algorithm::Rs256)] {
        let grant = keyed.grant().private_key_jwt("rs256", key);
        keyed.serves(grant.assertion_for_token_url(), "RS256").await;
    }
}

#[tokio::test]
async fn client_secret_jwt_at_oidc_provider() {
    let keyed = Keyed::oidc_provider();
    let grant = keyed.grant().client_secret_jwt("hs256", SECRET);
    keyed.serves(grant.issuer(keyed.issuer()), "HS256").await;
}

#[tokio::test]
async fn client_secret_jwt_at_glewlwyd() {
    let keyed = Keyed::glewlwyd();
    let grant = keyed.grant().client_secret_jwt("hs256", SECRET);
    keyed.serves(grant.assertion_for_token_url(), "HS256").await;
}

#[tokio::test]
async fn wrong_assertions_at_oidc_provider() {
    let keyed = Keyed::oidc_provider();
    let stranger = rcgen::KeyPair::generate().unwrap().serialize_pem();
    for (id, key) in [
        ("es256", Key::from_pem(&stranger).unwrap()),
        ("rs256", p256()),
        ("nobody", p256()),
    ] {
        let grant = keyed.grant().private_key_jwt(id, key);
        keyed.refuses(grant.issuer(keyed.issuer()), id).await;
    }
    let grant = keyed.grant().private_key_jwt("es256", p256());
    let elsewhere = grant.issuer("https://auth.example.com");
    keyed.refuses(elsewhere, "es256").await;
    let grant = keyed.grant().client_secret_jwt("hs256", WRONG);
    keyed.refuses(grant.issuer(keyed.issuer()), "hs256").await;
}

#[tokio::test]
async fn wrong_assertions_at_glewlwyd() {
    let keyed = Keyed::glewlwyd();
    for (id, key) in [("rs256", p256()), ("nobody", rsa())] {
        let grant = keyed.grant().private_key_jwt(id, key);
        keyed.refuses(grant.assertion_for_token_url(), id).await;
    }
    // It knows its token URL alone as an audience.
    let grant = keyed.grant().private_key_jwt("rs256", rsa());
    keyed.refuses(grant.issuer(keyed.issuer()), "rs256").await;
    let grant = keyed.grant().client_secret_jwt("hs256", WRONG);
    keyed
        .refuses(grant.assertion_for_token_url(), "hs256")
        .await;
}
