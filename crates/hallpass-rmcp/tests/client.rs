//! What rmcp is told of each kind of answer, and what the server is told.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt as _;
use hallpass_core::Credential;
use hallpass_rmcp::{Error, McpClient};
use hallpass_tower::{BearerLayer, ReplayBody};
use http::{HeaderName, HeaderValue, Request, Response, header::AUTHORIZATION};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
        StreamableHttpResponseLimits,
    },
};
use serde_json::json;
use tower::{Layer as _, Service, service_fn};

const URL: &str = "https://rs.example/mcp";
const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

type Kept = ReplayBody<Full<Bytes>>;
type Outcome = Result<StreamableHttpPostResponse, StreamableHttpError<Error>>;

/// A server that answers every request like this.
fn server<B>(
    answer: impl Fn(&Request<Bytes>) -> Response<Full<Bytes>> + Clone + Send + Sync + 'static,
) -> impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = std::io::Error, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static
where
    B: Body<Data = Bytes, Error: std::fmt::Debug> + Send + 'static,
{
    service_fn(move |request: Request<B>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Ok(answer(&Request::from_parts(head, body)))
        }
    })
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

fn message(method: &str) -> ClientJsonRpcMessage {
    serde_json::from_value(json!({"jsonrpc": "2.0", "id": 1, "method": method})).unwrap()
}

fn notification() -> ClientJsonRpcMessage {
    let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    serde_json::from_value(message).unwrap()
}

async fn post(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
    session: Option<&str>,
    message: ClientJsonRpcMessage,
) -> Outcome {
    let headers = headers.to_vec();
    let client = McpClient::new(server::<Full<Bytes>>(move |_| {
        answer(status, &headers, body)
    }));
    let mut limits = StreamableHttpResponseLimits::default();
    limits.max_json_response_size = 200;
    limits.max_error_response_size = 10;
    let session = session.map(Arc::from);
    let (url, none) = (URL.into(), HashMap::new());
    client
        .post_message_with_response_limits(url, message, session, None, none, limits)
        .await
}

const JSON: (&str, &str) = ("content-type", "Application/JSON; charset=utf-8");

#[tokio::test]
async fn answers_are_read() {
    let got = post(
        200,
        &[JSON, ("mcp-session-id", "s")],
        RESULT,
        None,
        message("ping"),
    )
    .await;
    let Ok(StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Response(_), Some(session))) =
        got
    else {
        panic!("{got:?}");
    };
    assert_eq!(session, "s");
    for (status, headers) in [
        (202, &[][..]),
        (204, &[]),
        (200, &[("content-length", "0")]),
    ] {
        let got = post(status, headers, "", None, notification()).await;
        assert!(
            matches!(got, Ok(StreamableHttpPostResponse::Accepted)),
            "{got:?}"
        );
    }
    let got = post(
        200,
        &[("content-type", "text/html")],
        "<p>",
        None,
        message("ping"),
    )
    .await;
    assert!(
        matches!(
            got,
            Err(StreamableHttpError::UnexpectedContentType(Some(_)))
        ),
        "{got:?}"
    );
    let got = post(
        200,
        &[("content-type", "text/html")],
        "<p>",
        None,
        notification(),
    )
    .await;
    assert!(
        matches!(got, Ok(StreamableHttpPostResponse::Accepted)),
        "{got:?}"
    );
    let long: &'static str = Box::leak(format!("{RESULT}{}", " ".repeat(300)).into_boxed_str());
    let got = post(200, &[JSON], long, None, message("ping")).await;
    let Err(StreamableHttpError::ResponseBodyTooLarge { max_size: 200 }) = got else {
        panic!("{got:?}");
    };
}

#[tokio::test]
async fn refusals_say_what_they_are() {
    let challenges = [
        ("www-authenticate", "Basic realm=\"a\""),
        ("www-authenticate", "Bearer scope=\"b c\""),
    ];
    let got = post(401, &challenges, "", None, message("ping")).await;
    let Err(StreamableHttpError::AuthRequired(required)) = got else {
        panic!("{got:?}");
    };
    let all = "Basic realm=\"a\", Bearer scope=\"b c\"";
    assert_eq!(required.www_authenticate_header, all);
    let got = post(403, &challenges, "", None, message("ping")).await;
    let Err(StreamableHttpError::InsufficientScope(scope)) = got else {
        panic!("{got:?}");
    };
    assert_eq!(scope.get_required_scope(), Some("b c"));
    let got = post(
        401,
        &[JSON],
        "{\"a\": \"long enough\"}",
        None,
        message("ping"),
    )
    .await;
    let Err(StreamableHttpError::UnexpectedServerResponse(text)) = got else {
        panic!("{got:?}");
    };
    assert_eq!(text, "HTTP 401 Unauthorized: {\"a\": \"lon");
    let got = post(404, &[], "", Some("s"), message("ping")).await;
    assert!(
        matches!(got, Err(StreamableHttpError::SessionExpired)),
        "{got:?}"
    );
    let got = post(
        429,
        &[("retry-after", "7"), JSON],
        RESULT,
        None,
        message("ping"),
    )
    .await;
    let Err(StreamableHttpError::HttpStatus(status)) = got else {
        panic!("{got:?}");
    };
    assert_eq!(
        (status.status, status.retry_after.as_deref()),
        (429, Some("7"))
    );
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"no"}}"#;
    for status in [400, 500] {
        let got = post(status, &[JSON], error, None, message("ping")).await;
        assert!(
            matches!(
                got,
                Ok(StreamableHttpPostResponse::Json(
                    ServerJsonRpcMessage::Error(_),
                    _
                ))
            ),
            "{got:?}"
        );
    }
}

#[tokio::test]
async fn events_are_streamed_and_bounded() {
    let events = "event: message\ndata: {\"a\":1}\n\n: a comment\r\n\r\ndata: 2\n\n";
    let headers = [("content-type", "text/event-stream")];
    let body: String = format!("{events}data: {}\n\n", "x".repeat(100));
    let client = McpClient::new(server::<Full<Bytes>>(move |_| answer(200, &headers, &body)));
    let got = client
        .get_stream_with_max_sse_event_size(URL.into(), None, None, None, HashMap::new(), 90)
        .await;
    let mut stream = got.unwrap();
    // One piece of a body is judged as a whole, so that the events come up together or not at all.
    assert!(stream.next().await.unwrap().is_err());
    assert!(stream.next().await.is_none());
    let got = client
        .get_stream(URL.into(), None, None, None, HashMap::new())
        .await;
    let events: Vec<_> = got
        .unwrap()
        .map(|event| event.unwrap().data)
        .collect()
        .await;
    assert_eq!(events[0].as_deref(), Some("{\"a\":1}"));
    assert!(events.len() >= 3, "{events:?}");

    let none = McpClient::new(server::<Full<Bytes>>(|_| answer(405, &[], "")));
    let got = none
        .get_stream(URL.into(), None, None, None, HashMap::new())
        .await;
    assert!(matches!(
        got.err(),
        Some(StreamableHttpError::ServerDoesNotSupportSse)
    ));
    none.delete_session(URL.into(), "s".into(), None, HashMap::new())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_layer_heals_what_rmcp_never_sees() {
    let client = server::<Kept>(|request| {
        assert_eq!(
            request.headers()["accept"],
            "text/event-stream, application/json"
        );
        match request.headers().get(AUTHORIZATION) {
            Some(value) if value == "Bearer second" => answer(200, &[JSON], RESULT),
            Some(_) => answer(401, &[], ""),
            None => panic!("no credential"),
        }
    });
    let count = std::sync::atomic::AtomicUsize::new(0);
    let source = Source(count);
    let client = McpClient::new(BearerLayer::new(source).layer(client));
    let got = client
        .post_message(URL.into(), message("ping"), None, None, HashMap::new())
        .await;
    assert!(
        matches!(got, Ok(StreamableHttpPostResponse::Json(..))),
        "{got:?}"
    );
}

struct Source(std::sync::atomic::AtomicUsize);

impl hallpass_core::CredentialSource for Source {
    async fn fetch(&self, _why: &hallpass_core::Fetch) -> Result<Credential, hallpass_core::Error> {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Credential::bearer(if number == 0 { "first" } else { "second" })
    }
}

#[tokio::test]
async fn what_the_caller_sets_is_sent_and_what_is_reserved_is_not() {
    let own = server::<Kept>(|request| {
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer mine");
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
        assert_eq!(request.headers()["mcp-session-id"], "s");
        assert_eq!(request.headers()["mcp-protocol-version"], "2025-06-18");
        answer(202, &[], "")
    });
    let layer = BearerLayer::new(Credential::bearer("ours").unwrap()).boxed();
    let client = McpClient::new(layer.layer(own));
    let version = HeaderName::from_static("mcp-protocol-version");
    let headers = HashMap::from([(version, HeaderValue::from_static("2025-06-18"))]);
    let (session, token) = (Some("s".into()), Some("mine".to_owned()));
    let sent = client.post_message(URL.into(), notification(), session, token, headers);
    assert!(matches!(
        sent.await,
        Ok(StreamableHttpPostResponse::Accepted)
    ));

    for name in ["accept", "mcp-session-id", "last-event-id"] {
        let name = HeaderName::from_static(name);
        let headers = HashMap::from([(name, HeaderValue::from_static("x"))]);
        let sent = client.post_message(URL.into(), notification(), None, None, headers);
        let got = sent.await;
        assert!(
            matches!(got, Err(StreamableHttpError::ReservedHeaderConflict(_))),
            "{got:?}"
        );
    }
    let elsewhere = client.post_message(
        "http://rs.example/".into(),
        notification(),
        None,
        None,
        HashMap::new(),
    );
    let Err(StreamableHttpError::Client(error)) = elsewhere.await else {
        panic!("sent in the clear");
    };
    assert!(error.credential().unwrap().is_destination(), "{error}");
    assert!(!format!("{client:?} {error:?}").contains("ours"));
}
