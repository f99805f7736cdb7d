//! [`ClientCredentials`]: the builder of the client-credentials grant (RFC 6749 §4.4).

use std::{fmt, time::Duration};

use hallpass_core::Error;

use crate::{
    ClientAuth, Encoding, Expiry, Secret, TokenSource, Transport, plan,
    token_source::ATTEMPT_DEADLINE,
};

/// How a token goes onto a request, unless the builder or a profile says otherwise.
pub(crate) const BEARER: &str = "Bearer {token}";

/// The client-credentials grant: an id and a secret, exchanged for a token at a token endpoint.
///
/// Nothing is checked until [`build`](Self::build), and nothing is sent until the source is asked.
///
/// ```
/// use hallpass_oauth2::{ClientCredentials, Secret};
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
///
/// let source = ClientCredentials::at("https://api.example.com/oauth/v2/token")
///     .basic("my-client", Secret::env("EXAMPLE_SECRET"))
///     .scope("accounts.read")
///     .build(transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct ClientCredentials {
    pub(crate) name: Option<String>,
    pub(crate) token_url: String,
    pub(crate) auth: Option<ClientAuth>,
    pub(crate) id: Option<Secret>,
    pub(crate) secret: Option<Secret>,
    pub(crate) send_client_id: bool,
    pub(crate) encoding: Encoding,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) scope: String,
    pub(crate) audience: String,
    pub(crate) resources: Vec<String>,
    pub(crate) expiry: Vec<Expiry>,
    pub(crate) default_lifetime: Option<Duration>,
    pub(crate) assume_bearer: bool,
    pub(crate) allow_http: bool,
    pub(crate) attempt_deadline: Duration,
    pub(crate) attach: (String, String),
    pub(crate) api_headers: Vec<(String, String)>,
    pub(crate) origins: Option<Vec<String>>,
    /// What went wrong before `build`, which reports it.
    pub(crate) fault: Option<Error>,
}

impl ClientCredentials {
    /// Asks the token endpoint at this URL: `https`, or `http` on this machine.
    pub fn at(token_url: impl Into<String>) -> Self {
        Self {
            name: None,
            token_url: token_url.into(),
            auth: None,
            id: None,
            secret: None,
            send_client_id: false,
            encoding: Encoding::Form,
            params: Vec::new(),
            headers: Vec::new(),
            scope: String::new(),
            audience: String::new(),
            resources: Vec::new(),
            expiry: vec![Expiry::ExpiresIn],
            default_lifetime: None,
            assume_bearer: false,
            allow_http: false,
            attempt_deadline: ATTEMPT_DEADLINE,
            attach: ("authorization".to_owned(), BEARER.to_owned()),
            api_headers: Vec::new(),
            origins: None,
            fault: None,
        }
    }

    pub(crate) fn authenticated(
        mut self,
        auth: ClientAuth,
        id: impl Into<Secret>,
        secret: impl Into<Secret>,
    ) -> Self {
        self.auth = Some(auth);
        self.id = Some(id.into());
        self.secret = Some(secret.into());
        self
    }

    /// `client_secret_basic`: an HTTP Basic header, both halves percent-encoded first, a space as
    /// `%20` (RFC 6749 §2.3.1).
    #[must_use]
    pub fn basic(self, id: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        self.authenticated(ClientAuth::Basic, id, secret)
    }

    /// An HTTP Basic header with both halves as they are, for servers that forget to decode them.
    /// An id with a colon can't be sent like this.
    #[must_use]
    pub fn basic_raw(self, id: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        self.authenticated(ClientAuth::BasicRaw, id, secret)
    }

    /// `client_secret_post`: id and secret in the form body.
    #[must_use]
    pub fn post(self, id: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        self.authenticated(ClientAuth::Post, id, secret)
    }

    /// No secret: `client_id` in the parameters, for endpoints that know the client by other means.
    #[must_use]
    pub fn public(mut self, id: impl Into<Secret>) -> Self {
        self.auth = Some(ClientAuth::None);
        self.id = Some(id.into());
        self.secret = None;
        self.send_client_id = true;
        self
    }

    /// Sends `client_id` among the parameters too, as some servers want it beside Basic.
    #[must_use]
    pub fn send_client_id(mut self) -> Self {
        self.send_client_id = true;
        self
    }

    /// Puts the parameters into the URL's query and leaves the body empty. Not together with
    /// [`post`](Self::post): a secret never goes into a URL.
    #[must_use]
    pub fn in_query(mut self) -> Self {
        self.encoding = Encoding::Query;
        self
    }

    /// A further parameter; an empty value leaves it out. `grant_type` replaces the usual
    /// `client_credentials`.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// A header of the token request; replaces one that would be sent anyway.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The scopes to ask for, separated by spaces.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// The API that the token is for, where servers call it `audience`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// The API that the token is for, as RFC 8707 calls it. Each call adds one.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Which parts of the answer say how long the token is good for: of those that do, the
    /// earliest end counts. Just [`Expiry::ExpiresIn`] unless set.
    #[must_use]
    pub fn expiry(mut self, sources: impl IntoIterator<Item = Expiry>) -> Self {
        self.expiry = sources.into_iter().collect();
        self
    }

    /// Looks at the `exp` of a token that is a JWT, too.
    #[must_use]
    pub fn jwt_expiry(mut self) -> Self {
        if !self.expiry.contains(&Expiry::Jwt) {
            self.expiry.push(Expiry::Jwt);
        }
        self
    }

    /// How long a token is good for when the answer says nothing. Unless set, the engine's own
    /// short default holds.
    #[must_use]
    pub fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.default_lifetime = Some(lifetime);
        self
    }

    /// Takes an answer without `token_type` for a bearer token. Another type stays refused.
    #[must_use]
    pub fn assume_bearer(mut self) -> Self {
        self.assume_bearer = true;
        self
    }

    /// Sends the token in this header of API requests, in this form: `Bearer {token}` in
    /// `Authorization` unless set.
    #[must_use]
    pub fn attach(mut self, header: impl Into<String>, form: impl Into<String>) -> Self {
        self.attach = (header.into(), form.into());
        self
    }

    /// A constant header for API requests that have none of that name.
    #[must_use]
    pub fn api_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.api_headers.push((name.into(), value.into()));
        self
    }

    /// The origins that the token is for, such as `https://api.example.com`.
    #[must_use]
    pub fn origins<I>(mut self, origins: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }

    /// How it is called in events and messages; the token URL's host unless set.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How long one try may take; [`ATTEMPT_DEADLINE`] unless set. The whole fetch keeps to the
    /// engine's deadline in any case.
    #[must_use]
    pub fn attempt_deadline(mut self, limit: Duration) -> Self {
        self.attempt_deadline = limit;
        self
    }

    /// Lets the secret travel over plain `http`, where anybody on the way can read it.
    #[must_use]
    pub fn dangerously_allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Checks the settings and makes the source.
    ///
    /// # Errors
    /// A permanent error that names the setting: a token URL that is not absolute, is plain
    /// `http`, or has a fragment or user information; a parameter that would be sent twice; a
    /// secret that would end up in a URL; a header or an origin that is none; no client.
    pub fn build(self, transport: impl Transport) -> Result<TokenSource, Error> {
        Ok(TokenSource::new(plan::of(self)?, transport))
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token URL is unchecked here and may hold anything.
        let params: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("ClientCredentials")
            .field("name", &self.name)
            .field("client_auth", &self.auth)
            .field("params", &params)
            .finish_non_exhaustive()
    }
}
