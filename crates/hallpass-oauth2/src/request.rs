//! One token request: what a source is set up with, and the `http::Request` that comes of it.

use std::time::Duration;

use bytes::Bytes;
use hallpass_core::{Error, Origin};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
    uri::PathAndQuery,
};
use zeroize::Zeroizing;

use crate::{Expiry, Secret, encoding, secret::Use, token_url::TokenUrl};

/// How the client says who it is. One way per request, and no other is tried when it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ClientAuth {
    /// No secret is sent.
    None,
    /// An HTTP Basic header, both halves percent-encoded first (RFC 6749 §2.3.1).
    #[default]
    Basic,
    /// An HTTP Basic header with both halves as they are, for servers that forget to decode.
    BasicRaw,
    /// `client_id` and `client_secret` in the form body.
    Post,
}

impl ClientAuth {
    pub(crate) const NAMES: &[(&'static str, Self)] = &[
        ("none", Self::None),
        ("basic", Self::Basic),
        ("basic-raw", Self::BasicRaw),
        ("post", Self::Post),
    ];
}

/// Where the parameters of the grant go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// A form in the body.
    #[default]
    Form,
    /// The query of the URL, with an empty body. Secrets never go there.
    Query,
}

impl Encoding {
    pub(crate) const NAMES: &[(&'static str, Self)] =
        &[("form", Self::Form), ("query", Self::Query)];
}

/// Everything that is settled before the first fetch.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) url: TokenUrl,
    pub(crate) auth: ClientAuth,
    pub(crate) id: Option<Secret>,
    pub(crate) secret: Option<Secret>,
    pub(crate) send_client_id: bool,
    pub(crate) encoding: Encoding,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) scope: Option<String>,
    pub(crate) expiry: Vec<Expiry>,
    pub(crate) default_lifetime: Option<Duration>,
    pub(crate) assume_bearer: bool,
    pub(crate) attempt_deadline: Duration,
    pub(crate) attach: Attach,
    pub(crate) origins: Option<Vec<Origin>>,
}

/// How the token goes onto requests to the API, and what goes along.
pub(crate) struct Attach {
    pub(crate) header: HeaderName,
    /// With `{token}` in it.
    pub(crate) value: String,
    pub(crate) beside: Vec<(HeaderName, HeaderValue)>,
}

/// Id and secret as they are during one fetch.
pub(crate) struct Client {
    pub(crate) id: Option<Zeroizing<String>>,
    pub(crate) secret: Option<Zeroizing<String>>,
}

impl Plan {
    /// Reads id and secret.
    pub(crate) fn client(&self) -> Result<Client, Error> {
        let read = |secret: &Option<Secret>, what| {
            secret
                .as_ref()
                .map(|secret| {
                    secret.read(Use {
                        what,
                        of: &self.name,
                    })
                })
                .transpose()
        };
        let client = Client {
            id: read(&self.id, "client id")?,
            secret: match self.auth {
                ClientAuth::None => None,
                _ => read(&self.secret, "client secret")?,
            },
        };
        if self.auth == ClientAuth::BasicRaw
            && client.id.as_deref().is_some_and(|id| id.contains(':'))
        {
            return Err(Error::configuration(format!(
                "the client id of \"{}\" holds a colon, which raw Basic can't carry: use basic",
                self.name
            )));
        }
        Ok(client)
    }

    /// A number that changes with id or secret.
    pub(crate) fn version(&self) -> u64 {
        [&self.id, &self.secret]
            .into_iter()
            .flatten()
            .fold(0, |sum, secret| sum.wrapping_add(secret.version()))
    }

    pub(crate) fn request(&self, client: &Client) -> Result<Request<Bytes>, Error> {
        let id = client.id.as_deref().map_or("", String::as_str);
        let secret = client.secret.as_deref().map_or("", String::as_str);
        let post = self.auth == ClientAuth::Post;

        let own = self
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let id_pair = (post || self.send_client_id).then_some(("client_id", id));
        let secret_pair = post.then_some(("client_secret", secret));
        let mut encoded = encoding::form(own.chain(id_pair).chain(secret_pair));

        let (uri, body) = match self.encoding {
            Encoding::Form => {
                let body = Zeroizing::new(std::mem::take(&mut *encoded).into_bytes());
                (self.url.uri().clone(), Bytes::from_owner(body))
            }
            Encoding::Query => (self.with_query(&encoded)?, Bytes::new()),
        };

        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        let header = match self.auth {
            ClientAuth::Basic => Some(encoding::basic(id, secret)),
            ClientAuth::BasicRaw => Some(encoding::basic_raw(id, secret)),
            ClientAuth::None | ClientAuth::Post => None,
        };
        if let Some(header) = header {
            let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(header))
                .map_err(|_| Error::configuration("a Basic header that can't be sent"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    fn with_query(&self, encoded: &str) -> Result<Uri, Error> {
        let uri = self.url.uri();
        let target = match uri.query() {
            Some(own) if !own.is_empty() => format!("{}?{own}&{encoded}", uri.path()),
            _ => format!("{}?{encoded}", uri.path()),
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query =
            Some(PathAndQuery::from_maybe_shared(target).map_err(refused_query)?);
        Uri::from_parts(parts).map_err(refused_query)
    }
}

fn refused_query<E>(_: E) -> Error {
    Error::configuration("the parameters are too long for the query of a URL: send them as a form")
}

/// The headers of every token request, before those that the user sets.
pub(crate) fn default_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("hallpass/", env!("CARGO_PKG_VERSION"))),
    );
    headers
}
