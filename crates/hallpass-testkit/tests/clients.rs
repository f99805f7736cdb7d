//! Whose requests arrive, and whose tokens are good.

mod common;

use common::{FORM, GRANT, basic, call, send};
use hallpass_testkit::Server;

async fn token_of(server: &Server, id: &str, secret: &str) -> String {
    let basic = basic(id, secret);
    let headers = [("authorization", &*basic), ("content-type", FORM)];
    let got = send("POST", &server.token_url(), &headers, GRANT).await;
    got.json()["access_token"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn two() -> hallpass_testkit::Builder {
    Server::builder().client("acme", "a").client("initech", "b")
}

#[tokio::test]
async fn the_journal_tells_whose_token_a_request_carried() {
    let server = two().start().await;
    let acme = token_of(&server, "acme", "a").await;
    let initech = token_of(&server, "initech", "b").await;
    token_of(&server, "acme", "wrong").await;
    for token in [&acme, &initech, &acme] {
        let got = call(&server, token, "/x").await.json();
        assert_eq!(
            got["client"],
            if *token == acme { "acme" } else { "initech" }
        );
    }
    // What the answer is makes no difference.
    server.api().reject_next(1).route_with("/mine", |entry| {
        hallpass_testkit::RouteAnswer::from(serde_json::json!(entry.client()))
    });
    assert_eq!(call(&server, &acme, "/x").await.status, 401);
    assert_eq!(call(&server, &initech, "/mine").await.json(), "initech");
    assert_eq!(call(&server, &initech, "/forbidden").await.status, 403);
    server.revoke(&acme);
    call(&server, &acme, "/x").await;
    call(&server, "guess", "/x").await;

    let journal = server.journal();
    let tokens: Vec<_> = journal.tokens().map(|entry| entry.client()).collect();
    assert_eq!(tokens, [Some("acme"), Some("initech"), None]);
    let api: Vec<_> = journal.api().map(|entry| entry.client()).collect();
    let (acme, initech) = (Some("acme"), Some("initech"));
    let living = [acme, initech, acme, acme, initech, initech];
    assert_eq!(api[..6], living);
    assert_eq!(api[6..], [None, None]);
}

#[tokio::test]
async fn tokens_are_accepted_while_they_live() {
    let server = two().start().await;
    let acme = token_of(&server, "acme", "a").await;
    let initech = token_of(&server, "initech", "b").await;
    assert!(server.accepts(&acme) && server.accepts(&initech));
    assert!(!server.accepts("guess") && !server.accepts(""));
    server.revoke(&acme);
    assert!(!server.accepts(&acme) && server.accepts(&initech));
    server.revoke_all();
    assert!(!server.accepts(&initech));
    server.set_replication_lag(std::time::Duration::from_secs(60));
    let early = token_of(&server, "acme", "a").await;
    assert!(!early.is_empty() && !server.accepts(&early));
}
