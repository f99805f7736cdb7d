//! One token request: what a source is set up with, and the `http::Request` that comes of it.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use hallpass_core::{Error, Origin};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
    uri::PathAndQuery,
};
use zeroize::Zeroizing;

use crate::{
    Expiry, Secret,
    assertion::SettledAssertion,
    dialect::{Call, Dialect, FilledParams, Param, Text, form_pairs},
    encoding,
    grants::{GrantPlan, Read},
    secret::Use,
    token_url::TokenUrl,
};

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
    /// An HTTP Basic header with both halves in base64 first.
    BasicBase64,
    /// `client_id` and `client_secret` among the parameters.
    Post,
    /// An assertion that the secret signs (RFC 7523 §2.2, HS256).
    ClientSecretJwt,
    /// An assertion that a private key signs (RFC 7523 §2.2).
    PrivateKeyJwt,
    /// The client's certificate, which the transport presents, and `client_id` (RFC 8705 §2).
    Tls,
    /// Where the templates of a [`Profile`](crate::Profile)'s parameters and headers name
    /// `{client_id}`, `{client_secret}` or `{basic}`.
    Custom,
}

impl ClientAuth {
    pub(crate) const NAMES: &[(&'static str, Self)] = &[
        ("none", Self::None),
        ("basic", Self::Basic),
        ("basic-raw", Self::BasicRaw),
        ("basic-base64", Self::BasicBase64),
        ("post", Self::Post),
        ("client-secret-jwt", Self::ClientSecretJwt),
        ("private-key-jwt", Self::PrivateKeyJwt),
        ("tls", Self::Tls),
        ("custom", Self::Custom),
    ];
}

/// Where the parameters of the grant go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// A form in the body.
    #[default]
    Form,
    /// A JSON object in the body.
    Json,
    /// The query of the URL, with an empty body. Secrets only go there if a profile insists.
    Query,
    /// Nowhere: there are none.
    None,
}

impl Encoding {
    pub(crate) const NAMES: &[(&'static str, Self)] = &[
        ("form", Self::Form),
        ("json", Self::Json),
        ("query", Self::Query),
        ("none", Self::None),
    ];

    /// What the body is.
    pub(crate) fn content_type(self) -> Option<HeaderValue> {
        match self {
            // Servers that read the query want to hear of a form all the same.
            Self::Form | Self::Query => Some(HeaderValue::from_static(
                "application/x-www-form-urlencoded",
            )),
            Self::Json => Some(HeaderValue::from_static("application/json")),
            Self::None => None,
        }
    }
}

/// Everything that is settled before the first fetch.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) url: TokenUrl,
    pub(crate) auth: ClientAuth,
    pub(crate) assertion: Option<SettledAssertion>,
    pub(crate) grant: GrantPlan,
    pub(crate) id: Option<Secret>,
    pub(crate) secret: Option<Secret>,
    pub(crate) send_client_id: bool,
    pub(crate) encoding: Encoding,
    pub(crate) params: Vec<(String, Param<Text>)>,
    pub(crate) headers: HeaderMap,
    /// Headers that each call fills anew.
    pub(crate) filled_headers: Vec<(HeaderName, Text)>,
    pub(crate) scope: Option<String>,
    pub(crate) expiry: Vec<Expiry>,
    pub(crate) default_lifetime: Option<Duration>,
    pub(crate) assume_bearer: bool,
    pub(crate) attempt_deadline: Duration,
    pub(crate) attach: Attach,
    pub(crate) origins: Option<Vec<Origin>>,
    pub(crate) dialect: Dialect,
}

/// How the token goes onto requests to the API, and what goes along.
pub(crate) struct Attach {
    pub(crate) header: HeaderName,
    /// With the token in it.
    pub(crate) value: Text,
    /// Whether it is `Bearer` and the token, as RFC 6750 §2.1 has it.
    pub(crate) bearer: bool,
    pub(crate) beside: Vec<(HeaderName, Text)>,
}

/// Id and secret as they are during one fetch.
pub(crate) struct Client {
    pub(crate) id: Option<Zeroizing<String>>,
    pub(crate) secret: Option<Zeroizing<String>>,
    /// What else stands in the parameters: the client's assertion, the grant's tokens.
    further: Vec<(&'static str, Read)>,
}

/// The parameters of a client's assertion (RFC 7521 §4.2).
pub(crate) const CLIENT_ASSERTION: [&str; 2] = ["client_assertion_type", "client_assertion"];

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Client {
    /// Whether a refusal of the one is a refusal of the other too.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let pairs = || self.further.iter().zip(&other.further);
        self.id == other.id
            && self.secret == other.secret
            && pairs().all(|((_, one), (_, two))| one.same(two))
    }

    /// The same with a parameter of this one request.
    pub(crate) fn saying(mut self, name: &'static str, value: Zeroizing<String>) -> Self {
        self.further.push((name, Read::Text(value)));
        self
    }

    /// What stands in the parameters beside id and secret and is read, not signed.
    pub(crate) fn told(&self) -> impl Iterator<Item = &str> {
        let values = self
            .further
            .iter()
            .filter(|(name, _)| *name != CLIENT_ASSERTION[0]);
        values.filter_map(|(_, read)| match read {
            Read::Text(text) => Some(text.as_str()),
            Read::Jwt(_) => None,
        })
    }

    /// What templates may name before there is an answer.
    pub(crate) fn call(&self) -> Call<'_> {
        Call {
            id: self.id.as_deref().map_or("", String::as_str),
            secret: self.secret.as_deref().map_or("", String::as_str),
            token: "",
            fields: Cow::default(),
        }
    }
}

impl Plan {
    /// Reads id, secret and what else the request needs.
    pub(crate) async fn client(&self) -> Result<Client, Error> {
        let mut client = Client {
            id: self.read(self.id.as_ref(), "client id").await?,
            secret: match self.auth {
                ClientAuth::None | ClientAuth::Tls => None,
                _ => self.read(self.secret.as_ref(), "client secret").await?,
            },
            further: Vec::new(),
        };
        if let Some(assertion) = &self.assertion {
            let id = client.id.as_deref().map_or("", String::as_str);
            let secret = client.secret.as_deref().map_or("", String::as_str);
            let jwt = assertion.ready(id, secret, &self.name).await?;
            let kind = Zeroizing::new(JWT_BEARER.to_owned());
            let [kind_name, name] = CLIENT_ASSERTION;
            client.further = vec![(kind_name, Read::Text(kind)), (name, Read::Jwt(jwt))];
        }
        client.further.extend(self.grant.read(&self.name).await?);
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

    async fn read(
        &self,
        secret: Option<&Secret>,
        what: &'static str,
    ) -> Result<Option<Zeroizing<String>>, Error> {
        let of = &self.name;
        match secret {
            Some(secret) => secret.read(Use { what, of }).await.map(Some),
            None => Ok(None),
        }
    }

    /// A number that changes with whatever is read at each fetch.
    pub(crate) fn version(&self) -> u64 {
        let signed = self.assertion.as_ref().map_or(0, SettledAssertion::version);
        [&self.id, &self.secret]
            .into_iter()
            .flatten()
            .map(Secret::version)
            .fold(signed, u64::wrapping_add)
            .wrapping_add(self.grant.version())
    }

    pub(crate) fn request(&self, client: &Client) -> Result<Request<Bytes>, Error> {
        let call = client.call();
        let params = self.filled_params(client, &call)?;
        let mut query = String::new();
        let mut body = Zeroizing::new(String::new());
        match self.encoding {
            Encoding::Form => body = form(&form_pairs(&params)),
            Encoding::Json => body = encoding::json(&params),
            Encoding::Query => query.push_str(&form(&form_pairs(&params))),
            Encoding::None => {}
        }
        if !self.dialect.query.is_empty() {
            let own = filled(&self.dialect.query, &call)?;
            let separator = if query.is_empty() { "" } else { "&" };
            query = [&form(&own), separator, &query].concat();
        }

        let body = Zeroizing::new(std::mem::take(&mut *body).into_bytes());
        let mut request = Request::new(Bytes::from_owner(body));
        *request.method_mut() = self.dialect.method.clone();
        *request.uri_mut() = self.with_query(&query)?;
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        for (name, text) in &self.filled_headers {
            let value = text.fill(&call).map_err(unfilled)?;
            headers.insert(name, header_value(name, &value)?);
        }
        let basic = match self.auth {
            ClientAuth::Basic => encoding::basic(call.id, call.secret),
            ClientAuth::BasicRaw => encoding::basic_raw(call.id, call.secret),
            ClientAuth::BasicBase64 => encoding::basic_base64(call.id, call.secret),
            _ => return Ok(request),
        };
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(basic))
            .map_err(|_| Error::configuration("a Basic header that can't be sent"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(request)
    }

    /// The parameters with what this call knows, the client's own last.
    fn filled_params(&self, client: &Client, call: &Call<'_>) -> Result<FilledParams, Error> {
        let post = self.auth == ClientAuth::Post;
        let mut params = Vec::with_capacity(self.params.len() + 2);
        for (name, param) in &self.params {
            let mut fill = |text: &Text| text.fill(call).map_err(unfilled);
            params.push((name.clone(), param.map(&mut fill)?));
        }
        let own = |name: &str, value: &str| {
            let value = Param::Text(Zeroizing::new(value.to_owned()));
            (name.to_owned(), value)
        };
        if post || self.send_client_id {
            params.push(own("client_id", call.id));
        }
        if post {
            params.push(own("client_secret", call.secret));
        }
        for (name, read) in &client.further {
            params.push(own(name, &read.value()?));
        }
        Ok(params)
    }

    fn with_query(&self, encoded: &str) -> Result<Uri, Error> {
        let uri = self.url.uri();
        if encoded.is_empty() {
            return Ok(uri.clone());
        }
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

fn form(pairs: &[(&str, Zeroizing<String>)]) -> Zeroizing<String> {
    encoding::form(pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

fn filled<'a>(
    pairs: &'a [(String, Text)],
    call: &Call<'_>,
) -> Result<Vec<(&'a str, Zeroizing<String>)>, Error> {
    let fill =
        |(name, text): &'a (String, Text)| Ok((name.as_str(), text.fill(call).map_err(unfilled)?));
    pairs.iter().map(fill).collect()
}

fn unfilled(field: &str) -> Error {
    Error::configuration(format!(
        "the token request names \"{field}\", which only its answer brings"
    ))
}

/// A sensitive header's value.
pub(crate) fn header_value(name: &HeaderName, value: &str) -> Result<HeaderValue, Error> {
    let bytes = Zeroizing::new(value.as_bytes().to_vec());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).map_err(|_| {
        Error::configuration(format!(
            "the value of the header {name} holds a character that no header may hold"
        ))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn refused_query<E>(_: E) -> Error {
    Error::configuration("the parameters are too long for the query of a URL: send them as a form")
}

/// The headers of every token request, before those that the user sets.
pub(crate) fn default_headers(content_type: Option<HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("hallpass/", env!("CARGO_PKG_VERSION"))),
    );
    headers
}
