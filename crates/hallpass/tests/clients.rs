//! Clients by name: what a file may say, what it is told when it is wrong, and that it works.

#![cfg(feature = "config")]
#![allow(
    clippy::unwrap_used,
    reason = "clippy sees tests in functions marked as such, and not in those that help them"
)]

use std::{fs, path::PathBuf};

use hallpass::{BearerLayer, Clients, config::Reference, tower::ReplayBody};
use hallpass_testkit::Server;
use http_body_util::Empty;
use tower::{Layer as _, ServiceExt as _};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hallpass-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn refused(text: &str) -> String {
    Clients::from_toml(text).unwrap_err().to_string()
}

/// What `get` says of the only client, which is named `acme`.
fn refused_to_build(settings: &str) -> String {
    let clients = Clients::from_toml(&format!("[clients.acme]\n{settings}")).unwrap();
    clients.get("acme").unwrap_err().to_string()
}

#[tokio::test]
async fn a_client_of_a_file_makes_calls_and_heals() {
    let server = Server::builder()
        .client("my-client", "s3cr3t")
        .start()
        .await;
    let folder = Folder::new("clients-file");
    folder.write("secret", "s3cr3t\n");
    folder.write(
        "acme.toml",
        "token_url = \"{base}/token\"\norigins = [\"{base}\"]\n",
    );
    let file = folder.write(
        "clients.toml",
        &format!(
            "[clients.acme]\nprofile = \"./acme.toml\"\nvars = {{ base = \"{}\" }}\n\
             id = \"my-client\"\nsecret = \"file:secret\"\n",
            server.url()
        ),
    );
    let clients = Clients::from_path(file).unwrap();
    assert_eq!(clients.names().collect::<Vec<_>>(), ["acme"]);
    let cached = clients.get("acme").unwrap();
    assert_eq!(cached.description().name, "acme");
    let layer = BearerLayer::new(cached);
    let client = layer.layer(
        clients
            .http("acme")
            .unwrap()
            .client::<ReplayBody<Empty<bytes::Bytes>>>()
            .unwrap(),
    );
    for _ in 0..2 {
        let request = http::Request::get(format!("{}/items", server.url()))
            .body(Empty::new())
            .unwrap();
        let response = client.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        server.revoke_all();
    }
    // The same name has the same credential.
    clients.get("acme").unwrap().get().await.unwrap();
    assert_eq!(server.journal().token_requests(), 2);
}

#[tokio::test]
async fn an_issuer_finds_the_token_endpoint() {
    let server = Server::start().await;
    let issuer = server.url();
    let metadata = serde_json(&issuer, &server.token_url());
    server
        .api()
        .respond_next(1, 200, &[("content-type", "application/json")], metadata);
    let clients = Clients::from_toml(&format!(
        "[clients.acme]\nissuer = \"{issuer}\"\nid = \"client\"\nsecret = {{ value = \"secret\" }}\n"
    ))
    .unwrap();
    let token = clients.get("acme").unwrap().get().await.unwrap();
    assert!(token.token().is_some());
}

#[tokio::test]
async fn whoever_asks_one_issuer_has_a_name_of_their_own_for_a_store() {
    use hallpass::Identified as _;

    let identity = async |settings: &str, profile: &str| {
        let folder = Folder::new("clients-identity");
        folder.write(
            "as.toml",
            &format!("token_url = \"https://unused.example\"\n{profile}"),
        );
        let file = folder.write(
            "clients.toml",
            &format!(
                "[clients.acme]\nprofile = \"./as.toml\"\nissuer = \"https://as.example\"\n{settings}"
            ),
        );
        let clients = Clients::from_path(file).unwrap();
        let transport = clients.http("acme").unwrap().transport().unwrap();
        let source = clients.config("acme").unwrap().source("acme", transport);
        source.unwrap().identity().await.unwrap()
    };
    let client = "id = { value = 'app' }\nsecret = { value = 'x' }\n";
    let with = |more: &str| format!("{client}{more}");
    let user = |name: &str| {
        with(&format!(
            "username = {{ value = '{name}' }}\npassword = {{ value = 'p' }}"
        ))
    };
    let all = [
        (client.to_owned(), ""),
        (
            "id = { value = 'other' }\nsecret = { value = 'x' }\n".to_owned(),
            "",
        ),
        (with("scope = 'a'"), ""),
        (with("audience = 'a'"), ""),
        (user("alice"), "grant = 'password'"),
        (user("bob"), "grant = 'password'"),
        (with(""), "params = { subject = 'alice' }"),
        (with(""), "params = { subject = 'bob' }"),
        (with(""), "token = 'id_token'"),
        (with(""), "api_headers = { x-user = 'alice' }"),
        (with(""), "api_headers = { x-user = 'bob' }"),
        (
            with("vars = { user = { value = 'alice' } }"),
            "params = { subject = '{user}' }",
        ),
        (
            with("vars = { user = { value = 'bob' } }"),
            "params = { subject = '{user}' }",
        ),
    ];
    let mut seen = std::collections::HashMap::new();
    for (settings, profile) in &all {
        let first = identity(settings, profile).await;
        assert_eq!(
            identity(settings, profile).await,
            first,
            "{settings} {profile}"
        );
        let known = seen.insert(first.as_bytes().to_vec(), (settings, profile));
        assert_eq!(known, None, "{settings} {profile}");
    }
}

#[tokio::test]
async fn a_refresh_token_that_changes_tells_nothing_wherever_the_endpoint_is_from() {
    for place in [
        "issuer = 'https://as.example'",
        "token_url = 'https://as.example/token'",
    ] {
        let folder = Folder::new("clients-refresh");
        folder.write(
            "as.toml",
            "token_url = 'https://unused.example'\ngrant = 'refresh_token'\n",
        );
        let file = folder.write(
            "clients.toml",
            &format!(
                "[clients.acme]\nprofile = './as.toml'\n{place}\nid = {{ value = 'i' }}\nsecret = {{ value = 's' }}\nrefresh_token = {{ value = 'r' }}"
            ),
        );
        let clients = Clients::from_path(file).unwrap();
        let transport = clients.http("acme").unwrap().transport().unwrap();
        let source = clients.config("acme").unwrap().source("acme", transport);
        let error = hallpass::Identified::identity(&source.unwrap())
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("its refresh token changes"),
            "{place}: {error}"
        );
    }
}

fn serde_json(issuer: &str, token_url: &str) -> String {
    format!(r#"{{"issuer": "{issuer}", "token_endpoint": "{token_url}"}}"#)
}

#[tokio::test]
async fn tokens_and_keys_that_need_no_endpoint() {
    let clients = Clients::from_toml(
        r#"
        [clients.fixed]
        token = { value = "abc" }
        origins = "https://api.example.com"

        [clients.key]
        profile = "atlar"
        basic = true
        id = "user"
        secret = { value = "pass" }
        "#,
    )
    .unwrap();
    let fixed = clients.get("fixed").unwrap().get().await.unwrap();
    assert_eq!(fixed.token(), Some("abc"));
    let key = clients.get("key").unwrap();
    assert_eq!(
        key.description().origins.as_ref().unwrap()[0].to_string(),
        "https://api.atlar.com"
    );
    let key = key.get().await.unwrap();
    assert_eq!(key.header_value(), "Basic dXNlcjpwYXNz");
}

#[tokio::test]
async fn a_missing_variable_is_named_with_the_client() {
    let server = Server::start().await;
    let clients = Clients::from_toml(&format!(
        "[clients.acme]\ntoken_url = \"{}\"\nid = \"client\"\nsecret = \"env:HALLPASS_NOT_SET\"",
        server.token_url()
    ))
    .unwrap();
    let error = clients.get("acme").unwrap().get().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable HALLPASS_NOT_SET is not set (needed for the client secret of \"acme\"); next attempt in 30 s"
    );
    assert_eq!(server.journal().token_requests(), 0);
}

#[test]
fn mistakes_name_the_setting() {
    for (text, expected) in [
        ("", "clients: there are none"),
        (
            "[client.acme]",
            "unknown table \"client\": did you mean \"clients\"?",
        ),
        (
            "token_url = 'https://a.example/token'",
            "This looks like a profile",
        ),
        ("[clients", "line 1: "),
        ("clients = 3", "clients: is not a table"),
        ("[clients]\nacme = 3", "clients.acme: is not a table"),
        (
            "[clients.acme]\nsecrt = 'env:X'",
            "clients.acme: unknown setting \"secrt\": did you mean \"secret\"? It is one of profile, ",
        ),
        (
            "[clients.acme]\nsecret = 'hunter2hunter2'",
            "clients.acme.secret: is neither env:NAME nor file:PATH",
        ),
        (
            "[clients.acme]\nsecret = 'env:'",
            "clients.acme.secret: names no environment variable",
        ),
        (
            "[clients.acme]\nsecret = 12345678",
            "clients.acme.secret: is no reference",
        ),
        (
            "[clients.acme]\nsecret = { vlaue = 'hunter2hunter2' }",
            "clients.acme.secret: is a table with something else",
        ),
        (
            "[clients.acme]\nscope = ['hunter2hunter2']",
            "clients.acme.scope: is not a text",
        ),
        (
            "[clients.acme]\ndpop = 'hunter2hunter2'",
            "clients.acme.dpop: is neither true nor false",
        ),
        (
            "[clients.acme]\norigins = [1]",
            "clients.acme.origins: is neither",
        ),
        (
            "[clients.acme]\nvars = 'x'",
            "clients.acme.vars: is not a table",
        ),
        (
            "[clients.acme]\nvars = { realm = 1 }",
            "clients.acme.vars.realm: is no reference",
        ),
        (
            "[clients.acme]\nprofile = 'atlr'",
            "clients.acme.profile: unknown profile \"atlr\": did you mean \"atlar\"?",
        ),
        (
            "[clients.acme]\nprofile = { token_url = 'https://a.example/t', client_auth = 'pots' }",
            "clients.acme.profile: unknown client_auth \"pots\"",
        ),
        (
            "[clients.acme]\nprofile = './nowhere.toml'",
            "clients.acme.profile: ./nowhere.toml can't be read",
        ),
    ] {
        let message = refused(text);
        assert!(message.contains(expected), "{text}\n{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn settings_that_contradict_or_are_missing_are_named() {
    let at = "token_url = 'https://a.example/token'\n";
    for (settings, expected) in [
        ("", "clients.acme.profile: is missing"),
        (
            &format!("{at}id = 'a'\nprivate_key = 'env:X'"),
            "clients.acme.issuer: is missing",
        ),
        ("issuer = 'http://a.example'", "clients.acme.issuer: "),
        (&format!("{at}id = 'a'"), "clients.acme.secret: is missing"),
        (
            &format!("{at}secret = 'env:X'"),
            "clients.acme.id: is missing",
        ),
        (
            &format!("{at}id = 'a'\nsecret = 'env:X'\nprivate_key = 'env:Y'"),
            "clients.acme.private_key: is set beside secret",
        ),
        ("basic = true\nid = 'a'", "clients.acme.secret: is missing"),
        (
            &format!("{at}id = 'a'\nsecret = 'env:X'\ncertificate = 'c.pem'"),
            "clients.acme.certificate_key: is missing",
        ),
        (
            &format!("{at}id = 'a'\nsecret = 'env:X'\nca = 'nowhere.pem'"),
            "clients.acme.ca: nowhere.pem can't be read",
        ),
        ("profile = 'zoom'\nid = 'a'\nsecret = 'env:X'", "account_id"),
        (
            "token = 'env:X'\norigins = ['nowhere']",
            "clients.acme.origins: ",
        ),
    ] {
        let message = refused_to_build(settings);
        assert!(message.contains(expected), "{settings}\n{message}");
        assert!(message.starts_with("clients.acme"), "{message}");
    }
    let clients =
        Clients::from_toml("[clients.atlar]\nprofile = 'atlar'\n[clients.zoom]\n").unwrap();
    let unknown = clients.get("atlr").unwrap_err().to_string();
    assert_eq!(
        unknown,
        "unknown client \"atlr\": did you mean \"atlar\"? It is one of atlar, zoom"
    );
}

#[test]
fn nothing_shows_a_value() {
    let clients = Clients::from_toml(
        "[clients.acme]\nid = 'a'\nsecret = { value = 'hunter2hunter2' }\nvars = { key = 'hunter2hunter2' }",
    )
    .unwrap();
    let shown = format!("{clients:?} {:?}", clients.config("acme").unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    let reference = Reference::value("hunter2hunter2");
    assert!(!format!("{reference:?} {reference}").contains("hunter2"));
}
