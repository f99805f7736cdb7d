//! A small adapter: the protocol of one request with a server that a test plays.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of this"
)]

use hallpass_core::{
    Attempt, Authorizer, Error, Resend,
    adapter::{Admission, Answer as Seen, Attached, Exchange, Next},
};
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION,
};

use crate::common::{HOUR, Source, cached};

pub const URI: &str = "https://api.example/items";

/// What a server answers: a status and one header.
pub type Answer = (u16, Option<(&'static str, &'static str)>);

pub const OK: Answer = (200, None);
pub const BARE: Answer = (401, None);

/// What came of one request through a small adapter.
#[derive(Debug)]
pub struct Outcome {
    pub status: u16,
    /// The `Authorization` of each time that it was sent.
    pub sent: Vec<Option<String>>,
    pub attempt: Option<Attempt>,
}

/// Does what every adapter does, with a server that is told how often it was asked.
pub async fn send(
    authorizer: &Authorizer,
    given: &HeaderMap,
    replayable: bool,
    server: impl Fn(usize, &HeaderMap) -> Answer,
) -> Result<Outcome, Error> {
    let mut sent = Vec::new();
    let mut ask = |headers: &HeaderMap| {
        let authorization = headers.get_all(AUTHORIZATION);
        assert!(authorization.iter().count() <= 1, "one header at most");
        let text = headers.get(AUTHORIZATION);
        sent.push(text.map(|value| value.to_str().unwrap().to_owned()));
        let (status, header) = server(sent.len(), headers);
        let headers = header.map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        (
            StatusCode::from_u16(status).unwrap(),
            HeaderMap::from_iter(headers),
        )
    };
    send_with(authorizer, given, &Extensions::new(), replayable, &mut ask)
        .await
        .map(|(status, attempt)| Outcome {
            status: status.as_u16(),
            sent,
            attempt,
        })
}

pub async fn send_with(
    authorizer: &Authorizer,
    given: &HeaderMap,
    extensions: &Extensions,
    replayable: bool,
    ask: &mut impl FnMut(&HeaderMap) -> (StatusCode, HeaderMap),
) -> Result<(StatusCode, Option<Attempt>), Error> {
    let (method, uri) = (Method::POST, Uri::from_static(URI));
    let mut headers = given.clone();
    let mut exchange = match authorizer.admit(&uri, &headers, extensions) {
        Admission::Pass(_) => return Ok((ask(&headers).0, None)),
        Admission::Refuse(error) => return Err(error),
        Admission::Carry(exchange) => exchange,
    };
    let mut attached = exchange.attach(&method, &uri, &mut headers)?;
    if attached == Attached::NoneInHand {
        let acquired = exchange.acquire(replayable).await?;
        attached = exchange.attach_acquired(acquired, &method, &uri, &mut headers)?;
    }
    let mut sends = 0;
    loop {
        sends += 1;
        assert!(sends <= 3, "never more often");
        let (status, answer) = ask(&headers);
        let next = exchange.answered(&Seen::new(status, &answer), || replayable);
        assert!(attached == Attached::Yes || matches!(next, Next::Return));
        let acquired = match next {
            Next::Return => None,
            Next::Again(acquired) => Some(*acquired),
            Next::Renew(renewal) => exchange.renewed(renewal).await,
        };
        let mut extensions = Extensions::new();
        headers = given.clone();
        let goes = acquired.is_some_and(|acquired| {
            exchange.attach_again(acquired, &method, &uri, &mut headers, &mut extensions)
        });
        if !goes {
            exchange.report(&mut extensions);
            return Ok((status, extensions.get().copied()));
        }
        assert_eq!(extensions.get(), Some(&Resend(sends)));
    }
}

/// The exchange of a request that carries a credential.
pub fn exchange(authorizer: &Authorizer) -> Exchange {
    let uri = Uri::from_static(URI);
    match authorizer.admit(&uri, &HeaderMap::new(), &Extensions::new()) {
        Admission::Carry(exchange) => exchange,
        other => panic!("{other:?}"),
    }
}

pub async fn simply(authorizer: &Authorizer, answers: [Answer; 2]) -> Outcome {
    send(authorizer, &HeaderMap::new(), true, |n, _| answers[n - 1])
        .await
        .unwrap()
}

pub fn engine() -> (Authorizer, Source) {
    let source = Source::tokens(HOUR);
    let (cached, _) = cached(&source);
    (Authorizer::new(cached), source)
}
