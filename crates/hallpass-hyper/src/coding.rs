//! Answers in a content coding, which nobody asked for.

use std::{error::Error as StdError, fmt, io::Read};

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use hallpass_oauth2::transport::{BODY_LIMIT, Phase, TransportError};
use http::{
    HeaderMap, Response,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};

/// Undoes the coding of an answer (RFC 9110 §8.4), within the limit that holds for its bytes too.
pub(crate) fn decode(response: Response<Bytes>) -> Result<Response<Bytes>, TransportError> {
    let Some(coding) = coding(response.headers()) else {
        return Ok(response);
    };
    let (mut head, body) = response.into_parts();
    let decoded = match coding.as_str() {
        // An answer without a body may name a coding all the same.
        _ if body.is_empty() => body,
        "gzip" | "x-gzip" => read(MultiGzDecoder::new(&*body), "gzip")?,
        "deflate" => read(ZlibDecoder::new(&*body), "deflate")?,
        other => return Err(unreadable(shown(other))),
    };
    head.headers.remove(CONTENT_ENCODING);
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, decoded))
}

fn coding(headers: &HeaderMap) -> Option<String> {
    let named = headers.get_all(CONTENT_ENCODING).iter();
    let named: Vec<_> = named.map(http::HeaderValue::as_bytes).collect();
    let named = String::from_utf8_lossy(&named.join(&b',')).to_ascii_lowercase();
    let codings = named.split(',').map(str::trim);
    let codings: Vec<_> = codings
        .filter(|coding| !matches!(*coding, "" | "identity"))
        .collect();
    (!codings.is_empty()).then(|| codings.join(", "))
}

fn read(reader: impl Read, coding: &str) -> Result<Bytes, TransportError> {
    let mut decoded = Vec::new();
    let mut limited = reader.take(BODY_LIMIT as u64 + 1);
    match limited.read_to_end(&mut decoded) {
        Ok(length) if length > BODY_LIMIT => Err(TransportError::new(Phase::TooLarge)),
        Ok(_) => Ok(decoded.into()),
        Err(_) => Err(unreadable(&format!("{coding}, damaged"))),
    }
}

/// A name comes from the server, and is shown only if it looks like one.
fn shown(coding: &str) -> &str {
    const LONGEST: usize = 20;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -,".contains(&byte);
    if coding.len() <= LONGEST && coding.bytes().all(plain) {
        coding
    } else {
        "unknown"
    }
}

fn unreadable(coding: &str) -> TransportError {
    TransportError::caused(Phase::Exchange, Coded(coding.to_owned()))
}

/// The answer can't be read for its coding.
#[derive(Debug)]
struct Coded(String);

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(coding) = self;
        write!(
            f,
            "the answer is coded ({coding}), although identity was asked for"
        )
    }
}

impl StdError for Coded {}
