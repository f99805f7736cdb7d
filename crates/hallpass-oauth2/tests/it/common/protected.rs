//! A resource, the authorization server of its metadata, and what they answer.

use hallpass_core::{CredentialSource as _, Error, Fetch};
use hallpass_oauth2::{Protected, ProtectedSource};

use super::{Script, Seen, Step, TOKEN};

pub(crate) const RESOURCE: &str = "https://rs.example/mcp";
pub(crate) const WITH_PATH: &str = "https://rs.example/.well-known/oauth-protected-resource/mcp";
pub(crate) const ROOT: &str = "https://rs.example/.well-known/oauth-protected-resource";
pub(crate) const ISSUER: &str = "https://as.example/t1";
pub(crate) const OAUTH: &str = "https://as.example/.well-known/oauth-authorization-server/t1";

pub(crate) fn protected() -> Protected {
    Protected::resource(RESOURCE).client_for(ISSUER, |found| found.client_secret("id", "s3cret"))
}

pub(crate) fn source(script: &Script) -> ProtectedSource {
    protected().source(script.clone()).unwrap()
}

pub(crate) fn document(resource: &str, server: &str) -> Step {
    Step::ok(format!(
        r#"{{"resource":"{resource}","authorization_servers":["{server}"],"scopes_supported":["a","offline_access","b"]}}"#
    ))
}

pub(crate) fn metadata(issuer: &str, endpoint: &str) -> Step {
    Step::ok(format!(
        r#"{{"issuer":"{issuer}","token_endpoint":"{endpoint}","token_endpoint_auth_methods_supported":["client_secret_post"]}}"#
    ))
}

pub(crate) fn right() -> [Step; 3] {
    [
        document(RESOURCE, ISSUER),
        metadata(ISSUER, "https://as.example/token"),
        Step::ok(TOKEN),
    ]
}

pub(crate) fn uris(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.uri.as_str()).collect()
}

/// What a source says to these answers, and what it has asked for.
pub(crate) async fn fails(
    source: Protected,
    steps: impl IntoIterator<Item = Step>,
) -> (Error, Vec<String>) {
    let script = Script::of(steps);
    let source = source.source(script.clone()).unwrap();
    let error = source.fetch(&Fetch::first()).await.unwrap_err();
    let seen = script.seen();
    assert!(
        seen.iter().all(|one| !one.body.contains("s3cret")),
        "no secret"
    );
    (error, seen.into_iter().map(|seen| seen.uri).collect())
}
