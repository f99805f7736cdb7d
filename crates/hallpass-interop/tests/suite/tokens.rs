//! A token by each way to say who the client is.

use hallpass::{Cached, oauth2::transport::Transport as _};
use serde_json::Value;

use crate::{
    kinds::Kind,
    kit::{
        ACCENTS, BASIC, COLON, POST, Pair, SPECIAL, TTL, Way, ask, built, grant, refusal,
        token_request, transport, url, usual,
    },
};

at_each_server!(
    plain_clients,
    special_characters,
    scope_and_lifetime,
    what_the_server_says
);

async fn plain_clients(kind: &'static Kind) {
    let server = kind.running();
    for (way, pair) in [
        (Way::Encoded, BASIC),
        (Way::Raw, BASIC),
        (Way::Body, BASIC),
        (Way::Body, POST),
    ] {
        let source = built(grant(url(&server, kind.token), way, pair).scope("read"));
        let credential = ask(&source).await.unwrap();
        assert_eq!(credential.scope(), Some("read"), "{way:?} {pair:?}");
        assert!(credential.header_value().is_sensitive());
    }
}

/// What is to become of a client whose id or secret holds characters that encodings change.
enum Outcome {
    Token,
    Refused,
    /// Before anything is sent.
    Unsendable,
}

fn outcome(kind: &Kind, way: Way, (id, _): Pair) -> Outcome {
    match way {
        Way::Raw if id.contains(':') => Outcome::Unsendable,
        Way::Encoded if !kind.decodes_basic => Outcome::Refused,
        Way::Raw if kind.decodes_basic => Outcome::Refused,
        Way::Encoded | Way::Raw | Way::Body => Outcome::Token,
    }
}

async fn special_characters(kind: &'static Kind) {
    let server = kind.running();
    let mut pairs = vec![SPECIAL, COLON];
    if kind.beyond_ascii {
        pairs.push(ACCENTS);
    }
    for pair in pairs {
        for way in [Way::Encoded, Way::Raw, Way::Body] {
            let (id, secret) = pair;
            let grant = grant(url(&server, kind.token), way, pair).scope("read");
            let outcome = match outcome(kind, way, pair) {
                Outcome::Token => {
                    let credential = ask(&built(grant)).await;
                    assert_eq!(credential.unwrap().scope(), Some("read"), "{way:?} {id}");
                    continue;
                }
                refused => refused,
            };
            let error = refusal(grant).await;
            let message = error.to_string();
            let permanent = kind.names_refusals || matches!(outcome, Outcome::Unsendable);
            assert_eq!(error.is_permanent(), permanent, "{way:?} {message}");
            assert!(!message.contains(secret), "{message}");
            if matches!(outcome, Outcome::Unsendable) {
                assert!(message.contains("colon"), "{message}");
                assert!(message.contains("use basic"), "{message}");
            } else {
                let shown: String = id
                    .chars()
                    .map(|char| if char.is_ascii() { char } else { '?' })
                    .collect();
                let whom = format!("refused client \"{shown}\" (");
                assert!(message.contains(&whom), "{way:?} {message}");
                assert!(message.contains("): check "), "{way:?} {message}");
                let other = match way {
                    Way::Raw => "basic",
                    _ if id.contains(':') => "post",
                    _ => "basic_raw",
                };
                assert!(message.ends_with(&format!(", try {other}")), "{message}");
            }
        }
    }
}

async fn scope_and_lifetime(kind: &'static Kind) {
    let server = kind.running();
    let cached = Cached::new(built(usual(kind, &server).scope("read write")));
    let credential = cached.get().await.unwrap();
    assert_eq!(credential.scope(), Some("read write"));
    // The engine keeps a twentieth back, and a server may have counted down by a second.
    let left = cached.stats().time_left.unwrap();
    assert!(left <= TTL.mul_f64(0.95), "{left:?}");
    assert!(left >= TTL.mul_f64(0.8), "{left:?}");

    match kind.no_scope {
        None => {
            ask(&built(usual(kind, &server).scope(""))).await.unwrap();
        }
        Some(reason) => {
            let error = refusal(usual(kind, &server).scope("")).await;
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}

/// The facts behind the rest, past everything of Hallpass but its transport.
async fn what_the_server_says(kind: &'static Kind) {
    let server = kind.running();
    let request = token_request(&url(&server, kind.token));
    let answer = transport().send(request, TTL).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(body["token_type"], kind.token_type);
    assert_eq!(body["scope"], "read");
    let seconds = body["expires_in"].as_u64().unwrap();
    assert!((TTL.as_secs() - 1..=TTL.as_secs()).contains(&seconds));
}
