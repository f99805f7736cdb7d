//! The SDK against a server that has Atlar's manners.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{error::Error as _, time::Duration};

use atlar_example::{Account, Atlar, TransferRequest, blocking};
use futures_util::{StreamExt as _, TryStreamExt as _};
use hallpass_testkit::{Server, System};
use serde_json::json;

async fn server() -> Server {
    let server = Server::builder().system(System::Atlar).start().await;
    server
        .api()
        .route_with("GET /financial-data/v2/accounts", |request| {
            let account = |id| json!({"id": id, "name": "Operating", "currency": "EUR"});
            match request.parameter("token").as_deref() {
                None | Some("") => {
                    json!({"items": [account("1"), account("2")], "nextToken": "b&c"})
                }
                Some("b&c") => json!({"items": [], "nextToken": "d"}),
                Some(_) => json!({"items": [account("3")], "nextToken": ""}),
            }
        })
        .route_with("POST /payments/v2/credit-transfers", |request| {
            match (request.header("idempotency-key"), request.json()) {
                (Some(key), Some(body)) if body["amount"] == 100 => {
                    (201, json!({"id": format!("transfer-{key}")}))
                }
                _ => (400, json!({"message": "no key or no amount"})),
            }
        });
    server
}

fn atlar(server: &Server) -> Atlar {
    let builder = Atlar::builder().base_url(server.url());
    builder.credentials("client", "secret").build().unwrap()
}

fn transfer() -> TransferRequest {
    TransferRequest {
        source: "1".to_owned(),
        destination: "2".to_owned(),
        amount: 100,
        currency: "EUR".to_owned(),
    }
}

fn ids(accounts: &[Account]) -> Vec<&str> {
    accounts.iter().map(|account| &*account.id).collect()
}

#[tokio::test]
async fn pages_follow_each_other_and_a_revocation_between_them_heals() {
    let server = server().await;
    let atlar = atlar(&server);
    let mut pages = atlar.accounts().limit(2);
    assert_eq!(ids(&pages.next_page().await.unwrap().unwrap()), ["1", "2"]);
    server.revoke_all();
    assert_eq!(pages.next_page().await.unwrap().unwrap(), []);
    assert_eq!(ids(&pages.next_page().await.unwrap().unwrap()), ["3"]);
    assert_eq!(pages.next_page().await.unwrap(), None);
    let journal = server.journal();
    assert_eq!(
        (journal.token_requests(), journal.api_with_status(401)),
        (2, 1)
    );
    assert!(
        journal
            .api()
            .all(|call| call.parameter("limit").as_deref() == Some("2"))
    );
}

#[tokio::test]
async fn a_stream_has_all_pages_and_ends_with_an_error() {
    let server = server().await;
    let atlar = atlar(&server);
    let all: Vec<Account> = atlar.accounts().into_stream().try_collect().await.unwrap();
    assert_eq!(ids(&all), ["1", "2", "3"]);

    let endless = json!({"items": [], "nextToken": "again"});
    server
        .api()
        .route("GET /financial-data/v2/accounts", endless);
    let found: Vec<_> = atlar.accounts().into_stream().collect().await;
    assert_eq!(found.len(), 1);
    let error = found[0].as_ref().unwrap_err();
    assert_eq!(
        error.to_string(),
        "Atlar's pages lead back to one that was there before"
    );
}

#[tokio::test]
async fn a_transfer_is_made_once_under_its_key() {
    let server = server().await;
    let atlar = atlar(&server);
    server.api().reject_next(1).fail_next(1, 503);
    let made = atlar.create_transfer(transfer()).idempotency_key("k-1");
    assert_eq!(made.send().await.unwrap().id, "transfer-k-1");
    let journal = server.journal();
    let keys: Vec<_> = journal
        .api()
        .map(|call| call.header("idempotency-key"))
        .collect();
    assert_eq!(keys, [Some("k-1"); 3], "refused, failed, made");
    assert_eq!(journal.duplicates("idempotency-key"), 0);

    // Its own keys differ, and stay with the transfer.
    let (one, other) = (
        atlar.create_transfer(transfer()),
        atlar.create_transfer(transfer()),
    );
    let (first, second) = (one.send().await.unwrap(), other.send().await.unwrap());
    assert_ne!(first.id, second.id);
    assert_eq!(one.send().await.unwrap().id, first.id);
}

#[tokio::test]
async fn many_callers_share_one_token() {
    let server = server().await;
    let atlar = atlar(&server);
    let calls = (0..50).map(|_| {
        let atlar = atlar.clone();
        tokio::spawn(async move { atlar.accounts().next_page().await.is_ok() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap());
    }
    assert_eq!(server.journal().token_requests(), 1);
}

#[tokio::test]
async fn basic_asks_for_no_token() {
    let server = server().await;
    let builder = Atlar::builder().base_url(server.url()).basic();
    let atlar = builder.credentials("client", "secret").build().unwrap();
    assert!(atlar.accounts().next_page().await.unwrap().is_some());
    let journal = server.journal();
    assert_eq!(journal.token_requests(), 0);
    let call = journal.api().next().unwrap();
    assert_eq!(
        call.header("authorization"),
        Some("Basic Y2xpZW50OnNlY3JldA==")
    );
}

#[tokio::test]
async fn errors_say_what_to_do_and_no_secret() {
    let server = server().await;
    let builder = Atlar::builder().base_url(server.url());
    let builder = builder.credentials("client", "hunter2");
    assert!(!format!("{builder:?}").contains("hunter2"));
    let atlar = builder.build().unwrap();
    let error = atlar.accounts().next_page().await.unwrap_err();
    assert!(
        error
            .credential()
            .is_some_and(hallpass::Error::is_permanent)
    );
    let said = format!("{error} {error:?} {atlar:?} {}", error.source().unwrap());
    assert!(said.contains("there is no credential for Atlar"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    let atlar = self::atlar(&server);
    server.api().fail_next(1, 400);
    let error = atlar.accounts().next_page().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Atlar answered 400 Bad Request: failed on purpose"
    );
    let empty = json!({"items": "none"});
    server.api().route("GET /financial-data/v2/accounts", empty);
    let error = atlar.accounts().next_page().await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(200));

    let unset = Atlar::builder().build().unwrap_err();
    assert_eq!(
        unset.to_string(),
        "no credentials are set: call credentials"
    );
    let token = atlar.credential().get().await.unwrap();
    assert!(!format!("{atlar:?}").contains(token.token().unwrap()));
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_over() {
    let server = server().await;
    let builder = Atlar::builder()
        .base_url(server.url())
        .timeout(Duration::from_millis(300));
    let atlar = builder.credentials("client", "secret").build().unwrap();
    server.api().hang_next(1);
    let error = atlar.accounts().next_page().await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(atlar.accounts().next_page().await.is_ok());
}

#[test]
fn plain_threads_may_call() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(server());
    let atlar = blocking::Atlar::new(atlar(&server)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let accounts: Result<Vec<_>, _> = atlar.accounts().collect();
                assert_eq!(ids(&accounts.unwrap()), ["1", "2", "3"]);
            });
        }
    });
    server.revoke_all();
    assert_eq!(atlar.transfer(transfer(), "k").unwrap().id, "transfer-k");
    assert_eq!(server.journal().token_requests(), 2);
}
