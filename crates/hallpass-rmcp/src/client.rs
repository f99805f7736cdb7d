//! [`McpClient`]: rmcp's requests, sent by a tower service.

use std::{collections::HashMap, fmt, future::poll_fn, sync::Arc};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use hallpass_core::BoxError;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use http_body::Body;
use http_body_util::Full;
use rmcp::{
    model::ClientJsonRpcMessage,
    transport::{
        common::http_header::{
            EVENT_STREAM_MIME_TYPE, HEADER_LAST_EVENT_ID, HEADER_SESSION_ID, JSON_MIME_TYPE,
        },
        streamable_http_client::{
            SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
            StreamableHttpResponseLimits,
        },
    },
};
use sse_stream::Sse;
use tower_service::Service;

use crate::{Error, answer::Answer, events::events};

type Result<T> = std::result::Result<T, StreamableHttpError<Error>>;
type Headers = HashMap<HeaderName, HeaderValue>;

const JSON: HeaderValue = HeaderValue::from_static(JSON_MIME_TYPE);
const JSON_OR_EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream, application/json");

/// An HTTP client for rmcp, made of a tower service; see the [crate's documentation](crate) for an
/// example.
///
/// # Cancel safety
/// Dropping one of its futures ends that request only.
#[derive(Clone)]
pub struct McpClient<S> {
    service: S,
}

impl<S> McpClient<S> {
    /// Sends with this service: a `BearerService` over any client whose request bodies may be
    /// `Full<Bytes>`.
    pub const fn new(service: S) -> Self {
        Self { service }
    }

    /// The service.
    pub const fn get_ref(&self) -> &S {
        &self.service
    }
}

impl<S> McpClient<S> {
    async fn send<R>(&self, request: Request<Full<Bytes>>) -> Result<Response<R>>
    where
        S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone,
        S::Error: Into<BoxError>,
    {
        let failed = |error: S::Error| StreamableHttpError::Client(Error::new(error));
        let mut service = self.service.clone();
        poll_fn(|context| service.poll_ready(context))
            .await
            .map_err(failed)?;
        service.call(request).await.map_err(failed)
    }
}

impl<S, R> StreamableHttpClient for McpClient<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    type Error = Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, token, headers, limits)
            .await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        limit: usize,
    ) -> Result<StreamableHttpPostResponse> {
        let mut limits = StreamableHttpResponseLimits::default();
        limits.max_sse_event_size = limit;
        self.post_message_with_response_limits(uri, message, session, token, headers, limits)
            .await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse> {
        let body = serde_json::to_vec(&message)?;
        let had_session = session.is_some();
        let mut request = request(Method::POST, &uri, session, token, headers)?;
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        request.headers_mut().insert(ACCEPT, JSON_OR_EVENTS);
        let response = self.send(request.map(|()| Full::new(body.into()))).await?;
        Answer::new(response)
            .to_post(&message, had_session, limits)
            .await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<()> {
        let request = request(Method::DELETE, &uri, Some(session), token, headers)?;
        let response = self.send(request.map(|()| Full::default())).await?;
        match response.status() {
            // The server keeps no sessions that could be ended.
            StatusCode::METHOD_NOT_ALLOWED => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(Answer::new(response).refusal(0).await),
        }
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<BoxStream<'static, std::result::Result<Sse, SseError>>> {
        let limit = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(uri, session, last_event, token, headers, limit)
            .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: Headers,
        limit: usize,
    ) -> Result<BoxStream<'static, std::result::Result<Sse, SseError>>> {
        let mut request = request(Method::GET, &uri, session, token, headers)?;
        request.headers_mut().insert(ACCEPT, JSON_OR_EVENTS);
        if let Some(last) = last_event {
            request
                .headers_mut()
                .insert(HEADER_LAST_EVENT_ID, value(last)?);
        }
        let response = self.send(request.map(|()| Full::default())).await?;
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let answer = Answer::new(response);
        if !answer.is_success() {
            return Err(answer.refusal(0).await);
        }
        if answer.is(EVENT_STREAM_MIME_TYPE) || answer.is(JSON_MIME_TYPE) {
            return Ok(events(answer.into_body(), limit));
        }
        Err(StreamableHttpError::UnexpectedContentType(
            answer.content_type(),
        ))
    }
}

fn request(
    method: Method,
    uri: &str,
    session: Option<Arc<str>>,
    token: Option<String>,
    headers: Headers,
) -> Result<Request<()>> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri
        .parse()
        .map_err(|error: http::uri::InvalidUri| StreamableHttpError::Client(Error::new(error)))?;
    let ours = request.headers_mut();
    if let Some(token) = token {
        let mut bearer = value(format!("Bearer {token}"))?;
        bearer.set_sensitive(true);
        ours.insert(AUTHORIZATION, bearer);
    }
    if let Some(session) = session {
        ours.insert(HEADER_SESSION_ID, value(session.to_string())?);
    }
    for (name, value) in headers {
        // The protocol's version is set by rmcp's worker, in this way.
        let reserved = [ACCEPT.as_str(), HEADER_SESSION_ID, HEADER_LAST_EVENT_ID];
        if reserved
            .iter()
            .any(|reserved| name.as_str().eq_ignore_ascii_case(reserved))
        {
            return Err(StreamableHttpError::ReservedHeaderConflict(
                name.to_string(),
            ));
        }
        ours.insert(name, value);
    }
    Ok(request)
}

fn value(text: String) -> Result<HeaderValue> {
    text.try_into()
        .map_err(|error: http::header::InvalidHeaderValue| {
            StreamableHttpError::Client(Error::new(error))
        })
}

impl<S> fmt::Debug for McpClient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpClient").finish_non_exhaustive()
    }
}
