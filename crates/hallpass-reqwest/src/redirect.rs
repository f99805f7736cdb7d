//! What a redirect asks for (RFC 9110 §15.4), and what must not go along.

use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
        CONTENT_TYPE, COOKIE, EXPECT, HOST, LAST_MODIFIED, LOCATION, PROXY_AUTHORIZATION,
        TRANSFER_ENCODING, WWW_AUTHENTICATE,
    },
};
use reqwest::{Request, Response, Url};

use crate::kept::Kept;

/// As many as reqwest follows.
pub(crate) const MOST: usize = 10;

/// What says something about a body that is not sent any more.
const OF_THE_BODY: [HeaderName; 8] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_TYPE,
    EXPECT,
    LAST_MODIFIED,
    TRANSFER_ENCODING,
];

/// What reqwest takes off as well, and the name of the server that is left.
const OF_THE_ORIGIN: [HeaderName; 5] = [
    AUTHORIZATION,
    COOKIE,
    HOST,
    PROXY_AUTHORIZATION,
    WWW_AUTHENTICATE,
];

/// The request that an answer asks for, or none if it is the caller's.
///
/// None as well where its method and body would have to be repeated and the body is gone.
pub(crate) fn onward(kept: &Kept, response: &Response) -> Option<Request> {
    let to_get = match response.status() {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => kept.method() == Method::POST,
        StatusCode::SEE_OTHER => true,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return None,
    };
    let url = location(kept.url(), response.headers())?;
    let mut request = if to_get { kept.head() } else { kept.again() }?;
    if to_get {
        if request.method() != Method::HEAD {
            *request.method_mut() = Method::GET;
        }
        for name in OF_THE_BODY {
            request.headers_mut().remove(name);
        }
    }
    *request.url_mut() = url;
    Some(request)
}

fn location(from: &Url, headers: &HeaderMap) -> Option<Url> {
    let location = std::str::from_utf8(headers.get(LOCATION)?.as_bytes()).ok()?;
    let mut url = from.join(location).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // A server does not say as whom the client signs in elsewhere.
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}

/// Takes off what only the server that is left may see: besides what reqwest knows, whatever is
/// marked as sensitive and the caller's own values of `ours`, the headers of credentials.
pub(crate) fn leave_behind(
    request: &mut Request,
    from: &Url,
    ours: Vec<HeaderName>,
) -> Vec<HeaderName> {
    if is_same_origin(from, request.url()) {
        return Vec::new();
    }
    let headers = request.headers_mut();
    let sensitive = headers.iter().filter(|(_, value)| value.is_sensitive());
    let mut names: Vec<_> = sensitive.map(|(name, _)| name.clone()).collect();
    names.extend(OF_THE_ORIGIN);
    names.extend(ours);
    names.retain(|name| headers.remove(name).is_some());
    names
}

/// Among the extensions of a redirect: the headers of the credentials further down, for the one that
/// follows redirects for all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Below(Vec<HeaderName>);

impl Below {
    pub(crate) fn tell(extensions: &mut Extensions, names: Vec<HeaderName>) {
        extensions.get_or_insert_default::<Self>().0.extend(names);
    }

    pub(crate) fn told(extensions: &Extensions) -> impl Iterator<Item = HeaderName> {
        let below = extensions.get::<Self>().into_iter();
        below.flat_map(|below| below.0.iter().cloned())
    }
}

/// Among the extensions of a request that follows a redirect: the headers of the caller's own that
/// were left behind on the way.
///
/// They are remembered so that no credential of ours takes their place further on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redirected(pub(crate) Vec<HeaderName>);

/// Stands in for a header that was left behind while it is decided whether ours may be attached.
const STAND_IN: HeaderValue = HeaderValue::from_static("left behind");

impl Redirected {
    /// Lets `decide` see the headers as they were when the caller sent the request.
    pub(crate) fn among<T>(
        redirected: Option<&Self>,
        headers: &mut HeaderMap,
        decide: impl FnOnce(&mut HeaderMap) -> T,
    ) -> T {
        let Some(Self(names)) = redirected else {
            return decide(headers);
        };
        for name in names {
            headers.entry(name).or_insert(STAND_IN);
        }
        let outcome = decide(headers);
        for name in names {
            if headers.get(name).is_some_and(|value| *value == STAND_IN) {
                headers.remove(name);
            }
        }
        outcome
    }
}

pub(crate) fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Where an answer says that it comes from if it was made by hand, by a cache or in a test.
const UNKNOWN: &str = "no.url.provided.local";

/// Whether an answer comes from the very URL that was asked, as far as it says. reqwest gives URLs
/// back without their fragments.
pub(crate) fn is_answer_of(sent: &Url, answered: &Url) -> bool {
    sent == answered
        || answered.host_str() == Some(UNKNOWN)
        || without_fragment(sent) == without_fragment(answered)
}

fn without_fragment(url: &Url) -> &str {
    let url = url.as_str();
    url.split_once('#').map_or(url, |(url, _)| url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_in_parts() {
        for (other, expected) in [
            ("https://api.example/y?z", true),
            ("https://api.example:443/", true),
            ("https://API.example/", true),
            ("http://api.example/", false),
            ("http://api.example:443/", false),
            ("https://api.example:8443/", false),
            ("https://api.example.evil/", false),
            ("https://api.example./", false),
            ("https://api.example@evil.example/", false),
        ] {
            let one = Url::parse("https://api.example/x").unwrap();
            let other = Url::parse(other).unwrap();
            assert_eq!(is_same_origin(&one, &other), expected, "{other}");
        }
    }
}
