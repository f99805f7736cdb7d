//! Google's credential files, and one identity in another's place.

use std::{fs, time::Duration};

use hallpass_core::Error;
use hallpass_oauth2::{
    cloud::{CloudSource, GoogleCredentials, GoogleImpersonation},
    token_type,
};
use serde_json::{Value, json};

use crate::common::{Script, Step, client, fetch, jws, token, value};

#[tokio::test]
async fn impersonation_stands_on_another_identity() {
    let script = Script::of([
        token("own"),
        Step::ok(r#"{"accessToken":"ya29.other","expireTime":"2999-01-01T00:00:00Z"}"#),
    ]);
    let own = client().build(script.clone()).unwrap();
    let source = GoogleImpersonation::of("robot@p.iam.gserviceaccount.com")
        .scopes(["https://a.example/one", "https://a.example/two"])
        .delegates(["between@p.iam.gserviceaccount.com"])
        .lifetime(Duration::from_secs(600))
        .build(own, script.clone())
        .unwrap();
    assert_eq!(value(&source).await, "Bearer ya29.other");
    let seen = &script.seen()[1];
    assert_eq!(
        seen.uri,
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/robot%40p.iam.gserviceaccount.com:generateAccessToken"
    );
    assert_eq!(seen.header("authorization"), Some("Bearer own"));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        body,
        json!({
            "scope": ["https://a.example/one", "https://a.example/two"],
            "delegates": ["projects/-/serviceAccounts/between@p.iam.gserviceaccount.com"],
            "lifetime": "600s",
        })
    );
}

fn subject(body: &str) -> String {
    jws::param(body, "subject_token").unwrap()
}

fn google(json: &Value, script: &Script) -> Result<CloudSource, Error> {
    GoogleCredentials::from_json(&json.to_string())?.build(script.clone())
}

#[tokio::test]
async fn a_file_of_an_authorized_user_refreshes() {
    let script = Script::of([token("user")]);
    let file = json!({
        "type": "authorized_user", "client_id": "i", "client_secret": "s",
        "refresh_token": "r", "quota_project_id": "p",
    });
    let credential = fetch(&google(&file, &script).unwrap()).await.unwrap();
    let mut headers = http::HeaderMap::new();
    credential
        .attach(
            &http::Method::GET,
            &http::Uri::from_static("/"),
            &mut headers,
        )
        .unwrap();
    assert_eq!(headers["authorization"], "Bearer user");
    assert_eq!(headers["x-goog-user-project"], "p");
    let seen = script.only();
    assert_eq!(seen.uri, "https://oauth2.googleapis.com/token");
    assert_eq!(
        jws::param(&seen.body, "refresh_token").as_deref(),
        Some("r")
    );
    assert_eq!(
        jws::param(&seen.body, "client_secret").as_deref(),
        Some("s")
    );
}

#[tokio::test]
async fn external_accounts_exchange_and_impersonate() {
    let path = std::env::temp_dir().join(format!("hallpass-subject-{}", std::process::id()));
    let audience =
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x";
    let file = |source: Value| {
        json!({
            "type": "external_account", "audience": audience,
            "subject_token_type": token_type::JWT,
            "token_url": "https://sts.googleapis.com/v1/token",
            "service_account_impersonation_url":
                "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/r@p.iam.gserviceaccount.com:generateAccessToken",
            "credential_source": source,
        })
    };
    let last = || Step::ok(r#"{"accessToken":"ya29.last","expireTime":"2999-01-01T00:00:00Z"}"#);

    fs::write(&path, r#"{"id.token":"subject"}"#).unwrap();
    let source = json!({
        "file": path,
        "format": {"type": "json", "subject_token_field_name": "id.token"},
    });
    let script = Script::of([token("sts"), last()]);
    assert_eq!(
        value(&google(&file(source), &script).unwrap()).await,
        "Bearer ya29.last"
    );
    let seen = script.seen();
    assert_eq!(seen[0].uri, "https://sts.googleapis.com/v1/token");
    assert_eq!(subject(&seen[0].body), "subject");
    assert_eq!(
        jws::param(&seen[0].body, "audience").as_deref(),
        Some(audience)
    );
    assert_eq!(
        jws::param(&seen[0].body, "scope").as_deref(),
        Some("https://www.googleapis.com/auth/cloud-platform")
    );
    assert_eq!(seen[1].header("authorization"), Some("Bearer sts"));
    fs::remove_file(&path).unwrap();

    let source = json!({"url": "http://169.254.169.254/token", "headers": {"metadata": "{x}"}});
    let script = Script::of([Step::ok("from-url"), token("sts"), last()]);
    assert_eq!(
        value(&google(&file(source), &script).unwrap()).await,
        "Bearer ya29.last"
    );
    let seen = script.seen();
    assert_eq!(seen[0].uri, "http://169.254.169.254/token");
    assert_eq!(seen[0].header("metadata"), Some("{x}"));
    assert_eq!(subject(&seen[1].body), "from-url");

    for (source, expected) in [
        (json!({"executable": {"command": "/bin/x"}}), "is a program"),
        (json!({"environment_id": "aws1"}), "is AWS"),
        (json!({}), "names neither a file nor a URL"),
        (json!({"url": "http://idp.example/token"}), "in the clear"),
    ] {
        let error = google(&file(source), &Script::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn hosts_that_a_file_names_are_pinned() {
    let external = |token_url: &str| {
        json!({
            "type": "external_account", "audience": "a", "subject_token_type": "t",
            "token_url": token_url, "credential_source": {"file": "/nowhere"},
        })
    };
    for url in [
        "https://evil.example/",
        "https://googleapis.com.evil.example/",
        "https://evilgoogleapis.com/",
        "http://sts.googleapis.com/v1/token",
    ] {
        let error = google(&external(url), &Script::default()).unwrap_err();
        assert!(
            error.to_string().contains("\"token_url\" leads to"),
            "{url}"
        );
    }
    assert!(
        google(
            &external("https://sts.googleapis.com/v1/token"),
            &Script::default()
        )
        .is_ok()
    );
    let elsewhere = external("https://sts.s3nsapis.fr/v1/token").to_string();
    let allowed = GoogleCredentials::from_json(&elsewhere).unwrap();
    assert!(allowed.clone().build(Script::default()).is_err());
    assert!(
        allowed
            .universe("s3nsapis.fr")
            .build(Script::default())
            .is_ok()
    );

    for json in [
        "",
        "{}",
        r#"{"type":"gdch_service_account"}"#,
        r#"{"type":"authorized_user"}"#,
    ] {
        let error = GoogleCredentials::from_json(json).unwrap_err();
        assert!(error.is_permanent());
    }
}

#[tokio::test]
async fn a_file_can_impersonate_by_another() {
    let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/r@p.iam.gserviceaccount.com:generateAccessToken";
    let user = json!({
        "type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r",
    });
    let file = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": url,
        "source_credentials": user,
        "delegates": [],
    });
    let script = Script::of([
        token("user"),
        Step::ok(r#"{"accessToken":"ya29.r","expireTime":"2999-01-01T00:00:00Z"}"#),
    ]);
    assert_eq!(
        value(&google(&file, &script).unwrap()).await,
        "Bearer ya29.r"
    );
    assert_eq!(script.seen()[1].uri, url);

    let nested = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": url,
        "source_credentials": file,
    });
    assert!(google(&nested, &Script::default()).is_err());
}
