//! Identities that a platform gives: every step's request, and what comes of each answer.

use std::{fs, time::Duration};

use hallpass_core::CredentialSource as _;
use hallpass_oauth2::{
    Chain, Key, Static,
    cloud::{
        AzureManagedIdentity, EntraWorkloadIdentity, GceMetadata, GithubActions, GithubApp,
        KubernetesToken,
    },
    transport::Phase,
};
use serde_json::{Value, json};

use crate::common::{Script, Step, TOKEN, fetch, jws, refused, token, value};

#[tokio::test]
async fn github_apps_sign_and_ask_for_what_they_need() {
    let script = Script::of([Step::status(
        201,
        r#"{"token":"ghs_t0ken","expires_at":"2999-01-01T00:00:00Z"}"#,
    )]);
    let source = GithubApp::new("Iv23li", "42", Key::from_pem(jws::RSA).unwrap())
        .api("https://github.example.com/api/v3")
        .repositories(["service"])
        .permissions([("contents", "read")])
        .build(script.clone())
        .unwrap();
    assert_eq!(value(&source).await, "Bearer ghs_t0ken");
    let origins = source.description().origins.unwrap();
    assert_eq!(origins[0].to_string(), "https://github.example.com");
    let seen = script.only();
    assert_eq!(
        seen.uri,
        "https://github.example.com/api/v3/app/installations/42/access_tokens"
    );
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        body,
        json!({"repositories": ["service"], "permissions": {"contents": "read"}})
    );
    let signed = seen
        .header("authorization")
        .unwrap()
        .strip_prefix("Bearer ");
    let jwt = jws::Jws::read(signed.unwrap());
    assert!(jwt.verifies());
    assert_eq!(jwt.claim("iss"), "Iv23li");
    assert!(jwt.lifetime() <= 600);
}

#[tokio::test]
async fn a_projected_file_is_read_at_each_fetch() {
    let path = std::env::temp_dir().join(format!("hallpass-cloud-{}", std::process::id()));
    let script = Script::of([Step::ok(TOKEN), Step::ok(TOKEN), refused("invalid_client")]);
    let file = hallpass_oauth2::Secret::file(&path);
    let source =
        EntraWorkloadIdentity::new("contoso", "app-id", file, "https://graph.microsoft.com")
            .build(script.clone())
            .unwrap();
    for assertion in ["hdr.pay.sig", "hdr.new.sig"] {
        fs::write(&path, assertion).unwrap();
        fetch(&source).await.unwrap();
    }
    // An unchanged file is not tried twice.
    assert!(fetch(&source).await.unwrap_err().is_permanent());
    let seen = script.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(
        seen[0].body,
        "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=hdr.pay.sig&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default&client_id=app-id"
    );
    assert!(seen[1].body.contains("client_assertion=hdr.new.sig"));
    fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn workflows_and_pods_ask_for_an_audience() {
    let script = Script::of([
        Step::ok(r#"{"value":"h.p.s"}"#),
        Step::status(
            201,
            r#"{"status":{"token":"h.q.s","expirationTimestamp":"2999-01-01T00:00:00Z"}}"#,
        ),
    ]);
    let url = "https://pipelines.actions.githubusercontent.com/abc//idtoken/1/2?api-version=2.0";
    let run = GithubActions::at(url, "reqtok", "api://x")
        .build(script.clone())
        .unwrap();
    assert_eq!(value(&run).await, "Bearer h.p.s");
    let pod = KubernetesToken::new("shop", "robot")
        .own_token("own")
        .audiences(["one", "two"])
        .lifetime(Duration::from_secs(600))
        .build(script.clone())
        .unwrap();
    assert_eq!(value(&pod).await, "Bearer h.q.s");
    let seen = script.seen();
    assert_eq!(seen[0].uri, format!("{url}&audience=api%3A%2F%2Fx"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer reqtok"));
    let body: Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(
        body["spec"],
        json!({"audiences": ["one", "two"], "expirationSeconds": 600})
    );
}

fn flavoured(step: Step) -> Step {
    step.with("metadata-flavor", "Google")
}

#[tokio::test(start_paused = true)]
async fn a_metadata_server_is_looked_for_once() {
    let script = Script::of([
        flavoured(Step::ok("computeMetadata/")),
        flavoured(token("one")),
        flavoured(token("two")),
    ]);
    let source = GceMetadata::new().build(script.clone()).unwrap();
    assert_eq!(value(&source).await, "Bearer one");
    assert_eq!(value(&source).await, "Bearer two");
    let seen = script.seen();
    assert_eq!(seen[0].uri, "http://169.254.169.254/");
    assert_eq!(seen[0].limit, Duration::from_secs(1));
    for seen in &seen {
        assert_eq!(seen.header("metadata-flavor"), Some("Google"));
    }

    // Once it was there, being down is no absence.
    let script = Script::of([
        flavoured(Step::ok("")),
        flavoured(token("one")),
        Step::status(500, ""),
    ]);
    let source = GceMetadata::new().build(script.clone()).unwrap();
    let both = Chain::of(source).or(Static::bearer("other").unwrap());
    assert_eq!(value(&both).await, "Bearer one");
    assert!(fetch(&both).await.unwrap_err().is_transient());
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_metadata_server_a_chain_goes_on() {
    let google = |script: &Script| GceMetadata::new().build(script.clone()).unwrap();
    for absence in [
        Step::Fail(Phase::Connect),
        Step::Hang,
        Step::status(200, "<html>somebody else"),
    ] {
        let script = Script::of([absence]);
        let chain = Chain::of(google(&script)).or(Static::bearer("other").unwrap());
        assert_eq!(value(&chain).await, "Bearer other");
        assert_eq!(script.seen().len(), 1);
    }
    let script = Script::of([Step::Hang]);
    let error = fetch(&google(&script)).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "no metadata server at 169.254.169.254 within 1 s"
    );

    for missing in [
        GithubActions::from_env("x")
            .build(Script::default())
            .unwrap(),
        EntraWorkloadIdentity::from_env("x")
            .build(Script::default())
            .unwrap(),
    ] {
        let chain = Chain::of(missing).or(Static::bearer("other").unwrap());
        assert_eq!(value(&chain).await, "Bearer other");
    }
}

#[test]
fn metadata_servers_are_at_addresses_that_stay_on_the_machine() {
    for endpoint in [
        "http://metadata.google.internal",
        "http://203.0.113.1",
        "https://169.254.169.254",
        "169.254.169.254",
        "http://evil.example/169.254.169.254",
        "http://169.254.169.254.evil.example",
    ] {
        let google = GceMetadata::new()
            .endpoint(endpoint)
            .build(Script::default());
        let azure = AzureManagedIdentity::for_resource("x")
            .metadata_service(endpoint)
            .build(Script::default());
        for refused in [google, azure] {
            assert!(refused.unwrap_err().is_permanent(), "{endpoint}");
        }
    }
    for endpoint in ["http://[fd20:ce::254]", "http://127.0.0.1:8080"] {
        let google = GceMetadata::new()
            .endpoint(endpoint)
            .build(Script::default());
        assert!(google.is_ok(), "{endpoint}");
    }
}

#[tokio::test]
async fn azure_gives_identities_in_two_ways() {
    let script = Script::of([Step::status(400, ""), token("vm")]);
    let source = AzureManagedIdentity::for_resource("https://vault.azure.net")
        .metadata_service("http://169.254.169.254")
        .client_id("c")
        .build(script.clone())
        .unwrap();
    assert_eq!(value(&source).await, "Bearer vm");
    let seen = script.seen();
    assert_eq!(seen[0].header("metadata"), None);
    assert_eq!(seen[1].header("metadata"), Some("true"));
    assert_eq!(
        seen[1].uri,
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net&client_id=c"
    );

    let script = Script::of([Step::status(401, ""), token("app")]);
    let source = AzureManagedIdentity::for_resource("https://vault.azure.net")
        .app_service("http://169.254.130.2:8081/msi/token", "h3ader")
        .build(script.clone())
        .unwrap();
    assert_eq!(value(&source).await, "Bearer app");
    let seen = script.seen();
    assert_eq!(seen[0].header("x-identity-header"), None);
    assert_eq!(seen[1].header("x-identity-header"), Some("h3ader"));
}
