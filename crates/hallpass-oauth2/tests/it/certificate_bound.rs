//! Tokens that are bound to the client's certificate (RFC 8705 §3).
#![allow(clippy::expect_used, reason = "a test may panic")]

use hallpass_core::Error;
use hallpass_oauth2::ClientCredentials;

use crate::common::{self, Step, URL, jws};

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
