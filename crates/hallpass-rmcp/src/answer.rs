//! [`Answer`]: what a server's answer means to rmcp.

use std::borrow::Cow;

use bytes::Buf as _;
use hallpass_core::BoxError;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    response::Parts,
};
use http_body::Body;
use http_body_util::BodyExt as _;
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, ErrorData, ServerJsonRpcMessage},
    transport::{
        common::http_header::{EVENT_STREAM_MIME_TYPE, HEADER_SESSION_ID, JSON_MIME_TYPE},
        streamable_http_client::{
            AuthRequiredError, HttpStatusError, InsufficientScopeError, StreamableHttpError,
            StreamableHttpPostResponse, StreamableHttpResponseLimits,
        },
    },
};

use crate::{Error, events::events};

type Failure = StreamableHttpError<Error>;

pub(crate) struct Answer<R> {
    head: Parts,
    body: R,
}

impl<R> Answer<R> {
    pub(crate) fn new(response: Response<R>) -> Self {
        let (head, body) = response.into_parts();
        Self { head, body }
    }

    pub(crate) fn into_body(self) -> R {
        self.body
    }

    pub(crate) fn is_success(&self) -> bool {
        self.head.status.is_success()
    }

    /// Whether the content is of this type, whatever its parameters.
    pub(crate) fn is(&self, media_type: &str) -> bool {
        self.content_type().is_some_and(|content| {
            let essence = content.split(';').next().unwrap_or_default();
            essence.trim().eq_ignore_ascii_case(media_type)
        })
    }

    pub(crate) fn content_type(&self) -> Option<String> {
        let value = self.head.headers.get(CONTENT_TYPE)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// What all challenges say, in one field.
    fn challenges(&self) -> Option<String> {
        let fields = self.head.headers.get_all(WWW_AUTHENTICATE);
        let texts = fields.iter().map(HeaderValue::as_bytes);
        let texts: Vec<_> = texts.map(String::from_utf8_lossy).collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    }

    /// What a 401 or 403 with a challenge is to rmcp.
    fn demand(&self) -> Option<Failure> {
        let text = self.challenges()?;
        Some(match self.head.status {
            StatusCode::UNAUTHORIZED => {
                StreamableHttpError::AuthRequired(AuthRequiredError::new(text))
            }
            StatusCode::FORBIDDEN => {
                let challenges = hallpass_core::Challenges::of(&self.head.headers);
                let scope = challenges.iter().find_map(|one| one.param("scope"));
                let scope = scope.map(str::to_owned);
                StreamableHttpError::InsufficientScope(InsufficientScopeError::new(text, scope))
            }
            _ => return None,
        })
    }

    fn is_empty(&self) -> bool {
        let length = self.head.headers.get(CONTENT_LENGTH);
        length.is_some_and(|length| length == "0")
    }

    fn session(&self) -> Option<String> {
        let value = self.head.headers.get(HEADER_SESSION_ID)?;
        value.to_str().ok().map(str::to_owned)
    }
}

impl<R> Answer<R>
where
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    /// The answer to this message.
    pub(crate) async fn to_post(
        self,
        message: &ClientJsonRpcMessage,
        had_session: bool,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let status = self.head.status;
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status == StatusCode::NOT_FOUND && had_session {
            return Err(StreamableHttpError::SessionExpired);
        }
        if !status.is_success() {
            return self.refused_post(message, had_session, limits).await;
        }
        let asks = matches!(message, ClientJsonRpcMessage::Request(_));
        let session = self.session();
        if self.is(EVENT_STREAM_MIME_TYPE) {
            let events = events(self.body, limits.max_sse_event_size);
            return Ok(StreamableHttpPostResponse::Sse(events, session));
        }
        if !asks && (self.is_empty() || !self.is(JSON_MIME_TYPE)) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if !self.is(JSON_MIME_TYPE) {
            return Err(StreamableHttpError::UnexpectedContentType(
                self.content_type(),
            ));
        }
        let body = read_all(self.body, limits.max_json_response_size).await?;
        match serde_json::from_slice(&body) {
            Ok(answer) => Ok(StreamableHttpPostResponse::Json(answer, session)),
            Err(_) if !asks => Ok(StreamableHttpPostResponse::Accepted),
            Err(error) => Err(StreamableHttpError::UnexpectedServerResponse(Cow::Owned(
                format!("the answer is no JSON-RPC message: {error}"),
            ))),
        }
    }

    /// An error of the protocol within an answer that is no success, or the refusal.
    async fn refused_post(
        self,
        message: &ClientJsonRpcMessage,
        had_session: bool,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let status = self.head.status;
        let auth = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if auth || status == StatusCode::TOO_MANY_REQUESTS || !self.is(JSON_MIME_TYPE) {
            let legacy = discovery(message, had_session, status);
            let refusal = self.refusal(limits.max_error_response_size).await;
            return match legacy {
                Some(id) => Ok(not_discovered(id, refusal.to_string())),
                None => Err(refusal),
            };
        }
        let (session, headers) = (self.session(), self.head.headers);
        let body = match read_all(self.body, limits.max_json_response_size).await {
            Ok(body) => body,
            Err(error) => return Err(failure(status, &headers).unwrap_or(error)),
        };
        let legacy = discovery(message, had_session, status);
        match (serde_json::from_slice(&body), legacy) {
            (Ok(ServerJsonRpcMessage::Error(error)), Some(id)) => {
                let answer = ServerJsonRpcMessage::error(error.error, Some(id));
                Ok(StreamableHttpPostResponse::Json(answer, None))
            }
            (Ok(error @ ServerJsonRpcMessage::Error(_)), None) => {
                Ok(StreamableHttpPostResponse::Json(error, session))
            }
            (_, Some(id)) => Ok(not_discovered(id, format!("HTTP {status}"))),
            (_, None) => {
                let shown = &body[..body.len().min(limits.max_error_response_size)];
                Err(failure(status, &headers).unwrap_or_else(|| unexpected(status, shown)))
            }
        }
    }

    /// What rmcp is told of an answer that is no success, with so much of its body.
    pub(crate) async fn refusal(self, limit: usize) -> Failure {
        let status = self.head.status;
        let told = self
            .demand()
            .or_else(|| failure(status, &self.head.headers));
        match told {
            Some(told) => told,
            None => unexpected(status, &read_start(self.body, limit).await),
        }
    }
}

/// What the server says of later, for 429 and what is its own fault.
fn failure(status: StatusCode, headers: &HeaderMap) -> Option<Failure> {
    if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
        return None;
    }
    let later = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    Some(HttpStatusError::new(status.as_u16(), later.map(str::to_owned)).into())
}

fn unexpected(status: StatusCode, body: &[u8]) -> Failure {
    let body = String::from_utf8_lossy(body);
    StreamableHttpError::UnexpectedServerResponse(Cow::Owned(format!("HTTP {status}: {body}")))
}

/// The request that asks a server what it can do, if an older server has refused it.
fn discovery(
    message: &ClientJsonRpcMessage,
    had_session: bool,
    status: StatusCode,
) -> Option<rmcp::model::RequestId> {
    let auth = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    match message {
        ClientJsonRpcMessage::Request(request)
            if matches!(request.request, ClientRequest::DiscoverRequest(_))
                && status.is_client_error()
                && !had_session
                && !auth =>
        {
            Some(request.id.clone())
        }
        _ => None,
    }
}

/// The answer that makes rmcp go on as with a server of an older protocol.
fn not_discovered(id: rmcp::model::RequestId, why: String) -> StreamableHttpPostResponse {
    let error = ErrorData::invalid_request(why, None);
    StreamableHttpPostResponse::Json(ServerJsonRpcMessage::error(error, Some(id)), None)
}

async fn read_all<R>(body: R, limit: usize) -> Result<Vec<u8>, Failure>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    let too_large = || StreamableHttpError::ResponseBodyTooLarge { max_size: limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut body = std::pin::pin!(body);
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| StreamableHttpError::Client(Error::new(error)))?;
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        if data.remaining() > limit - read.len() {
            return Err(too_large());
        }
        read.extend_from_slice(&data.copy_to_bytes(data.remaining()));
    }
    Ok(read)
}

/// At most so much of it, and what has come if it breaks.
async fn read_start<R: Body>(body: R, limit: usize) -> Vec<u8> {
    let mut body = std::pin::pin!(body);
    let mut read = Vec::new();
    while read.len() < limit {
        let Some(Ok(frame)) = body.frame().await else {
            break;
        };
        if let Ok(mut data) = frame.into_data() {
            let more = data.remaining().min(limit - read.len());
            read.extend_from_slice(&data.copy_to_bytes(more));
        }
    }
    read
}
