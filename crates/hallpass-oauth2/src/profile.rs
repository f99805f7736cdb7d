//! [`Profile`]: a vendor as data. An odd token endpoint is a few lines of TOML, not code.

mod fields;
mod file;
mod shipped;
mod template;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use hallpass_core::Error;
use serde::Deserialize;

use self::template::Place;
use crate::{ClientAuth, ClientCredentials, Encoding, Expiry, Secret, client_credentials::BEARER};

/// How one vendor's token endpoint wants to be asked, and where its tokens go.
///
/// Plain data: every field is public, may stand in a TOML file under its own name, and has a
/// default that follows RFC 6749, so a plain vendor is three lines. Texts marked *template* may
/// hold `{variables}`, which [`var`](Self::var) gives a value.
///
/// ```
/// use hallpass_oauth2::{Profile, Secret};
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
///
/// let acme = Profile::from_toml(r#"
///     token_url = "https://{tenant}.acme.example/oauth/token"
///     client_auth = "post"
///     origins = ["https://{tenant}.acme.example"]
/// "#)?;
/// let source = acme
///     .var("tenant", "blue")
///     .client("my-client", Secret::env("ACME_SECRET"))
///     .build(transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Profile {
    /// A short name for events and messages. A file's name stands in for it.
    pub name: String,
    /// Where the vendor describes this.
    pub documentation: Option<String>,
    /// What each variable means; shown when one has no value.
    pub variables: BTreeMap<String, String>,
    /// The token endpoint; template. A variable at its very start may be a whole URL.
    pub token_url: String,
    /// `none`, `basic` (unless set), `basic-raw` or `post`.
    #[serde(deserialize_with = "fields::client_auth")]
    pub client_auth: ClientAuth,
    /// `form` (unless set) or `query`.
    #[serde(deserialize_with = "fields::encoding")]
    pub encoding: Encoding,
    /// Further parameters in this order; templates. `grant_type` replaces `client_credentials`.
    #[serde(deserialize_with = "fields::pairs")]
    pub params: Vec<(String, String)>,
    /// Whether `client_id` goes among the parameters too.
    pub send_client_id: bool,
    /// Headers of the token request; templates.
    #[serde(deserialize_with = "fields::pairs")]
    pub token_headers: Vec<(String, String)>,
    /// The scopes to ask for; template.
    pub scope: Option<String>,
    /// The parameter `audience`; template.
    pub audience: Option<String>,
    /// The parameters `resource`; templates.
    pub resource: Vec<String>,
    /// Whether an answer without `token_type` is taken for a bearer token.
    pub token_type_optional: bool,
    /// What says how long a token is good for, a list of `expires_in` and `jwt`; the earliest
    /// counts. `["expires_in"]` unless set.
    #[serde(deserialize_with = "fields::expiry")]
    pub expiry: Vec<Expiry>,
    /// How long a token is good for when nothing says so; in seconds.
    #[serde(deserialize_with = "fields::seconds")]
    pub default_lifetime: Option<Duration>,
    /// The header of API requests that carries the token.
    pub header: String,
    /// What stands in it, with `{token}` for the token.
    pub header_value: String,
    /// Constant headers for API requests that have none of that name; templates.
    #[serde(deserialize_with = "fields::pairs")]
    pub api_headers: Vec<(String, String)>,
    /// The origins that tokens are for; templates.
    pub origins: Option<Vec<String>>,
    #[serde(skip)]
    values: BTreeMap<String, String>,
    /// The variables of templates that were replaced: giving them a value is no mistake.
    #[serde(skip)]
    replaced: BTreeSet<String>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: String::new(),
            documentation: None,
            variables: BTreeMap::new(),
            token_url: String::new(),
            client_auth: ClientAuth::default(),
            encoding: Encoding::default(),
            params: Vec::new(),
            send_client_id: false,
            token_headers: Vec::new(),
            scope: None,
            audience: None,
            resource: Vec::new(),
            token_type_optional: false,
            expiry: vec![Expiry::ExpiresIn],
            default_lifetime: None,
            header: "authorization".to_owned(),
            header_value: BEARER.to_owned(),
            api_headers: Vec::new(),
            origins: None,
            values: BTreeMap::new(),
            replaced: BTreeSet::new(),
        }
    }
}

impl Profile {
    /// Gives a variable of the templates its value.
    #[must_use]
    pub fn var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Puts another token endpoint in place of the profile's; template.
    #[must_use]
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.retire(&[self.token_url.clone()]);
        self.token_url = url.into();
        self
    }

    /// Puts other origins in place of the profile's; templates.
    #[must_use]
    pub fn origins<I>(mut self, origins: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.retire(&self.origins.clone().unwrap_or_default());
        self.origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }

    /// A builder with everything from the profile, for this client. What is wrong with the
    /// profile's variables, [`build`](ClientCredentials::build) says.
    pub fn client(&self, id: impl Into<Secret>, secret: impl Into<Secret>) -> ClientCredentials {
        let builder = self.filled().unwrap_or_else(|fault| {
            let mut builder = ClientCredentials::at(self.token_url.clone());
            builder.fault = Some(fault);
            builder
        });
        builder.authenticated(self.client_auth, id, secret)
    }

    fn retire(&mut self, templates: &[String]) {
        for template in templates {
            let names = template::names(template).unwrap_or_default();
            self.replaced.extend(names.into_iter().map(str::to_owned));
        }
    }

    fn filled(&self) -> Result<ClientCredentials, Error> {
        self.check_variables()?;
        let text = |template: &String| self.expand(template, Place::Text);
        let option = |template: &Option<String>| match template {
            Some(template) => text(template),
            None => Ok(String::new()),
        };
        let pairs = |pairs: &[(String, String)]| {
            pairs
                .iter()
                .map(|(name, value)| Ok((name.clone(), text(value)?)))
                .collect::<Result<Vec<_>, Error>>()
        };
        let mut builder = ClientCredentials::at(self.expand(&self.token_url, Place::Url)?);
        builder.name = Some(self.name.clone()).filter(|name| !name.is_empty());
        builder.encoding = self.encoding;
        builder.params = pairs(&self.params)?;
        builder.send_client_id = self.send_client_id;
        builder.headers = pairs(&self.token_headers)?;
        builder.scope = option(&self.scope)?;
        builder.audience = option(&self.audience)?;
        builder.resources = self.resource.iter().map(text).collect::<Result<_, _>>()?;
        builder.assume_bearer = self.token_type_optional;
        builder.expiry.clone_from(&self.expiry);
        builder.default_lifetime = self.default_lifetime;
        builder.attach = (self.header.clone(), self.header_value.clone());
        builder.api_headers = pairs(&self.api_headers)?;
        builder.origins = match &self.origins {
            Some(origins) => Some(
                origins
                    .iter()
                    .map(|origin| self.expand(origin, Place::Url))
                    .collect::<Result<_, _>>()?,
            ),
            None => None,
        };
        Ok(builder)
    }

    fn expand(&self, template: &str, place: Place) -> Result<String, Error> {
        template::expand(template, place, &self.values).map_err(|fault| {
            let meaning = match &fault {
                template::Fault::Unset(name) => self
                    .variables
                    .get(name)
                    .map_or_else(String::new, |meaning| format!(" ({meaning})")),
                _ => String::new(),
            };
            Error::configuration(format!("profile \"{}\" {fault}{meaning}", self.name))
        })
    }

    fn check_variables(&self) -> Result<(), Error> {
        let mut known: BTreeSet<&str> = self.replaced.iter().map(String::as_str).collect();
        known.extend(self.variables.keys().map(String::as_str));
        for (_, template) in self.templates() {
            known.extend(template::names(template).unwrap_or_default());
        }
        match self
            .values
            .keys()
            .find(|name| !known.contains(name.as_str()))
        {
            None => Ok(()),
            Some(name) if known.is_empty() => Err(Error::configuration(format!(
                "profile \"{}\" has no variable \"{name}\": it has none",
                self.name
            ))),
            Some(name) => Err(Error::configuration(format!(
                "profile \"{}\" has no variable \"{name}\"; it has {}",
                self.name,
                known.into_iter().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// Every template with the field that it stands in.
    fn templates(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let pairs = [
            ("params", &self.params),
            ("token_headers", &self.token_headers),
            ("api_headers", &self.api_headers),
        ];
        let lists = [
            ("resource", Some(&self.resource)),
            ("origins", self.origins.as_ref()),
        ];
        let singles = [
            ("token_url", Some(&self.token_url)),
            ("scope", self.scope.as_ref()),
            ("audience", self.audience.as_ref()),
        ];
        singles
            .into_iter()
            .filter_map(|(field, text)| Some((field, text?.as_str())))
            .chain(lists.into_iter().flat_map(|(field, list)| {
                list.into_iter()
                    .flatten()
                    .map(move |text| (field, text.as_str()))
            }))
            .chain(pairs.into_iter().flat_map(|(field, pairs)| {
                pairs.iter().map(move |(_, text)| (field, text.as_str()))
            }))
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers, parameters and variables may hold keys.
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("token_url", &self.token_url)
            .field("client_auth", &self.client_auth)
            .finish_non_exhaustive()
    }
}
