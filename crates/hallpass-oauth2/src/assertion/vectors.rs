//! The printed examples of the standards.

use super::jwk;
use crate::Algorithm;

fn signature(key: &str, signed: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let parsed = jwk::parse(key).unwrap();
    let algorithm = parsed.pair.default_algorithm();
    let signature = parsed.pair.sign(algorithm, signed.as_bytes()).unwrap();
    URL_SAFE_NO_PAD.encode(signature)
}

#[test]
fn rfc_7515_a_1_and_rfc_8037_a_4() {
    for (key, signed, expected) in [
        (
            r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        (
            r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ] {
        assert_eq!(signature(key, signed), expected);
    }
}

#[test]
fn names_are_those_of_the_registry() {
    for (name, algorithm) in Algorithm::NAMES {
        assert_eq!(algorithm.name(), *name);
        assert_eq!(Algorithm::named(name), Some(*algorithm));
    }
    assert_eq!(Algorithm::named("none"), None);
}
