//! Each system accepts its documented request and refuses the others' shapes.

mod common;

use common::{FORM, GRANT, ask, basic, call, claims, send, token};
use hallpass_testkit::{BasicEncoding, Role, Server, System};

async fn start(system: System) -> Server {
    Server::builder().system(system).start().await
}

async fn post_form(server: &Server, body: &str) -> common::Got {
    send(
        "POST",
        &server.token_url(),
        &[("content-type", FORM)],
        body.to_owned(),
    )
    .await
}

const POSTED: &str = "grant_type=client_credentials&client_id=client&client_secret=secret";

async fn ask_atomic(server: &Server, id: &str, secret: &str) -> common::Got {
    let url = format!("{}?{GRANT}&client_id={id}", server.token_url());
    send(
        "POST",
        &url,
        &[
            ("authorization", &basic(id, secret)),
            ("content-type", FORM),
        ],
        "",
    )
    .await
}

#[tokio::test]
async fn generic_takes_either_way_but_not_both() {
    let server = Server::start().await;
    let got = ask(
        &server,
        "client",
        "secret",
        "grant_type=client_credentials&scope=a+b",
    )
    .await;
    assert_eq!(got.json()["scope"], "a b");
    assert_eq!(got.json()["expires_in"], 3600);
    assert_eq!(got.header("cache-control"), Some("no-store"));
    assert_eq!(post_form(&server, POSTED).await.status, 200);

    let both = ask(&server, "client", "secret", POSTED).await;
    assert_eq!(
        (both.status, both.json()["error"].as_str()),
        (400, Some("invalid_request"))
    );

    let wrong = ask(&server, "client", "guess", GRANT).await;
    assert_eq!(
        (wrong.status, wrong.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );
    assert!(
        wrong
            .header("www-authenticate")
            .is_some_and(|value| value.starts_with("Basic"))
    );

    assert_eq!(
        ask(&server, "client", "secret", "").await.json()["error"],
        "invalid_request"
    );
    let other = ask(&server, "client", "secret", "grant_type=password").await;
    assert_eq!(other.json()["error"], "unsupported_grant_type");
    let get = send("GET", &server.token_url(), &[], "").await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    let twice = ask(&server, "client", "secret", &format!("{GRANT}&{GRANT}")).await;
    assert_eq!(twice.status, 400);
}

#[tokio::test]
async fn generic_decodes_both_halves_of_basic() {
    let server = Server::builder().client("a:b", "c%d é").start().await;
    assert_eq!(
        ask(&server, "a%3Ab", "c%25d+%C3%A9", GRANT).await.status,
        200
    );
    assert_eq!(ask(&server, "a:b", "c%d é", GRANT).await.status, 401);
}

#[tokio::test]
async fn atlar_takes_basic_and_the_grant_alone() {
    let server = start(System::Atlar).await;
    let got = ask(&server, "client", "secret", GRANT).await;
    assert_eq!(got.json()["expires_in"], 300);
    let token = got.json()["access_token"]
        .as_str()
        .map(str::to_owned)
        .expect("a token");
    assert_eq!(claims(&token)["sub"], "client");

    assert_eq!(
        ask(
            &server,
            "client",
            "secret",
            "grant_type=client_credentials&scope=a"
        )
        .await
        .status,
        400
    );
    let posted = post_form(&server, POSTED).await;
    assert_eq!(posted.json()["status"], 401);
    assert!(posted.json()["message"].is_string());
    let newer = format!("{}/iam/v2/oauth2/token", server.url());
    let headers = [
        ("authorization", &*basic("client", "secret")),
        ("content-type", FORM),
    ];
    assert_eq!(send("POST", &newer, &headers, GRANT).await.status, 200);

    let accounts = call(&server, &token, "/financial-data/v2/accounts").await;
    assert_eq!(accounts.json()["nextToken"], "");
    assert_eq!(
        call(&server, &token, "/financial-data/v2/transactions")
            .await
            .status,
        403
    );
    let unknown = call(&server, "guess", "/financial-data/v2/accounts").await;
    assert_eq!(
        (unknown.status, unknown.header("www-authenticate")),
        (401, None)
    );
}

#[tokio::test]
async fn atlar_takes_basic_on_the_api_and_others_do_not() {
    for (system, status) in [
        (System::Atlar, 200),
        (System::Generic, 401),
        (System::Unnamed, 401),
    ] {
        let server = start(system).await;
        let url = format!("{}/financial-data/v2/accounts", server.url());
        let got = send(
            "GET",
            &url,
            &[("authorization", &basic("client", "secret"))],
            "",
        )
        .await;
        assert_eq!(got.status, status, "{system:?}");
    }
}

#[tokio::test]
async fn is2_takes_basic_in_its_own_realm() {
    let server = Server::builder()
        .system(System::Is2)
        .realm("my realm")
        .start()
        .await;
    assert!(
        server
            .token_url()
            .ends_with("/auth/realms/my%20realm/protocol/openid-connect/token")
    );
    let got = ask(&server, "client", "secret", GRANT).await;
    assert_eq!(got.json()["expires_in"], 3600);
    assert_eq!(got.json()["not-before-policy"], 0);
    assert_eq!(post_form(&server, POSTED).await.status, 401);

    let elsewhere = format!(
        "{}/auth/realms/other/protocol/openid-connect/token",
        server.url()
    );
    let headers = [
        ("authorization", &*basic("client", "secret")),
        ("content-type", FORM),
    ];
    let lost = send("POST", &elsewhere, &headers, GRANT).await;
    assert_eq!(
        (lost.status, lost.json()["error"].as_str()),
        (404, Some("Realm does not exist"))
    );
    assert_eq!(server.journal().token_requests(), 3);
    assert_eq!(
        call(&server, &token(&server).await, "/api/v1/accountreports")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn ataccama_takes_the_form_body_only() {
    let server = start(System::Ataccama).await;
    let got = post_form(&server, POSTED).await;
    assert_eq!(got.json()["expires_in"], 300);
    let token = got.json()["access_token"]
        .as_str()
        .map(str::to_owned)
        .expect("a token");
    let tables = call(&server, &token, "/api/reference-data/v1/tables").await;
    assert_eq!(tables.json()["meta"]["total"], 1);

    assert_eq!(ask(&server, "client", "secret", GRANT).await.status, 401);
    assert_eq!(ask(&server, "client", "secret", POSTED).await.status, 401);
    let wrong = post_form(
        &server,
        "grant_type=client_credentials&client_id=client&client_secret=x",
    )
    .await;
    assert_eq!(wrong.status, 401);
    assert_eq!(
        wrong.json()["error_description"],
        "Invalid client or Invalid client credentials"
    );
    let typed = send(
        "POST",
        &server.token_url(),
        &[("content-type", "application/json")],
        "{}",
    )
    .await;
    assert_eq!(typed.status, 415);
}

#[tokio::test]
async fn atomic_takes_the_query_and_an_empty_body() {
    let server = start(System::Atomic).await;
    assert_eq!(server.clients().len(), 3);
    assert_eq!(
        ask_atomic(&server, "auth-client", "auth-secret")
            .await
            .json()["expires_in"],
        3600
    );
    let wrong = ask_atomic(&server, "auth-client", "x").await;
    assert_eq!(
        (wrong.status, wrong.json()["error"].as_str()),
        (400, Some("invalid_client"))
    );

    let in_body = ask(&server, "auth-client", "auth-secret", GRANT).await;
    assert_eq!(
        (in_body.status, in_body.json()["error"].as_str()),
        (400, Some("invalid_request"))
    );
    let auth = basic("auth-client", "auth-secret");
    let mismatch = format!("{}?{GRANT}&client_id=events-client", server.token_url());
    let headers = [("authorization", &*auth), ("content-type", FORM)];
    assert_eq!(send("POST", &mismatch, &headers, "").await.status, 400);
    let untyped = format!("{}?{GRANT}&client_id=auth-client", server.token_url());
    assert_eq!(
        send("POST", &untyped, &[("authorization", &auth)], "")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn atomic_separates_roles_and_wants_a_user_agent() {
    let server = start(System::Atomic).await;
    let paths = [
        (Role::Auth, "/v1/environments"),
        (Role::Auth, "/v1/1/credentials"),
        (Role::Workbench, "/v1/1/sns-platforms"),
        (Role::Events, "/v1/1/cards"),
    ];
    for client in server.clients() {
        let got = ask_atomic(&server, &client.id, &client.secret).await;
        let token = got.json()["access_token"]
            .as_str()
            .map(str::to_owned)
            .expect("a token");
        for (role, path) in paths {
            let status = if client.role == Some(role) { 200 } else { 403 };
            assert_eq!(
                call(&server, &token, path).await.status,
                status,
                "{client:?} {path}"
            );
        }
        let url = format!("{}/v1/environments", server.url());
        let got = send(
            "GET",
            &url,
            &[("authorization", &format!("Bearer {token}"))],
            "",
        )
        .await;
        assert_eq!(got.status, 400);
    }
}

#[tokio::test]
async fn atomic_limits_the_rate_of_token_requests() {
    let server = Server::builder()
        .system(System::Atomic)
        .rate_limit(2, std::time::Duration::from_secs(30))
        .start()
        .await;
    for status in [200, 200, 429] {
        let got = ask_atomic(&server, "auth-client", "auth-secret").await;
        assert_eq!(got.status, status);
        assert_eq!(got.header("retry-after").is_some(), status == 429);
    }
}

#[tokio::test]
async fn unnamed_answers_in_its_own_order() {
    let server = Server::builder()
        .system(System::Unnamed)
        .client("clé:1", "s+/=")
        .start()
        .await;
    let got = ask(&server, "cl%C3%A9%3A1", "s%2B%2F%3D", GRANT).await;
    let text = got.text();
    let order = ["token_type", "expires_in", "access_token"].map(|name| text.find(name));
    assert!(order.is_sorted() && order[0].is_some(), "{order:?}");
    assert!(
        got.json()["access_token"]
            .as_str()
            .is_some_and(|token| token.ends_with('='))
    );
    assert_eq!(ask(&server, "clé:1", "s+/=", GRANT).await.status, 401);
    assert_eq!(post_form(&server, POSTED).await.status, 401);

    let raw = Server::builder()
        .system(System::Unnamed)
        .client("clé", "s+/=")
        .basic_encoding(BasicEncoding::Raw)
        .start()
        .await;
    assert_eq!(ask(&raw, "clé", "s+/=", GRANT).await.status, 200);
}
