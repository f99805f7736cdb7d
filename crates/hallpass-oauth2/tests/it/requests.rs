//! What a token request looks like on the wire, and what is refused before there is one.

use hallpass_oauth2::{ClientCredentials, Secret};

use crate::common::{self, URL, build_error, client, sent};

#[tokio::test]
async fn the_plain_request_is_rfc_6749() {
    let seen = sent(ClientCredentials::at(URL).basic("s6BhdRkqt3", "gX1fBat3bV")).await;
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.uri, URL);
    assert_eq!(seen.body, "grant_type=client_credentials");
    assert_eq!(
        seen.header("authorization"),
        Some("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW")
    );
    assert_eq!(
        seen.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(
        seen.header("user-agent"),
        Some(concat!("hallpass/", env!("CARGO_PKG_VERSION")))
    );
    assert!(seen.headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn basic_in_both_encodings() {
    for (id, secret, encoded, raw) in [
        ("id", "", "aWQ6", Some("aWQ6")),
        ("a:b", "c%d", "YSUzQWI6YyUyNWQ=", None),
        (
            "test",
            "123£",
            "dGVzdDoxMjMlQzIlQTM=",
            Some("dGVzdDoxMjPCow=="),
        ),
        (
            "s6BhdRkqt3",
            "7Fjfp0ZBr1KtDRbnfVdmIw",
            "czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3",
            Some("czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"),
        ),
        (
            "Aladdin",
            "open sesame",
            "QWxhZGRpbjpvcGVuJTIwc2VzYW1l",
            Some("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ),
    ] {
        let seen = sent(ClientCredentials::at(URL).basic(id, secret)).await;
        assert_eq!(
            seen.header("authorization"),
            Some(&*format!("Basic {encoded}")),
            "{id}"
        );
        assert_eq!(seen.body, "grant_type=client_credentials");
        if let Some(raw) = raw {
            let seen = sent(ClientCredentials::at(URL).basic_raw(id, secret)).await;
            assert_eq!(
                seen.header("authorization"),
                Some(&*format!("Basic {raw}")),
                "{id}"
            );
        }
    }
}

#[tokio::test]
async fn a_raw_id_with_a_colon_is_refused_before_it_is_sent() {
    let script = common::Script::default();
    let source = ClientCredentials::at(URL)
        .basic_raw("a:b", "s3cret")
        .build(script.clone())
        .unwrap();
    let error = common::fetch(&source).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "the client id of \"auth.example.com\" holds a colon, which raw Basic can't carry: use basic"
    );
    assert!(script.seen().is_empty());
}

#[tokio::test]
async fn post_puts_both_into_the_form_and_nowhere_else() {
    let seen = sent(ClientCredentials::at(URL).post("my client", "s&c=r%t")).await;
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&client_id=my%20client&client_secret=s%26c%3Dr%25t"
    );
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.uri, URL);
}

#[tokio::test]
async fn the_last_way_to_authenticate_is_the_only_one() {
    let seen = sent(ClientCredentials::at(URL).post("a", "b").basic("c", "d")).await;
    assert_eq!(seen.body, "grant_type=client_credentials");
    assert!(seen.header("authorization").is_some());
    let seen = sent(ClientCredentials::at(URL).basic("c", "d").public("e")).await;
    assert_eq!(seen.body, "grant_type=client_credentials&client_id=e");
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn parameters_keep_their_order_and_empty_ones_stay_out() {
    let seen = sent(
        client()
            .param("tenant", "blue & green")
            .param("nothing", "")
            .scope("accounts.read accounts.write")
            .audience("https://api.example.com")
            .resource("urn:a")
            .resource("urn:b"),
    )
    .await;
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&tenant=blue%20%26%20green\
         &scope=accounts.read%20accounts.write&audience=https%3A%2F%2Fapi.example.com\
         &resource=urn%3Aa&resource=urn%3Ab"
    );
    let seen = sent(client().scope("")).await;
    assert_eq!(seen.body, "grant_type=client_credentials");
    let seen = sent(client().param("grant_type", "account_credentials")).await;
    assert_eq!(seen.body, "grant_type=account_credentials");
}

#[tokio::test]
async fn parameters_in_the_query() {
    let seen = sent(
        ClientCredentials::at("https://auth.example.com/token?tenant=blue")
            .basic("my-client", "s3cret")
            .send_client_id()
            .in_query(),
    )
    .await;
    assert_eq!(seen.method, "POST");
    assert_eq!(
        seen.uri,
        "https://auth.example.com/token?tenant=blue&grant_type=client_credentials&client_id=my-client"
    );
    assert_eq!(seen.body, "");
    assert_eq!(
        seen.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert!(seen.header("authorization").is_some());
}

#[tokio::test]
async fn own_headers_replace_the_usual_ones_and_are_sensitive() {
    let seen = sent(client().header("User-Agent", "acme/1").header("X-Key", "k")).await;
    assert_eq!(seen.header("user-agent"), Some("acme/1"));
    assert_eq!(seen.headers.get_all("user-agent").iter().count(), 1);
    assert!(seen.headers["x-key"].is_sensitive());
}

#[tokio::test]
async fn the_urls_own_query_is_kept() {
    let seen =
        sent(ClientCredentials::at("https://auth.example.com/token?tenant=blue").basic("a", "b"))
            .await;
    assert_eq!(seen.uri, "https://auth.example.com/token?tenant=blue");
}

#[tokio::test]
async fn trailing_whitespace_is_sent_as_it_is() {
    let seen = sent(ClientCredentials::at(URL).post("id", "secret \n")).await;
    assert!(seen.body.ends_with("client_secret=secret%20%0A"));
}

#[test]
fn wrong_settings_are_found_before_anything_is_sent() {
    let at = |url: &str| ClientCredentials::at(url).basic("my-client", "s3cret");
    let relative = "the token URL is not an absolute URL: write https://host/path";
    for (builder, expected) in [
        (
            at("http://auth.example.com/token"),
            "http://auth.example.com would carry the client secret in the clear: use https",
        ),
        (
            at("http://127.0.0.1.evil.example/token"),
            "http://127.0.0.1.evil.example would carry the client secret in the clear: use https",
        ),
        (at("/token"), relative),
        (at("auth.example.com"), relative),
        (at("ftp://auth.example.com/token"), relative),
        (at(""), relative),
        (
            at("https://auth.example.com/to ken"),
            "the token URL holds a space or a line break: remove it, or write %20",
        ),
    ] {
        let message = build_error(builder);
        assert_eq!(message, expected);
        assert!(!message.contains("p4ss") && !message.contains("s3cret"));
    }
}

#[test]
fn what_is_fixed_is_checked_before_anything_is_sent() {
    let at = |url: &str| ClientCredentials::at(url).basic("my-client", "s3cret");
    for (builder, expected) in vec![
        (
            client().scope("a \"b\""),
            "the scope \"a 'b'\" holds a character that no scope may hold (RFC 6749, section 3.3)",
        ),
        (
            client().resource("https://api.example.com/#x"),
            "the resource \"https://api.example.com/#x\" has a fragment (#…): remove it",
        ),
        (
            client().resource("api"),
            "the resource \"api\" is not an absolute URI (RFC 8707, section 2)",
        ),
        (
            client().api_header("x-key", "k3y\n"),
            "the value of the header x-key holds a character that no header may hold",
        ),
        (
            client().attach("x-token", "a\n{token}"),
            "the value of the header x-token holds a character that no header may hold",
        ),
        (
            client().subject_token("a", "b"),
            "\"subject_token\" is set, but the grant is client_credentials",
        ),
        (
            at("https://auth.example.com/token#x"),
            "the token URL has a fragment (#…): remove it",
        ),
        (
            at("https://u:p4ss@auth.example.com/token"),
            "the token URL has user information before its host: pass the id and the secret to the builder",
        ),
        (
            ClientCredentials::at(URL),
            "no client is set: call basic, post, private_key_jwt, mtls or public",
        ),
        (
            ClientCredentials::at(URL).post("a", "b").in_query(),
            "the client secret would stand in the URL: use basic with in_query",
        ),
        (
            client().param("client_secret", "s3cret").in_query(),
            "the parameter \"client_secret\" would stand in the token URL, where logs keep it: send it in the body",
        ),
        (
            at("https://auth.example.com/token?client_secret=s3cret"),
            "the parameter \"client_secret\" would stand in the token URL, where logs keep it: send it in the body",
        ),
        (
            at("https://auth.example.com/token?grant_type=client_credentials"),
            "the parameter \"grant_type\" stands in the token URL's query and would be sent again: remove one",
        ),
        (
            client().param("scope", "a").scope("b"),
            "the parameter \"scope\" is set twice",
        ),
        (
            ClientCredentials::at(URL)
                .post("a", "b")
                .param("client_id", "c"),
            "the parameter \"client_id\" is set twice",
        ),
        (
            client().header("Authorization", "Bearer x"),
            "the header authorization is for the client's authentication: call basic or basic_raw",
        ),
        (
            client().header("Host", "x"),
            "the header host belongs to the transport",
        ),
        (
            client().header("no name", "x"),
            "\"no name\" is not a header's name",
        ),
        (
            client().header("x-key", "a\nb"),
            "the value of the header x-key holds a character that no header may hold",
        ),
        (
            client().attach("x-token", "none"),
            "the form of the API's header has no {token} in it",
        ),
    ] {
        let message = build_error(builder);
        assert_eq!(message, expected);
        assert!(!message.contains("p4ss") && !message.contains("s3cret"));
    }
}

#[test]
fn http_is_fine_on_this_machine_or_when_it_is_dangerous_by_name() {
    for url in [
        "http://127.0.0.1:8080/token",
        "http://127.9.9.9/token",
        "http://[::1]:8080/token",
        "http://LOCALHOST/token",
    ] {
        let builder = ClientCredentials::at(url).basic("a", "b");
        assert!(builder.build(common::Script::default()).is_ok(), "{url}");
    }
    let builder = ClientCredentials::at("http://auth.example.com/token")
        .basic("a", "b")
        .dangerously_allow_http();
    assert!(builder.build(common::Script::default()).is_ok());
}

#[tokio::test]
async fn a_missing_variable_is_named_with_its_use() {
    let source = ClientCredentials::at(URL)
        .name("atlar")
        .basic("id", Secret::env("HALLPASS_TEST_NEVER_SET"))
        .build(common::Script::default())
        .unwrap();
    let error = common::fetch(&source).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "environment variable HALLPASS_TEST_NEVER_SET is not set (needed for the client secret of \"atlar\")"
    );
}
