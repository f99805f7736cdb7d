//! Proofs whose bytes are known, by the keys of RFC 8037 and RFC 9449.

use std::time::{Duration, SystemTime};

use http::Method;

use super::{
    Dpop, Prover,
    binding::KeyBinding,
    prover::{Statement, sha256},
};
use crate::Key;

/// RFC 8037, appendix A.1.
const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// RFC 9449, section 4.1: of the key that the standard's examples are signed with, the public half.
const P256: &str = r#"{"crv":"P-256","kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;

const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn prover() -> Prover {
    let key = Key::from_jwk(ED25519).unwrap();
    Prover::of(key.ready_now().unwrap().unwrap()).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Header and claims as they are before base64url, and the signature as it is after it.
fn parts(proof: &http::HeaderValue) -> [String; 3] {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let parts: Vec<&str> = proof.to_str().unwrap().split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("{} parts", parts.len());
    };
    let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    [text(header), text(claims), signature.to_owned()]
}

#[test]
fn proofs_byte_for_byte() {
    let ath = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
    let resource = "https://resource.example.org/protectedresource";
    let (get, post) = (Method::GET, Method::POST);
    let at_server = Statement {
        method: &post,
        htu: "https://server.example.com/token",
        now: at(1_562_262_616),
        ath: None,
        nonce: None,
    };
    let binding = KeyBinding::new(Dpop::new(), prover().into(), TOKEN);
    let at_resource = |nonce| binding.statement(&get, resource, at(1_562_262_618), nonce);
    for (jti, statement, claims, signature) in [
        (
            "hp-1",
            at_server,
            r#"{"jti":"hp-1","htm":"POST","htu":"https://server.example.com/token","iat":1562262616}"#.to_owned(),
            "ixyYfRJUTIKEUU4ggerhEvA6geXEZ0lrpO5kP6O0XDb5SrEDDaJzao5cW531nhpynqD39_Apz5QOnHxGsbRYDA",
        ),
        (
            "hp-2",
            at_resource(None),
            format!(r#"{{"jti":"hp-2","htm":"GET","htu":"{resource}","iat":1562262618,"ath":"{ath}"}}"#),
            "QLO--6KMIr1J1SAJuKApPBoFADsuntuouyp_AR3vp1ksOTyD0V2qiWFOu6AUoM4jFgK32oOdxmTos1rF31JzCw",
        ),
        (
            "hp-3",
            at_resource(Some("eyJ7S_zG.eyJH0-Z.HX4w-7v")),
            format!(r#"{{"jti":"hp-3","htm":"GET","htu":"{resource}","iat":1562262618,"ath":"{ath}","nonce":"eyJ7S_zG.eyJH0-Z.HX4w-7v"}}"#),
            "Yd9A1PTrx8fgZK6Z5et53kxemKcoo-Aeot13IF3IG4OaAotmj8K1y_g4gKw7nfT1wOgTGD5fn8wSHGqjO9gtCg",
        ),
    ] {
        let proof = prover().prove_as(jti, &statement).unwrap();
        assert!(proof.is_sensitive());
        let header = r#"{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#;
        assert_eq!(parts(&proof), [header, &claims, signature]);
    }
}

#[test]
fn thumbprints() {
    assert_eq!(
        prover().thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    assert_eq!(
        sha256(P256.as_bytes()),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
    assert_eq!(
        sha256(TOKEN.as_bytes()),
        "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    );
}
