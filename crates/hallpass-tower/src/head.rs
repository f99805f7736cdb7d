//! [`Head`]: what is kept of a request's head, and rebuilt only if a replay happens.

use hallpass_core::adapter::Snapshot;
use http::{
    Extensions, Method, Request, Uri, Version,
    uri::{Authority, PathAndQuery, Scheme},
};

#[doc(hidden)]
pub struct Head {
    method: Method,
    scheme: Option<Scheme>,
    version: Version,
    extensions: Extensions,
    /// Authority, path and headers.
    rest: Snapshot,
}

impl Head {
    #[inline]
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let authority = uri.authority().map_or("", Authority::as_str);
        let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
        Self {
            method: request.method().clone(),
            scheme: uri.scheme().cloned(),
            version: request.version(),
            extensions: request.extensions().clone(),
            rest: Snapshot::of((authority, path), request.headers()),
        }
    }

    /// The head once more. It can't fail for what `of` has written.
    pub(crate) fn rebuild(&self) -> Option<Request<()>> {
        let (authority, path) = self.rest.target()?;
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri(self.scheme.clone(), authority, path)?;
        *request.version_mut() = self.version;
        *request.extensions_mut() = self.extensions.clone();
        *request.headers_mut() = self.rest.headers()?;
        Some(request)
    }
}

fn uri(scheme: Option<Scheme>, authority: &str, path: &str) -> Option<Uri> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = scheme;
    if !authority.is_empty() {
        parts.authority = Some(authority.parse().ok()?);
    }
    if !path.is_empty() {
        parts.path_and_query = Some(path.parse().ok()?);
    }
    Uri::from_parts(parts).ok()
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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
        let again = Head::of(&request).rebuild().unwrap();
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
            let again = Head::of(&request).rebuild().unwrap();
            assert_eq!(again.uri(), request.uri(), "{uri}");
        }
    }
}
