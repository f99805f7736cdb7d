//! A document of metadata: where it lies, and how it is asked for and read.

use std::time::Duration;

use bytes::Bytes;
use hallpass_core::Error;
use http::{
    HeaderValue, Request, Response, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::{
    response::decode,
    text::printable,
    transport::{BODY_LIMIT, DynTransport},
};

/// The place between host and path (RFC 8414 §3, RFC 9728 §3.1).
pub(crate) fn well_known(url: &str, name: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..]
        .find(['/', '?'])
        .map_or(url.len(), |at| host + at);
    let (base, path) = url.split_at(path);
    let path = if path == "/" { "" } else { path };
    format!("{base}/.well-known/{name}{path}")
}

/// Asks for it; any status is an answer.
pub(crate) async fn get(
    transport: &dyn DynTransport,
    url: &Uri,
    limit: Duration,
) -> Result<Response<Bytes>, Error> {
    send(transport, request(url), limit).await
}

pub(crate) async fn send(
    transport: &dyn DynTransport,
    request: Request<Bytes>,
    limit: Duration,
) -> Result<Response<Bytes>, Error> {
    let host = printable(&request.uri().to_string());
    let sent = timeout(limit, transport.send(request, limit)).await;
    sent.map_err(|_| Error::timeout(format!("no metadata from {host} in time")))?
        .map_err(|error| Error::transient(error).context(format!("no metadata from {host}")))
}

pub(crate) fn request(url: &Uri) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = url.clone();
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let agent = concat!("hallpass/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    request
}

/// Reads it, or says what to check.
pub(crate) fn read<T: DeserializeOwned>(
    host: &str,
    answer: &Response<Bytes>,
    advice: &str,
) -> Result<T, Error> {
    let status = answer.status();
    let code = status.as_u16();
    if status.is_redirection() {
        return Err(Error::configuration(format!(
            "{host} answered {code} to another address; metadata is never redirected: configure the final issuer"
        )));
    }
    if status.is_client_error() && !matches!(code, 408 | 425 | 429) {
        return Err(Error::configuration(format!(
            "{host} answered {code}: {advice}"
        )));
    }
    let unusable = || {
        Error::transient(format!("status {code}"))
            .context(format!("{host} answered {code} without usable metadata"))
    };
    if code != 200 || answer.body().len() > BODY_LIMIT {
        return Err(unusable());
    }
    let body = decode(answer.headers(), answer.body()).map_err(|_| unusable())?;
    serde_json::from_str(&body).map_err(|_| unusable())
}
