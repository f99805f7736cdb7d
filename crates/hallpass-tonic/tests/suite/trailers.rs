//! A refusal in real trailers, after messages.

use crate::common::{EchoClient, Issuer, Refuse, Server, message, start, tokens};
use hallpass_core::Cached;
use hallpass_tonic::{BearerChannel, bearer};
use tonic::{Code, Status};

async fn repeat(client: &mut EchoClient<BearerChannel>) -> (usize, Result<(), Status>) {
    let mut answers = client.repeat(message("a")).await.unwrap().into_inner();
    let mut count = 0;
    loop {
        match answers.message().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, Ok(())),
            Err(status) => return (count, Err(status)),
        }
    }
}

#[tokio::test]
async fn it_is_returned_and_the_next_call_has_another_credential() {
    let server = Server::start().await;
    let cached = Cached::new(Issuer::new());
    let mut client = EchoClient::new(bearer(server.endpoint(), cached.clone()));
    assert!(matches!(repeat(&mut client).await, (3, Ok(()))));
    server.gate.refuse(Refuse::Late);
    server.gate.revoke();
    let (count, outcome) = repeat(&mut client).await;
    assert_eq!(
        (count, outcome.unwrap_err().code()),
        (2, Code::Unauthenticated)
    );
    assert_eq!(server.gate.calls(), 2, "nothing is replayed");
    // The replacement comes though nobody has asked for it.
    assert_eq!(cached.get().await.unwrap().generation(), 2);
    assert!(matches!(repeat(&mut client).await, (3, Ok(()))));
    assert_eq!(
        server.gate.bearers(),
        tokens(["token-1", "token-1", "token-2"])
    );
    assert_eq!(cached.stats().fetches, 2);
}

#[tokio::test]
async fn a_late_one_for_an_old_credential_costs_nothing() {
    let (server, issuer, mut client) = start().await;
    client.unary(message("first")).await.unwrap();
    server.gate.refuse(Refuse::Late);
    server.gate.revoke();
    let mut slow = client.repeat(message("a")).await.unwrap().into_inner();
    let (_, outcome) = repeat(&mut client).await;
    outcome.unwrap_err();
    client.unary(message("a")).await.unwrap();
    while let Ok(Some(_)) = slow.message().await {}
    client.unary(message("a")).await.unwrap();
    assert_eq!(issuer.fetches(), 2);
}

/// The token requests of a hundred calls to a server that refuses every token.
async fn refused_by_everybody(how: Refuse) -> usize {
    let (server, issuer, mut client) = start().await;
    client.unary(message("a")).await.unwrap();
    server.gate.refuse(how);
    server.gate.refuse_everybody();
    for _ in 0..100 {
        match client.repeat(message("a")).await {
            Ok(answers) => {
                let mut answers = answers.into_inner();
                while let Ok(Some(_)) = answers.message().await {}
            }
            Err(status) => assert_eq!(status.code(), Code::Unauthenticated),
        }
    }
    issuer.fetches()
}

#[tokio::test]
async fn a_server_that_refuses_everybody_costs_as_little_wherever_it_says_so() {
    let at_once = refused_by_everybody(Refuse::AtOnce).await;
    assert!(at_once <= 3, "{at_once}");
    let in_trailers = refused_by_everybody(Refuse::InTrailers).await;
    assert!(in_trailers <= 3, "{in_trailers}");
}

#[tokio::test]
async fn a_status_that_says_nothing_of_the_credential_is_no_acceptance() {
    let (server, issuer, mut client) = start().await;
    client.unary(message("a")).await.unwrap();
    server.gate.refuse_everybody();
    for _ in 0..10 {
        server.gate.refuse(Refuse::Down);
        let status = client.unary(message("a")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        server.gate.refuse(Refuse::AtOnce);
        client.unary(message("a")).await.unwrap_err();
    }
    assert!(issuer.fetches() <= 3, "{}", issuer.fetches());
}

#[tokio::test]
async fn a_message_is_an_acceptance() {
    let (server, issuer, mut client) = start().await;
    client.unary(message("a")).await.unwrap();
    for fetches in 2..6 {
        server.gate.revoke();
        assert!(matches!(repeat(&mut client).await, (3, Ok(()))));
        assert_eq!(issuer.fetches(), fetches);
    }
}
