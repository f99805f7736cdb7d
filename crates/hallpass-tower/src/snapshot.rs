//! [`Snapshot`]: a request's head in one buffer, rebuilt only if a replay happens.
//!
//! Cloning a fresh `HeaderMap` allocates for each value that owns its bytes, because the first
//! clone of such a value turns it into a shared one. Copying all names and values into one buffer
//! is a single allocation, whatever the number of headers; nearly every snapshot is dropped unused.

use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version,
    request::Parts,
    uri::{Authority, PathAndQuery, Scheme},
};

pub(crate) struct Snapshot {
    method: Method,
    scheme: Option<Scheme>,
    version: Version,
    extensions: Extensions,
    /// Authority and path of the URI, then names and values of the headers in turn; each with its
    /// length before it, whose highest bit says whether a value is sensitive.
    bytes: Vec<u8>,
}

/// What an average header takes, names and lengths included; more only costs a reallocation.
const HEADER: usize = 64;
const SENSITIVE: u32 = 1 << 31;

impl Snapshot {
    pub(crate) fn of(parts: &Parts) -> Self {
        let uri = &parts.uri;
        let authority = uri.authority().map_or("", Authority::as_str);
        let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
        let headers = &parts.headers;
        let mut bytes = Vec::with_capacity(authority.len() + path.len() + HEADER * headers.len());
        push(&mut bytes, authority.as_bytes(), 0);
        push(&mut bytes, path.as_bytes(), 0);
        for (name, value) in headers {
            push(&mut bytes, name.as_str().as_bytes(), 0);
            let mark = if value.is_sensitive() { SENSITIVE } else { 0 };
            push(&mut bytes, value.as_bytes(), mark);
        }
        Self {
            method: parts.method.clone(),
            scheme: uri.scheme().cloned(),
            version: parts.version,
            extensions: parts.extensions.clone(),
            bytes,
        }
    }

    /// The head once more. It can't fail for what `of` has written.
    pub(crate) fn rebuild(&mut self) -> Option<Request<()>> {
        let mut bytes = &*self.bytes;
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri(
            self.scheme.clone(),
            pull(&mut bytes)?.0,
            pull(&mut bytes)?.0,
        )?;
        *request.version_mut() = self.version;
        *request.extensions_mut() = std::mem::take(&mut self.extensions);
        *request.headers_mut() = headers(bytes)?;
        Some(request)
    }
}

fn push(to: &mut Vec<u8>, piece: &[u8], mark: u32) {
    // A single header of 2 GiB would not have fit into memory twice.
    let length = u32::try_from(piece.len()).unwrap_or(u32::MAX >> 1) | mark;
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(piece);
}

fn pull<'a>(from: &mut &'a [u8]) -> Option<(&'a [u8], bool)> {
    let (length, rest) = from.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    let (piece, rest) = rest.split_at_checked((length & !SENSITIVE) as usize)?;
    *from = rest;
    Some((piece, length & SENSITIVE != 0))
}

fn uri(scheme: Option<Scheme>, authority: &[u8], path: &[u8]) -> Option<Uri> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = scheme;
    if !authority.is_empty() {
        parts.authority = Some(Authority::try_from(authority).ok()?);
    }
    if !path.is_empty() {
        parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    }
    Uri::from_parts(parts).ok()
}

fn headers(mut bytes: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    while !bytes.is_empty() {
        let (name, _) = pull(&mut bytes)?;
        let (value, sensitive) = pull(&mut bytes)?;
        let mut value = HeaderValue::from_bytes(value).ok()?;
        value.set_sensitive(sensitive);
        headers.append(HeaderName::from_bytes(name).ok()?, value);
    }
    Some(headers)
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_head_survives_byte_for_byte() {
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        let request = Request::put("https://API.example.com:8443/a%20b?b=c")
            .version(Version::HTTP_2)
            .header("accept", "a")
            .header("accept", "b")
            .header("x-odd", HeaderValue::from_bytes(b"\xE4\t \"").unwrap())
            .header("x-empty", "")
            .header("cookie", secret)
            .extension(7_u8)
            .body(())
            .unwrap();
        let again = Snapshot::of(&request.clone().into_parts().0)
            .rebuild()
            .unwrap();
        assert_eq!(again.method(), request.method());
        assert_eq!(again.uri().to_string(), request.uri().to_string());
        assert_eq!(again.version(), request.version());
        assert_eq!(again.headers(), request.headers());
        assert!(again.headers()["cookie"].is_sensitive());
        assert!(!again.headers()["accept"].is_sensitive());
        assert_eq!(again.extensions().get::<u8>(), Some(&7));
    }

    #[test]
    fn every_form_of_a_uri_survives() {
        for uri in [
            "/",
            "/a/b?c=d",
            "*",
            "https://h/",
            "http://[::1]:8080/x",
            "example.com:443",
        ] {
            let request = Request::get(uri).body(()).unwrap();
            let again = Snapshot::of(&request.clone().into_parts().0)
                .rebuild()
                .unwrap();
            assert_eq!(again.uri(), request.uri(), "{uri}");
        }
    }
}
