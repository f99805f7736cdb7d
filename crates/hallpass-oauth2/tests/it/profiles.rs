//! Vendors as data: the profiles that ship, and those that people write.

use std::{fs, time::Duration};

use hallpass_core::CredentialSource as _;
use hallpass_oauth2::{ClientAuth, Profile, TokenRequest};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::common::{Script, Step, TOKEN, build_error, fetch, lifetime, sent};

fn client(profile: &Profile) -> TokenRequest {
    profile.client("my-client", "s3cret")
}

#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
fn named(name: &str) -> Profile {
    Profile::named(name).unwrap()
}

fn full(name: &str) -> Profile {
    let profile = named(name);
    match name {
        "is2" => profile.var("realm", "acme"),
        "ataccama" => profile.var("environment", "blue").var("realm", "acme"),
        "atomic" => profile
            .var("token_url", "https://auth.example.com/oauth2/token")
            .var("org_id", "12"),
        "oauth-v2" => profile.var("base_url", "https://api.example.com/"),
        "generic" => profile.var("token_url", "https://auth.example.com/t"),
        _ => profile,
    }
}

#[tokio::test]
async fn each_profile_asks_as_its_vendor_wants() {
    let grant = "grant_type=client_credentials";
    let posted = "grant_type=client_credentials&client_id=my-client&client_secret=s3cret";
    let keycloak = "auth/realms/acme/protocol/openid-connect/token";
    for (name, uri, basic, body, origins) in [
        (
            "atlar",
            "https://api.atlar.com/iam/v2beta/oauth2/token".to_owned(),
            true,
            grant,
            Some("https://api.atlar.com"),
        ),
        ("is2", format!("https://auth.is2.app/{keycloak}"), true, grant, Some("https://api.is2.app")),
        (
            "ataccama",
            format!("https://blue.ataccama.one/{keycloak}"),
            false,
            posted,
            Some("https://blue.ataccama.one"),
        ),
        (
            "atomic",
            "https://auth.example.com/oauth2/token?grant_type=client_credentials&client_id=my-client"
                .to_owned(),
            true,
            "",
            Some("https://12.customer-api.atomic.io"),
        ),
        ("oauth-v2", "https://api.example.com/oauth/v2/token".to_owned(), true, grant, None),
        ("generic", "https://auth.example.com/t".to_owned(), true, grant, None),
    ] {
        let script = Script::of([Step::ok(TOKEN)]);
        let source = client(&full(name)).build(script.clone()).unwrap();
        fetch(&source).await.unwrap();
        let seen = script.only();
        assert_eq!(seen.uri, uri, "{name}");
        assert_eq!(seen.body, body, "{name}");
        assert_eq!(seen.header("authorization").is_some(), basic, "{name}");
        assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
        let description = source.description();
        assert_eq!(description.name, name);
        let found = description.origins.map(|origins| origins[0].to_string());
        assert_eq!(found.as_deref(), origins, "{name}");
    }
}

#[tokio::test]
async fn constant_headers_come_with_the_profile() {
    for (name, header, value) in [
        ("atlar", "accept", "application/json"),
        ("atomic", "user-agent", "hallpass"),
    ] {
        let source = client(&full(name))
            .build(Script::of([Step::ok(TOKEN)]))
            .unwrap();
        let credential = fetch(&source).await.unwrap();
        let mut headers = HeaderMap::new();
        credential
            .attach(&Method::GET, &Uri::from_static("/"), &mut headers)
            .unwrap();
        assert_eq!(headers[header], value);
    }
}

#[tokio::test]
async fn is2_reads_the_end_from_the_token_too() {
    let body =
        r#"{"access_token":"h.eyJleHAiOjc4NDExMTgzN30.s","token_type":"Bearer","expires_in":3600}"#;
    let step = Step::ok(body).with("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let source = client(&full("is2")).build(Script::of([step])).unwrap();
    let credential = fetch(&source).await.unwrap();
    assert_eq!(lifetime(&credential), Some(Duration::from_secs(60)));
}

#[test]
fn variables_must_have_a_value_and_a_place() {
    for (profile, expected) in [
        (
            named("is2"),
            "profile \"is2\" needs the variable \"realm\" (the realm's name in the token URL)",
        ),
        (
            named("atomic").var("org_id", "12"),
            "profile \"atomic\" needs the variable \"token_url\" (the whole OAuth URL, from the workbench)",
        ),
        (
            named("is2").var("relm", "acme"),
            "profile \"is2\" has no variable \"relm\"; it has realm",
        ),
        (
            named("atlar").var("realm", "acme"),
            "profile \"atlar\" has no variable \"realm\": it has none",
        ),
        (
            named("ataccama")
                .var("environment", "evil.example/")
                .var("realm", "x"),
            "profile \"ataccama\" has its variable \"environment\" in a host name: its value may hold letters, digits, - and . only",
        ),
        (
            named("is2").var("realm", ".."),
            "profile \"is2\" has its variable \"realm\" in a path: its value can't be empty, . or ..",
        ),
        (
            named("generic").var("token_url", "http://auth.example.com/t"),
            "http://auth.example.com would carry the client secret in the clear: use https",
        ),
    ] {
        assert_eq!(build_error(client(&profile)), expected);
    }
    let error = Profile::named("atlas").unwrap_err().to_string();
    let start = "there is no profile \"atlas\"; one of adobe-umapi, airwallex, ";
    assert!(error.starts_with(start), "{error}");
}

#[tokio::test]
async fn url_and_origins_can_be_replaced() {
    let profile = named("is2")
        .var("realm", "acme")
        .token_url("http://127.0.0.1:1234/token")
        .origins(["http://127.0.0.1:1234"]);
    let script = Script::of([Step::ok(TOKEN)]);
    let source = client(&profile).build(script.clone()).unwrap();
    fetch(&source).await.unwrap();
    assert_eq!(script.only().uri, "http://127.0.0.1:1234/token");
    assert_eq!(
        source.description().origins.unwrap()[0].to_string(),
        "http://127.0.0.1:1234"
    );
    let atomic = named("atomic")
        .token_url("http://127.0.0.1:1234/token")
        .origins(["http://127.0.0.1:1235"]);
    assert!(client(&atomic).build(Script::default()).is_ok());
}

#[tokio::test]
async fn three_lines_are_a_profile() {
    let profile = Profile::from_toml(
        "token_url = \"https://{tenant}.acme.example/oauth/token\"\n\
         client_auth = \"post\"\n\
         origins = [\"https://{tenant}.acme.example\"]\n",
    )
    .unwrap()
    .var("tenant", "blue");
    assert_eq!(profile.client_auth, ClientAuth::Post);
    let seen = sent(client(&profile)).await;
    assert_eq!(seen.uri, "https://blue.acme.example/oauth/token");
}

#[tokio::test]
async fn every_field_does_what_it_says() {
    let profile = Profile::from_toml(
        r#"
        name = "acme"
        documentation = "https://acme.example/docs"
        token_url = "https://acme.example/{realm}/token"
        client_auth = "basic-raw"
        encoding = "form"
        send_client_id = true
        scope = "{realm}.read"
        audience = "urn:{realm}"
        resource = ["urn:a", "urn:b"]
        token_type_optional = true
        expiry = ["jwt"]
        default_lifetime = 55
        header = "x-acme-token"
        header_value = "Acme {token}"
        api_headers = { x-tenant = "{realm}" }
        origins = ["https://api.acme.example"]

        [params]
        zebra = "1"
        grant_type = "account_credentials"
        account_id = "{realm}"

        [token_headers]
        x-application = "app-{realm}"

        [variables]
        realm = "your realm"
        "#,
    )
    .unwrap()
    .var("realm", "blue");
    let script = Script::of([Step::ok(r#"{"access_token":"t","expires_in":300}"#)]);
    let source = client(&profile).build(script.clone()).unwrap();
    let credential = fetch(&source).await.unwrap();
    let seen = script.only();
    assert_eq!(seen.uri, "https://acme.example/blue/token");
    assert_eq!(
        seen.body,
        "zebra=1&grant_type=account_credentials&account_id=blue&scope=blue.read&audience=urn%3Ablue\
         &resource=urn%3Aa&resource=urn%3Ab&client_id=my-client"
    );
    assert_eq!(seen.header("x-application"), Some("app-blue"));
    assert_eq!(credential.header_value(), "Acme t");
    assert_eq!(lifetime(&credential), Some(Duration::from_secs(55)));
    assert_eq!(source.description().header, "x-acme-token");
    let mut headers = HeaderMap::new();
    credential
        .attach(&Method::GET, &Uri::from_static("/"), &mut headers)
        .unwrap();
    assert_eq!(headers["x-tenant"], "blue");
    assert_eq!(source.description().beside, ["x-tenant"]);
}

/// A request to Atlar that asks for another format would else go without its token.
#[tokio::test]
async fn a_constant_header_yields_to_the_requests_own() {
    for (name, header) in [("atlar", "accept"), ("atomic", "user-agent")] {
        let profile = Profile::named(name)
            .unwrap()
            .token_url("https://a.example/");
        let profile = profile.origins(["https://a.example"]);
        let answer = r#"{"access_token":"t","token_type":"Bearer","expires_in":300}"#;
        let source = client(&profile)
            .build(Script::of([Step::ok(answer)]))
            .unwrap();
        assert_eq!(source.description().beside.len(), 0, "{name}");
        let credential = fetch(&source).await.unwrap();
        let own = HeaderValue::from_static("own");
        let mut headers = HeaderMap::from_iter([(HeaderName::from_static(header), own)]);
        assert!(!credential.is_on(&headers), "{name}");
        credential
            .attach(&Method::GET, &Uri::from_static("/"), &mut headers)
            .unwrap();
        assert_eq!(headers[header], "own", "{name}");
        assert_eq!(headers["authorization"], "Bearer t", "{name}");
    }
}

#[test]
fn mistakes_in_a_file_are_found_by_line() {
    let auth = "unknown client_auth \"pots\"; one of none, basic, basic-raw, basic-base64, post, client-secret-jwt, private-key-jwt, tls, custom";
    for (text, expected) in [
        (
            "\ntoken_url = \"https://a/t\"\nclient_auth = \"pots\"\n",
            format!("profile:3: {auth}"),
        ),
        (
            "token_url = \"https://a/t\"\nencoding = \"xml\"",
            "profile:2: unknown encoding \"xml\"; one of form, json, query, none".to_owned(),
        ),
        (
            "token_url = \"https://a/t\"\nexpiry = [\"exp\"]",
            "profile:2: unknown expiry \"exp\"; one of expires_in, jwt".to_owned(),
        ),
        (
            "token_url = 3",
            "profile:1: token_url: invalid type: integer `3`, expected a string".to_owned(),
        ),
        ("name = \"a\"", "profile: token_url is missing".to_owned()),
        (
            "name = \"a\"\ntoken_url = \"https://a/{\"",
            "profile:2: token_url has a template with a brace that has no partner".to_owned(),
        ),
    ] {
        assert_eq!(Profile::from_toml(text).unwrap_err().to_string(), expected);
    }
    for (text, expected) in [
        (
            "token_url = \"https://a/t\"\ntoken_uri = \"x\"",
            "profile:2: unknown field `token_uri`",
        ),
        (
            "token_url = \"https://a/t\"\n\ntoken_url = \"x\"",
            "profile:3: ",
        ),
        ("token_url = \"https://a/t", "profile:1: "),
        (
            "token_url = \"https://a/t\"\n[token_headers]\na = 1",
            "profile:3: a: invalid type",
        ),
        (
            "token_url = \"https://a/t\"\ndefault_lifetime = -1",
            "profile:2: default_lifetime: ",
        ),
        (
            "token_url = \"https://a/t\"\nvalues = {}",
            "profile:2: unknown field `values`",
        ),
    ] {
        let found = Profile::from_toml(text).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{found}");
        assert!(!found.contains('\n'));
    }
}

#[test]
fn a_file_is_named_in_its_mistakes_and_names_its_profile() {
    let folder = std::env::temp_dir().join(format!("hallpass-profiles-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("acme.toml");
    fs::write(
        &path,
        "# Acme\ntoken_url = \"https://a/t\"\nclient_auth = \"pots\"\n",
    )
    .unwrap();
    assert_eq!(
        Profile::from_toml_file(&path).unwrap_err().to_string(),
        "acme.toml:3: unknown client_auth \"pots\"; one of none, basic, basic-raw, basic-base64, post, client-secret-jwt, private-key-jwt, tls, custom"
    );
    fs::write(&path, "token_url = \"https://a/t\"").unwrap();
    assert_eq!(Profile::from_toml_file(&path).unwrap().name, "acme");
    fs::remove_dir_all(&folder).unwrap();
    let error = Profile::from_toml_file(&path).unwrap_err();
    assert!(error.to_string().ends_with("acme.toml can't be read"));
    assert!(error.is_permanent());
}
