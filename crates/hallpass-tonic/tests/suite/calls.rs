//! The four kinds of calls, and what each refusal leads to.

use std::sync::Arc;

use crate::common::{EchoClient, Issuer, Refuse, Server, message, start, tokens};
use hallpass_core::{Attempt, Cached, Credential, NoCredential};
use hallpass_tonic::bearer;
use tokio_stream::{self as stream, StreamExt as _};
use tonic::{Code, Request, metadata::MetadataValue};

type Client = EchoClient<hallpass_tonic::BearerChannel>;

async fn one_of_each(client: &mut Client) {
    let answer = client.unary(message("a")).await.unwrap();
    assert_eq!(answer.into_inner(), message("a"));
    let parts = stream::iter(["a", "b", "c"].map(message));
    let answer = client.collect(parts).await.unwrap();
    assert_eq!(answer.into_inner(), message("abc"));
    let answers = client.repeat(message("a")).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    assert_eq!(answers, vec![message("a"); 3]);
    let parts = stream::iter(["a", "b"].map(message));
    let answers = client.chat(parts).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    assert_eq!(answers, ["a", "b"].map(message));
}

#[tokio::test]
async fn all_four_kinds_carry_one_credential() {
    let (server, issuer, mut client) = start().await;
    one_of_each(&mut client).await;
    assert_eq!(server.gate.bearers(), tokens(["token-1"; 4]));
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn each_kind_is_replayed_after_a_refusal_at_once() {
    for how in [Refuse::AtOnce, Refuse::InTrailers, Refuse::Http401] {
        let server = Server::start().await;
        let issuer = Issuer::new();
        let channel = bearer(server.endpoint(), Arc::clone(&issuer));
        let channel = if how == Refuse::InTrailers {
            channel
        } else {
            channel.replay_client_streams()
        };
        let mut client = EchoClient::new(channel);
        client.unary(message("first")).await.unwrap();
        server.gate.refuse(how);
        // Refused in trailers, only calls of one message are sent again.
        let (first, last) = ("a", if how == Refuse::InTrailers { "" } else { "bc" });
        for kind in 0..4 {
            server.gate.revoke();
            match kind {
                0 => drop(client.unary(message("a")).await.unwrap()),
                1 => {
                    let parts = if last.is_empty() {
                        vec![first]
                    } else {
                        vec![first, "b", "c"]
                    };
                    let parts = stream::iter(parts.into_iter().map(message));
                    let answer = client.collect(parts).await.unwrap();
                    assert_eq!(answer.into_inner(), message(format!("{first}{last}")));
                }
                2 => drop(client.repeat(message("a")).await.unwrap()),
                _ => {
                    let parts = if last.is_empty() {
                        vec![first]
                    } else {
                        vec![first, "b"]
                    };
                    let sent = stream::iter(parts.clone().into_iter().map(message));
                    let answers = client.chat(sent).await.unwrap().into_inner();
                    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
                    let parts: Vec<_> = parts.into_iter().map(message).collect();
                    assert_eq!(answers, parts, "{how:?}");
                }
            }
        }
        let one_two = ["token-1", "token-1", "token-2", "token-2", "token-3"];
        let rest = ["token-3", "token-4", "token-4", "token-5"];
        assert_eq!(
            server.gate.bearers(),
            [tokens(one_two), tokens(rest)].concat()
        );
        assert_eq!(issuer.fetches(), 5, "{how:?}");
    }
}

#[tokio::test]
async fn a_replay_is_told_of() {
    let (server, _, mut client) = start().await;
    let answer = client.unary(message("a")).await.unwrap();
    let attempt = *answer.extensions().get::<Attempt>().unwrap();
    assert!((attempt.generation, attempt.waited, attempt.replayed) == (1, true, false));
    server.gate.revoke();
    let answer = client.unary(message("a")).await.unwrap();
    let attempt = *answer.extensions().get::<Attempt>().unwrap();
    assert!((attempt.generation, attempt.replayed) == (2, true));
}

/// Waits for the replacement of a token that was refused.
async fn replaced(cached: &Cached) {
    assert_eq!(cached.get().await.unwrap().generation(), 2);
}

#[tokio::test]
async fn more_than_the_limit_is_returned_and_the_credential_still_dropped() {
    let server = Server::start().await;
    let issuer = Issuer::new();
    let cached = Cached::new(Arc::clone(&issuer));
    let channel = bearer(server.endpoint(), cached.clone()).replay_limit(100);
    let mut client = EchoClient::new(channel);
    client.unary(message("first")).await.unwrap();
    server.gate.revoke();
    let status = client.unary(message("x".repeat(1000))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "no valid token");
    replaced(&cached).await;
    client.unary(message("x".repeat(1000))).await.unwrap();
    assert_eq!(
        server.gate.bearers(),
        tokens(["token-1", "token-1", "token-2"])
    );
}

#[tokio::test]
async fn a_stream_past_the_limit_is_returned_and_the_credential_still_dropped() {
    let server = Server::start().await;
    let cached = Cached::new(Issuer::new());
    let channel = bearer(server.endpoint(), cached.clone())
        .replay_client_streams()
        .replay_limit(1500);
    let mut client = EchoClient::new(channel);
    client.unary(message("first")).await.unwrap();
    server.gate.revoke();
    let parts = || stream::iter([message("x".repeat(1000)), message("x".repeat(1000))]);
    let status = client.collect(parts()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    replaced(&cached).await;
    client.collect(parts()).await.unwrap();
    assert_eq!(
        server.gate.bearers(),
        tokens(["token-1", "token-1", "token-2"])
    );
}

#[tokio::test]
async fn a_stream_goes_on_after_its_replay() {
    let server = Server::start().await;
    let channel = bearer(server.endpoint(), Issuer::new()).replay_client_streams();
    let mut client = EchoClient::new(channel);
    client.unary(message("first")).await.unwrap();
    server.gate.revoke();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.send(message("before")).await.unwrap();
    let parts = stream::wrappers::ReceiverStream::new(receiver);
    let mut answers = client.chat(parts).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap(), Some(message("before")));
    sender.send(message("after")).await.unwrap();
    assert_eq!(answers.message().await.unwrap(), Some(message("after")));
    drop(sender);
    assert_eq!(answers.message().await.unwrap(), None);
    assert_eq!(
        server.gate.bearers(),
        tokens(["token-1", "token-1", "token-2"])
    );
}

#[tokio::test]
async fn a_stream_that_the_server_has_read_is_sent_once() {
    let (server, issuer, mut client) = start().await;
    client.unary(message("first")).await.unwrap();
    for round in 1..3 {
        server.gate.refuse(Refuse::AfterReading);
        server.gate.revoke();
        let calls = server.gate.calls();
        let parts = stream::iter(["a", "b"].map(message));
        let status = client.collect(parts).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
        assert_eq!(status.message(), "no valid token");
        assert_eq!(server.gate.calls(), calls + 1, "{round}");
        // Two messages of three bytes behind their prefixes, once.
        assert_eq!(server.gate.read(), 16 * round);
        server.gate.refuse(Refuse::AtOnce);
        // The next call has another credential.
        client.unary(message("b")).await.unwrap();
    }
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn a_call_of_one_message_is_sent_again_also_after_it_was_read() {
    let (server, _, mut client) = start().await;
    client.unary(message("first")).await.unwrap();
    server.gate.refuse(Refuse::AfterReading);
    server.gate.revoke();
    client.unary(message("a")).await.unwrap();
    server.gate.revoke();
    drop(client.repeat(message("a")).await.unwrap());
    assert_eq!(server.gate.calls(), 5);
}

#[tokio::test]
async fn without_replay_the_credential_is_only_dropped() {
    let server = Server::start().await;
    let channel = bearer(server.endpoint(), Issuer::new()).without_replay();
    let mut client = EchoClient::new(channel);
    client.unary(message("a")).await.unwrap();
    server.gate.revoke();
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    client.unary(message("a")).await.unwrap();
    assert_eq!(
        server.gate.bearers(),
        tokens(["token-1", "token-1", "token-2"])
    );
}

#[tokio::test]
async fn a_second_refusal_is_returned() {
    let (server, issuer, mut client) = start().await;
    client.unary(message("a")).await.unwrap();
    server.gate.refuse_everybody();
    for _ in 0..5 {
        let status = client.unary(message("a")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn permission_denied_keeps_the_credential() {
    let (server, issuer, mut client) = start().await;
    server.gate.refuse(Refuse::Forbidden);
    for _ in 0..2 {
        let status = client.unary(message("a")).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
    assert_eq!((issuer.fetches(), server.gate.calls()), (1, 2));
}

#[tokio::test]
async fn a_predicate_can_call_it_a_rejection() {
    let server = Server::start().await;
    let issuer = Issuer::new();
    let channel = bearer(server.endpoint(), Arc::clone(&issuer))
        .rejected_when(|_, headers| headers.get("grpc-status").is_some_and(|code| code == "7"));
    let mut client = EchoClient::new(channel);
    server.gate.refuse(Refuse::Forbidden);
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(server.gate.bearers(), tokens(["token-1", "token-2"]));
}

#[tokio::test]
async fn a_callers_own_metadata_is_left_alone() {
    let (server, issuer, mut client) = start().await;
    let mut request = Request::new(message("a"));
    request
        .metadata_mut()
        .insert("authorization", MetadataValue::from_static("Bearer mine"));
    client.unary(request).await.unwrap();
    assert_eq!(server.gate.bearers(), tokens(["mine"]));
    server.gate.revoke();
    let mut request = Request::new(message("a"));
    request
        .metadata_mut()
        .insert("authorization", MetadataValue::from_static("Bearer mine"));
    let status = client.unary(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!((issuer.fetches(), server.gate.calls()), (0, 2));

    let channel = bearer(server.endpoint(), Arc::clone(&issuer)).override_existing();
    let mut request = Request::new(message("a"));
    request
        .metadata_mut()
        .insert("authorization", MetadataValue::from_static("Bearer mine"));
    EchoClient::new(channel).unary(request).await.unwrap();
    assert_eq!(server.gate.bearers()[2].as_deref(), Some("token-1"));
}

#[tokio::test]
async fn a_request_can_decide_for_itself() {
    let (server, issuer, mut client) = start().await;
    let mut request = Request::new(message("a"));
    request.extensions_mut().insert(NoCredential);
    let status = client.unary(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!((server.gate.bearers(), issuer.fetches()), (vec![None], 0));

    let tenant = Credential::bearer("tenant").unwrap().never_expires();
    let mut request = Request::new(message("a"));
    request.extensions_mut().insert(Cached::new(tenant));
    client.unary(request).await.unwrap();
    assert_eq!(server.gate.bearers()[1].as_deref(), Some("tenant"));
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn interceptors_fit_above_it() {
    let server = Server::start().await;
    let channel = bearer(server.endpoint(), Issuer::new());
    let mut client = EchoClient::with_interceptor(channel, |mut request: Request<()>| {
        request
            .metadata_mut()
            .insert("x-team", MetadataValue::from_static("blue"));
        Ok(request)
    });
    client.unary(message("a")).await.unwrap();
    assert_eq!(server.gate.headers()[0]["x-team"], "blue");
    assert_eq!(server.gate.bearers(), tokens(["token-1"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_after_a_revocation_cost_one_token() {
    let (server, issuer, mut client) = start().await;
    client.unary(message("first")).await.unwrap();
    server.gate.revoke();
    let calls: Vec<_> = (0..1000)
        .map(|number| {
            let mut client = client.clone();
            tokio::spawn(async move {
                let text = number.to_string();
                let answer = client.unary(message(&text)).await.unwrap();
                assert_eq!(answer.into_inner(), message(text));
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(issuer.fetches(), 2);
    server.gate.bearers();
}
