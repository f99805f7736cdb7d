//! What a hostile or broken server can cost: requests, memory and time stay within bounds.
#![allow(clippy::disallowed_methods, reason = "real time is what is measured")]

use std::{
    convert::Infallible,
    time::{Instant, SystemTime},
};

use hallpass_core::{Authorizer, Cached, Credential, Demand, Error, adapter::verdict, retry_after};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};

use crate::common::{HOUR, MINUTE, SECOND, Source, cached, millis, token};

const MIB: usize = 1024 * 1024;

/// A thousand requests, ten a second, to a server that answers by what it is sent and how often it
/// was asked. Returns how often a request was sent, and how many had a good answer.
async fn thousand(
    cached: Cached,
    mut server: impl FnMut(usize, &str) -> Response<()>,
) -> (usize, usize) {
    let authorizer = Authorizer::new(cached);
    let (mut sent, mut good) = (0, 0);
    for _ in 0..1000 {
        let request = Request::get("https://api.example/").body(()).unwrap();
        let mut once = 0;
        let sending = |request: Request<()>| {
            (sent, once) = (sent + 1, once + 1);
            assert!(once <= 3, "no request is sent more than three times");
            let value = request.headers()[AUTHORIZATION].to_str().unwrap();
            std::future::ready(Ok::<_, Infallible>(server(sent, value)))
        };
        let response = authorizer.run(request, sending).await.unwrap();
        good += usize::from(response.status() == 200);
        tokio::time::sleep(millis(100)).await;
    }
    (sent, good)
}

fn refusal(challenge: &str) -> Response<()> {
    let response = Response::builder().status(401);
    response
        .header(WWW_AUTHENTICATE, challenge)
        .body(())
        .unwrap()
}

/// Threat 48. A server may say something new each time: it is no more of a reason to fetch.
#[tokio::test(start_paused = true)]
async fn always_a_new_challenge() {
    for challenge in [
        |n: usize| format!(r#"Bearer realm="{n}", error="invalid_token", error_description="{n}""#),
        |n| format!(r#"Scheme{n} realm="{n}""#),
        |n| {
            format!(
                r#"Bearer error="e{n}", scope="s{n}", resource_metadata="https://evil.example/{n}""#
            )
        },
    ] {
        let source = Source::tokens(HOUR);
        let (sent, _) = thousand(cached(&source).0, |n, _| refusal(&challenge(n))).await;
        assert!(source.fetches() <= 9, "{}", source.fetches());
        assert!(sent <= 1010, "{sent}");
    }
}

/// Two tokens in turn, of which the server always takes the other one, and an issuer that goes back
/// and forth between two.
#[tokio::test(start_paused = true)]
async fn two_tokens_in_turn() {
    let source = Source::new(|n, _| Ok(token(n % 2, HOUR)));
    let (sent, _) = thousand(cached(&source).0, |_, _| refusal("Bearer")).await;
    assert!(source.fetches() <= 9, "{}", source.fetches());
    assert!(sent <= 1010, "{sent}");

    // Never the one that it was last sent.
    let mut last = String::new();
    let source = Source::new(|n, _| Ok(token(n % 2, HOUR)));
    let (sent, good) = thousand(cached(&source).0, |_, value| {
        let is_new = last != value;
        value.clone_into(&mut last);
        if is_new {
            Response::new(())
        } else {
            refusal("Bearer")
        }
    })
    .await;
    // Each replay that is accepted is a reason to believe the next refusal, so that every second
    // request at most costs a fetch and another sending.
    assert!(good >= 490, "{good}");
    assert!(
        source.fetches() <= 1000 && sent <= 2000,
        "{} {sent}",
        source.fetches()
    );
}

/// Lives of nothing, of a millisecond and of next to none: at most a fetch a second, and every
/// request has a token.
#[tokio::test(start_paused = true)]
async fn tokens_of_no_life_at_all() {
    for lifetime in [millis(0), millis(1), millis(99)] {
        let source = Source::tokens(lifetime);
        let (sent, good) = thousand(cached(&source).0, |_, _| Response::new(())).await;
        assert_eq!((sent, good), (1000, 1000), "{lifetime:?}");
        assert!(source.fetches() <= 102, "{lifetime:?} {}", source.fetches());

        let source = Source::tokens(lifetime);
        let (sent, _) = thousand(cached(&source).0, |_, _| refusal("Bearer")).await;
        assert!(source.fetches() <= 110, "{lifetime:?} {}", source.fetches());
        assert!(sent <= 1110, "{lifetime:?} {sent}");
    }
}

/// Whatever a failing source says of when to ask again, it is asked neither at once nor only after
/// more than an hour.
#[tokio::test(start_paused = true)]
async fn a_pause_is_neither_nothing_nor_for_ever() {
    for asked in [
        "0",
        "1",
        "3600",
        "99999999999999999999",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(asked))]);
        let pause = retry_after(&headers, SystemTime::now()).unwrap();
        let source = Source::always(Err(Error::transient("busy").after(pause)));
        let (cached, hands) = cached(&source);
        for _ in 0..100 {
            cached.get_within(millis(1)).await.unwrap_err();
        }
        assert!(source.fetches() <= 20, "{asked} {}", source.fetches());
        source.answer(|n, _| Ok(token(n, HOUR)));
        // A tenth is for not coming back all at once.
        hands.pass(HOUR + 6 * MINUTE);
        cached.get().await.unwrap();
    }
}

/// Threat 47: a date is read by a reader of HTTP's dates, which knows no comments to nest.
#[test]
fn no_length_of_retry_after_takes_time() {
    let started = Instant::now();
    for (piece, expected) in [
        ("9", Some(HOUR)),
        ("(", None),
        (" ", None),
        ("Sun, ", None),
        ("1 ", None),
    ] {
        let text = piece.repeat(64 * 1024 / piece.len());
        let value = HeaderValue::from_str(&text).unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
        assert_eq!(
            retry_after(&headers, SystemTime::now()),
            expected,
            "{piece}"
        );
    }
    let commented = format!("Sun, 06 Nov 1994 08:49:37 {}GMT", "(".repeat(60_000));
    let value = HeaderValue::from_str(&commented).unwrap();
    let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
    assert_eq!(retry_after(&headers, SystemTime::now()), None);
    assert!(started.elapsed() < 5 * SECOND);
}

/// A whole block of hostile headers, on each kind of answer that is judged.
#[test]
fn headers_of_64_kib_are_judged_at_once() {
    let started = Instant::now();
    for piece in [
        "a,",
        "a ",
        "\\",
        "\"",
        "=",
        "a=",
        "a=\"",
        "a=b,",
        "Bearer ",
        "Bearer a=b ",
        ",",
        "a==,",
        "\"\\\"\",",
    ] {
        let text = piece.repeat(64 * 1024 / piece.len());
        for prefix in ["", "Bearer ", "Bearer error=\"", "Bearer scope=\""] {
            let value = HeaderValue::from_str(&format!("{prefix}{text}")).unwrap();
            let mut headers = HeaderMap::new();
            headers.append(WWW_AUTHENTICATE, value.clone());
            headers.append(WWW_AUTHENTICATE, value.clone());
            headers.append(HeaderName::from_static("grpc-status"), value.clone());
            headers.append(HeaderName::from_static("dpop-nonce"), value);
            for status in [200, 400, 401, 403, 407] {
                let status = StatusCode::from_u16(status).unwrap();
                verdict(status, &headers);
                if let Some(demand) = Demand::of(status, &headers) {
                    assert!(format!("{demand:?}").len() <= 64 * 1024);
                }
                headers.remove("grpc-status");
                verdict(status, &headers);
            }
        }
    }
    assert!(started.elapsed() < 30 * SECOND);
}

/// No size is presumed of a token (RFC 6749 §5.1).
#[tokio::test(start_paused = true)]
async fn a_token_of_a_mebibyte_is_a_token() {
    let long = "a".repeat(MIB);
    let source =
        Source::new(move |n, _| Ok(Credential::bearer(&format!("{long}{n}"))?.lives_for(HOUR)));
    let mut first = true;
    let (sent, good) = thousand(cached(&source).0, |_, value| {
        assert_eq!(value.len(), "Bearer ".len() + MIB + 1);
        if std::mem::take(&mut first) {
            refusal("Bearer")
        } else {
            Response::new(())
        }
    })
    .await;
    assert_eq!((sent, good, source.fetches()), (1001, 1000, 2));
    let error = Credential::bearer(&format!("{}\n", "a".repeat(MIB))).unwrap_err();
    assert!(error.to_string().len() < 200);
    let key = Credential::header(HeaderName::from_static("x-api-key"), &" ".repeat(MIB));
    assert!(key.unwrap_err().to_string().len() < 200);
}
