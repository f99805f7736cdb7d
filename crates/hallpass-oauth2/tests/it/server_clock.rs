//! A server's clock is believed within bounds.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_oauth2::{ClientCredentials, Jwt, JwtBearer, Key, TokenRequest};

use crate::common::{
    Script, Step, TOKEN, URL, client, fetch,
    jws::{self, Jws},
    outcome,
};

const YEAR: i64 = 365 * 24 * 3600;

fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(now.unwrap().as_secs()).unwrap()
}

fn date(at: i64) -> String {
    let at = Duration::from_secs(u64::try_from(at).unwrap());
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + at)
}

#[tokio::test]
async fn no_clock_makes_a_token_live_too_long_or_not_at_all() {
    let n = now();
    // exp and iat from now, Date from now, Age, expires_in; and the life that must come of it.
    for (what, exp, iat, date_at, age, stated, expected) in [
        ("right", 600, None, Some(0), None, "", 600),
        (
            "kept on the way",
            600,
            None,
            Some(-3000),
            Some(3000),
            "",
            600,
        ),
        (
            "kept, and nobody says so",
            600,
            None,
            Some(-3000),
            None,
            "",
            600,
        ),
        ("1970", 600, None, Some(-n), None, "", 600),
        ("1970, with iat", 600, Some(0), Some(-n), None, "", 600),
        ("stands still", 600, None, Some(-3 * YEAR), None, "", 600),
        (
            "ahead of the end",
            300,
            None,
            Some(3600),
            None,
            r#","expires_in":300"#,
            300,
        ),
        (
            "ours is behind, theirs is right",
            600 + 7200,
            Some(7200),
            Some(7200),
            None,
            "",
            600,
        ),
        (
            "both behind: exp and iat bound it",
            YEAR,
            Some(YEAR - 600),
            Some(0),
            None,
            "",
            600,
        ),
        (
            "over by every clock",
            -5,
            None,
            Some(0),
            None,
            r#","expires_in":300"#,
            300,
        ),
        (
            "over by every clock, and nothing else",
            -5,
            None,
            Some(0),
            None,
            "",
            0,
        ),
    ] {
        let exp = n + exp;
        let iat = iat.map_or_else(String::new, |iat| format!(r#","iat":{}"#, n + iat));
        let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{exp}{iat}}}"#));
        let body = format!(r#"{{"access_token":"h.{payload}.s","token_type":"Bearer"{stated}}}"#);
        let mut step = Step::ok(body);
        if let Some(at) = date_at {
            step = step.with("date", &date(n + at));
        }
        if let Some(age) = age {
            step = step.with("age", &age.to_string());
        }
        let credential = outcome(client().jwt_expiry(), step).await.unwrap();
        let life = i64::try_from(credential.lifetime().unwrap().as_secs()).unwrap();
        assert!((life - expected).abs() <= 5, "{what}: {life}");
    }
}

#[tokio::test]
async fn a_refused_assertion_gets_another_try_by_the_servers_clock() {
    let key = || Key::from_pem(jws::P256).unwrap();
    let client_signs = ClientCredentials::at(URL)
        .private_key_jwt("my-client", key())
        .issuer("https://as");
    let grant_signs = JwtBearer::at(URL).jwt(Jwt::signed_by(key()).issuer("me"));
    let nobody_signs = client();
    let requests: [(TokenRequest, &str); 3] = [
        (client_signs, "client_assertion"),
        (grant_signs, "assertion"),
        (nobody_signs, ""),
    ];
    for (request, name) in requests {
        for (ahead, tried_again) in [(-120, true), (400, true), (10, false), (7200, false)] {
            let refused = Step::status(400, r#"{"error":"invalid_client"}"#);
            let refused = refused.with("date", &date(now() + ahead));
            let script = Script::of([refused, Step::ok(TOKEN)]);
            let source = request.clone().build(script.clone()).unwrap();
            let fetched = fetch(&source).await;
            let seen = script.seen();
            if name.is_empty() || !tried_again {
                assert!(fetched.is_err(), "{name} {ahead}");
                assert_eq!(seen.len(), 1, "{name} {ahead}");
                continue;
            }
            fetched.unwrap();
            let claim = |at: usize, claim: &str| {
                let claims = Jws::of(&seen[at].body, name).claims;
                claims[claim].as_i64().unwrap()
            };
            for which in ["iat", "exp"] {
                let moved = claim(1, which) - claim(0, which);
                assert!((moved - ahead).abs() <= 5, "{name} {which} {moved}");
            }
        }
    }
}
