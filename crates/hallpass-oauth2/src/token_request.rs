//! [`TokenRequest`]: the one builder of sources, which edits a [`Profile`].

mod client_auth;
mod client_credentials;
mod dpop;
mod google;
mod jwt_bearer;
mod of_profile;
mod password;
mod per_key;
mod refresh_token;
mod token_exchange;

use std::{fmt, sync::Arc, time::Duration};

use hallpass_core::Error;

pub use self::{
    client_credentials::ClientCredentials,
    jwt_bearer::JwtBearer,
    password::Password,
    refresh_token::RefreshToken,
    token_exchange::{TokenExchange, token_type},
};
use crate::{
    Encoding, Expiry, Grant, Profile, TokenSource, Transport,
    assertion::ClientAssertion,
    plan::{GrantInputs, Settings},
    template::literal,
    token_source::ATTEMPT_DEADLINE,
    value::Value,
};

/// One request to a token endpoint: a [`Profile`], who asks, and with what.
///
/// It begins with a grant, such as [`ClientCredentials::at`], or with a profile,
/// [`Profile::client`]. Everything it is told is an edit of its profile, so that grants, ways to
/// authenticate and a vendor's oddities go together freely. Nothing is checked until
/// [`build`](Self::build), and nothing is sent until the source is asked.
#[derive(Clone)]
pub struct TokenRequest {
    settings: Box<Settings>,
    /// What went wrong before `build`, which reports it.
    fault: Option<Error>,
}

impl TokenRequest {
    pub(crate) fn of(profile: Profile) -> Self {
        Self {
            settings: Box::new(Settings {
                profile,
                id: None,
                secret: None,
                assertion: ClientAssertion::default(),
                grant: GrantInputs::default(),
                dpop: None,
                certificate: None,
                told: None,
                allow_http: false,
                attempt_deadline: ATTEMPT_DEADLINE,
                under_way: Arc::default(),
            }),
            fault: None,
        }
    }

    fn at(token_url: impl Into<String>, grant: Grant) -> Self {
        Self::of(Profile {
            token_url: literal(&token_url.into()),
            grant,
            ..Profile::default()
        })
    }

    /// A template for this value: a text as it is, or a secret variable of its own.
    fn template_of(&mut self, value: Value) -> String {
        match value {
            Value::Plain(text) => literal(&text),
            secret @ Value::Secret(_) => {
                let values = &mut self.settings.profile.values;
                let name = format!("_{}", values.len());
                let template = format!("{{{name}}}");
                values.insert(name, secret);
                template
            }
        }
    }

    /// Sends `client_id` among the parameters too, as some servers want it beside Basic.
    #[must_use]
    pub fn send_client_id(mut self) -> Self {
        self.settings.profile.send_client_id = true;
        self
    }

    /// Puts the parameters into the URL's query and leaves the body empty. Not together with
    /// [`post`](Self::post): a secret never goes into a URL.
    #[must_use]
    pub fn in_query(mut self) -> Self {
        self.settings.profile.encoding = Encoding::Query;
        self
    }

    /// A further parameter, a text or a [`Secret`](crate::Secret); an empty text leaves it out. `grant_type` replaces the grant's own
    /// name, for vendors that call it otherwise.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let value = self.template_of(value.into());
        let params = &mut self.settings.profile.params;
        params.push((name.into(), value.into()));
        self
    }

    /// A header of the token request; replaces one that would be sent anyway.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let value = self.template_of(value.into());
        let headers = &mut self.settings.profile.token_headers;
        headers.push((name.into(), value));
        self
    }

    /// The scopes to ask for, separated by spaces.
    ///
    /// An answer without a `scope` says that all of them are granted (RFC 6749 §5.1), and the
    /// [credential's scope](hallpass_core::Credential::scope) repeats them then. It is no proof:
    /// some servers drop a scope that they don't know and say nothing.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.settings.profile.scope = Some(literal(&scope.into()));
        self
    }

    /// The API that the token is for, where servers call it `audience`.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.settings.profile.audience = Some(literal(&audience.into()));
        self
    }

    /// The API that the token is for, as RFC 8707 calls it. Each call adds one.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        let resource = literal(&resource.into());
        self.settings.profile.resource.push(resource);
        self
    }

    /// Which parts of the answer say how long the token is good for: of those that do, the
    /// earliest end counts. Just [`Expiry::ExpiresIn`] unless set.
    #[must_use]
    pub fn expiry(mut self, sources: impl IntoIterator<Item = Expiry>) -> Self {
        self.settings.profile.expiry = sources.into_iter().collect();
        self
    }

    /// Looks at the `exp` of a token that is a JWT, too.
    #[must_use]
    pub fn jwt_expiry(mut self) -> Self {
        let expiry = &mut self.settings.profile.expiry;
        if !expiry.contains(&Expiry::Jwt) {
            expiry.push(Expiry::Jwt);
        }
        self
    }

    /// How long a token is good for when the answer says nothing. Unless set, the engine's own
    /// short default holds.
    #[must_use]
    pub fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.profile.default_lifetime = Some(lifetime);
        self
    }

    /// Takes an answer without `token_type` for what was asked for: a bearer token, or with
    /// [`dpop`](Self::dpop) one that is bound to the key. Another type stays refused.
    #[must_use]
    pub fn token_type_optional(mut self) -> Self {
        self.settings.profile.token_type_optional = true;
        self
    }

    /// Sends the token in this header of API requests, in this form: `Bearer {token}` in
    /// `Authorization` unless set.
    ///
    /// The form is a template with `{token}` in it; it may name `{client_id}` too. Doubled braces
    /// stand for themselves: `{{` is sent as `{`.
    #[must_use]
    pub fn attach(mut self, header: impl Into<String>, form: impl Into<String>) -> Self {
        let profile = &mut self.settings.profile;
        profile.header = header.into();
        profile.header_value = form.into();
        self
    }

    /// A constant header for API requests that have none of that name; see
    /// [`Profile::api_headers`](crate::Profile::api_headers).
    #[must_use]
    pub fn api_header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let value = self.template_of(value.into());
        let headers = &mut self.settings.profile.api_headers;
        headers.push((name.into(), value));
        self
    }

    /// The origins that the token is for, such as `https://api.example.com`.
    #[must_use]
    pub fn origins<I>(mut self, origins: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        let literal = |origin: I::Item| literal(&origin.into());
        let origins = origins.into_iter().map(literal).collect();
        self.settings.profile.replace_origins(origins);
        self
    }

    /// How it is called in events and messages; the token URL's host unless set.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.profile.name = name.into();
        self
    }

    /// How long one try may take; [`ATTEMPT_DEADLINE`] unless set. The whole fetch keeps to the
    /// engine's deadline in any case.
    #[must_use]
    pub fn attempt_deadline(mut self, limit: Duration) -> Self {
        self.settings.attempt_deadline = limit;
        self
    }

    /// Lets the secret travel over plain `http`, where anybody on the way can read it.
    #[must_use]
    pub fn dangerously_allow_http(mut self) -> Self {
        self.settings.allow_http = true;
        self
    }

    /// Lets the token hold any visible character, and not just those of RFC 6750 §2.1.
    #[must_use]
    pub fn lenient_token(mut self) -> Self {
        self.settings.profile.lenient_token = true;
        self
    }

    /// Keeps a member of the answer, found at this path, as a
    /// [field](hallpass_core::Credential::field) of the credential. No place for secrets.
    #[must_use]
    pub fn capture(mut self, name: impl Into<String>, path: impl Into<String>) -> Self {
        let capture = &mut self.settings.profile.capture;
        capture.push((name.into(), path.into()));
        self
    }

    /// Edits what no other method names: whatever a [`Profile`] can say.
    ///
    /// ```
    /// use hallpass_oauth2::{ClientCredentials, Encoding, Reissue};
    ///
    /// let builder = ClientCredentials::at("https://api.example.com/login")
    ///     .post("my-client", "s3cret")
    ///     .profile(|profile| {
    ///         profile.encoding = Encoding::Json;
    ///         profile.reissue = Reissue::Sticky;
    ///     });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn profile(mut self, edit: impl FnOnce(&mut Profile)) -> Self {
        edit(&mut self.settings.profile);
        self
    }

    /// Checks the settings and makes the source.
    ///
    /// The sources of one builder, and of its clones, share a refresh token.
    ///
    /// # Errors
    /// A permanent error that names the setting: a token URL that is not absolute, is plain
    /// `http`, or has a fragment or user information; a parameter that would be sent twice; a
    /// secret that would end up in a URL; a header, a scope, a resource or an origin that is none; a
    /// template that can't be filled; no client; nothing that the grant needs.
    pub fn build(self, transport: impl Transport) -> Result<TokenSource, Error> {
        TokenSource::new(&self.settings()?, Arc::new(transport))
    }

    /// The settings, unless something went wrong before.
    pub(crate) fn settings(self) -> Result<Settings, Error> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(*self.settings),
        }
    }

    /// Says for whom assertions are, unless that is said already.
    pub(crate) fn issuer_unless_set(&mut self, issuer: &str) {
        let own = &mut self.settings.profile.issuer;
        own.get_or_insert_with(|| literal(issuer));
    }

    /// Says which scopes to ask for, unless that is said already.
    pub(crate) fn scope_unless_set(&mut self, scope: &str) {
        let own = &mut self.settings.profile.scope;
        own.get_or_insert_with(|| literal(scope));
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token URL is unchecked here and may hold anything.
        let profile = &self.settings.profile;
        let params: Vec<_> = profile.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("TokenRequest")
            .field("grant", &profile.grant)
            .field("name", &profile.name)
            .field("client_auth", &profile.client_auth)
            .field("params", &params)
            .finish_non_exhaustive()
    }
}
