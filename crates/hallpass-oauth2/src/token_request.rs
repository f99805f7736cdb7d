//! [`TokenRequest`]: the builder that every grant shares.

mod client_auth;

use std::{fmt, marker::PhantomData, time::Duration};

use hallpass_core::Error;

use crate::{
    ClientAuth, Encoding, Expiry, Secret, TokenSource, Transport, assertion::ClientAssertion,
    client_credentials::BEARER, dialect::Dialect, grants::GrantPlan, plan,
    token_source::ATTEMPT_DEADLINE,
};

/// One request to a token endpoint, of the grant `G`: who asks, for what, and what to make of the
/// answer.
///
/// Each grant has a name of its own and methods of its own beside these:
/// [`ClientCredentials`](crate::ClientCredentials), [`RefreshToken`](crate::RefreshToken),
/// [`JwtBearer`](crate::JwtBearer), [`TokenExchange`](crate::TokenExchange). Nothing is checked
/// until [`build`](Self::build), and nothing is sent until the source is asked.
#[derive(Clone)]
pub struct TokenRequest<G> {
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
    /// What only a profile settles.
    pub(crate) dialect: Box<Dialect>,
    /// What went wrong before `build`, which reports it.
    pub(crate) fault: Option<Error>,
    /// What signs the assertion that the client authenticates with.
    pub(crate) assertion: ClientAssertion,
    pub(crate) grant: GrantPlan,
    pub(crate) kind: PhantomData<fn() -> G>,
}

impl<G> TokenRequest<G> {
    pub(crate) fn new(token_url: impl Into<String>, grant: GrantPlan) -> Self {
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
            dialect: Box::default(),
            fault: None,
            assertion: ClientAssertion::default(),
            grant,
            kind: PhantomData,
        }
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

    /// A further parameter; an empty value leaves it out. `grant_type` replaces the grant's own
    /// name, for vendors that call it otherwise.
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
    ///
    /// An answer without a `scope` says that all of them are granted (RFC 6749 §5.1), and the
    /// [credential's scope](hallpass_core::Credential::scope) repeats them then. It is no proof:
    /// some servers drop a scope that they don't know and say nothing.
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
    ///
    /// The form is a template with `{token}` in it; it may name `{client_id}` too. Doubled braces
    /// stand for themselves: `{{` is sent as `{`.
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

impl<G> fmt::Debug for TokenRequest<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token URL is unchecked here and may hold anything.
        let params: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("TokenRequest")
            .field("grant", &self.grant.grant_type)
            .field("name", &self.name)
            .field("client_auth", &self.auth)
            .field("params", &params)
            .finish_non_exhaustive()
    }
}
