//! [`Profile`]: a vendor as data. An odd token endpoint is a few lines of TOML, not code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use http::Method;
use serde::Deserialize;

use super::{
    client_auth::ClientAuth, encoding::Encoding, foreign, grant::Grant,
    response_format::ResponseFormat,
};
use crate::{
    Algorithm, Condition, Expiry, Param, Reissue,
    toml_fields::{chosen, one_or_more, pairs, seconds},
    value::Value,
};

/// How a token goes onto a request, unless something else is said.
pub(crate) const BEARER: &str = "Bearer {token}";

/// How one vendor's token endpoint wants to be asked, what it answers, and where its tokens go.
///
/// Plain data: every field is public, may stand in a TOML file under its own name, and has a
/// default that follows RFC 6749, so a plain vendor is three lines. A JSON Schema of such files
/// stands in `profile.schema.json` beside this crate's manifest. [A profile in ten
/// minutes](crate::docs::profiles) says how to write one, which shapes of endpoints take which
/// lines, and what is impossible.
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
///
/// An odd one takes a few more:
///
/// ```
/// # use hallpass_oauth2::Profile;
/// let odd = Profile::from_toml(r#"
///     token_url = "https://api.odd.example/login"
///     encoding = "json"
///     client_auth = "custom"
///     params = { grant_type = "", apiKey = "{client_id}", apiSecret = "{client_secret}" }
///     success = { body = "code", is = 0 }
///     token = "data.token"
///     token_type_optional = true
///     expiry = [{ at = "data.expires", unit = "unix-ms" }]
///     header = "x-odd-token"
///     header_value = "{token}"
///     rejected = [{ status = 419 }, { body = "code", is = [1001, 1002] }]
/// "#)?;
/// # let _ = odd;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
///
/// # Templates
///
/// Texts marked *template* may hold names in braces: variables, which [`var`](Self::var) gives a
/// value, and, where it says so, what is known only later:
///
/// - *asking*: `{client_id}`; `{client_secret}` and `{basic}`, which is `base64(id:secret)`, if
///   `client_auth` is `custom`; `{uuid}`, a new one for each request; `{now}` (RFC 3339),
///   `{now_unix}` and `{now_unix_ms}`;
/// - *using*: `{token}`, `{client_id}`, and the names of `capture`.
///
/// Both know functions: `{base64(…)}` and `{base64url(…)}` of any template, and `{now(+5m)}`,
/// `{now(-1d, date)}` or `{now(%Y%m%d)}` with an offset (`s`, `m`, `h`, `d`), a format, or both. A
/// format is `rfc3339`, `http-date`, `date`, `unix`, `unix-ms`, or a pattern of `%Y`, `%m`, `%d`,
/// `%H`, `%M`, `%S`, `%3f` (milliseconds) and `%s`.
///
/// Doubled braces stand for themselves.
///
/// # Places in JSON
///
/// A path such as `data.token` or `list.0.id` leads from the top of a document down; a JSON pointer
/// such as `/data/to.ken` does for names with dots.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a knob of its own, named in files"
)]
pub struct Profile {
    /// A short name for events and messages. A file's name stands in for it.
    pub name: String,
    /// Where the vendor describes this.
    pub documentation: Option<String>,
    /// What each variable means; shown when one has no value.
    pub variables: BTreeMap<String, String>,

    /// The token endpoint; template. A variable at its very start may be a whole URL.
    pub token_url: String,
    /// `POST` (unless set), `GET` or `PUT`.
    #[serde(deserialize_with = "chosen")]
    pub method: Method,
    /// What a token is asked for with: `client_credentials` (unless set), `refresh_token`,
    /// `jwt_bearer`, `token_exchange` or `password`.
    #[serde(deserialize_with = "chosen")]
    pub grant: Grant,
    /// How the parameters are written: `form` (unless set), `json`, `query` or `none`.
    #[serde(deserialize_with = "chosen")]
    pub encoding: Encoding,
    /// `none`, `basic` (unless set), `basic-raw`, `basic-base64`, `post`, `client-secret-jwt`,
    /// `private-key-jwt` (the secret is the key), `tls` (the transport presents a certificate) or
    /// `custom`.
    #[serde(deserialize_with = "chosen")]
    pub client_auth: ClientAuth,
    /// The server's issuer identifier, the audience of assertions that the client signs; template.
    pub issuer: Option<String>,
    /// Whether the token URL is their audience instead, for servers that know only that.
    pub assertion_for_token_url: bool,
    /// With `jwt_bearer`: the claims of the assertion that is exchanged, such as `iss`, `sub` and
    /// `aud`; templates (asking), which may nest like `params`. `iat`, `exp` and a new `jti` come by
    /// themselves, and `aud` is the `issuer`, or else the token URL, unless it is among them.
    #[serde(deserialize_with = "pairs")]
    pub claims: Vec<(String, Param)>,
    /// With `claims`: the variable that holds the key which signs them, such as `{signing_key}`: a
    /// PEM text, or a JWK. The client's secret is the key unless set.
    pub assertion_key: Option<String>,
    /// The id of the key that signs the assertions, their header `kid`; template. A key that names
    /// itself needs none.
    pub assertion_kid: Option<String>,
    /// How assertions are signed, such as `PS256`. The key's type decides it unless set; only RSA
    /// keys leave a choice.
    #[serde(deserialize_with = "foreign::algorithm")]
    pub assertion_alg: Option<Algorithm>,
    /// The header `typ` of the assertions. Unless set, `client-authentication+jwt` for those that the
    /// client authenticates with, and `JWT` for the one that is exchanged.
    pub assertion_typ: Option<String>,
    /// How long assertions live, in seconds; a minute unless set.
    #[serde(deserialize_with = "seconds")]
    pub assertion_lifetime: Option<Duration>,
    /// How far `iat` of the assertions lies back, in seconds; a minute unless set.
    #[serde(deserialize_with = "seconds")]
    pub assertion_backdated: Option<Duration>,
    /// Whether tokens are bound to a key, and each request proves that the client holds it (RFC 9449).
    /// The key is made in memory unless [`TokenRequest::dpop`](crate::TokenRequest::dpop) gives one.
    pub dpop: bool,
    /// With `dpop`: how proofs are signed, such as `EdDSA`. `ES256` for a key in memory unless set;
    /// a kept key's type decides it, and only RSA keys leave a choice.
    #[serde(deserialize_with = "foreign::algorithm")]
    pub dpop_alg: Option<Algorithm>,
    /// With `dpop`: what stands in the place of scheme, host and port in proofs for the API, where a
    /// proxy changes the URL; template. See [`Dpop::htu_base`](crate::Dpop::htu_base).
    pub dpop_htu_base: Option<String>,
    /// With `dpop`: whether a token that is bound to nothing, of the type `Bearer`, is taken as well.
    pub dpop_bearer_allowed: bool,
    /// With `token_exchange`: the type of the subject's token, an identifier of RFC 8693 §3.
    pub subject_token_type: Option<String>,
    /// With `token_exchange`: the type of the actor's token.
    pub actor_token_type: Option<String>,
    /// With `token_exchange`: the type of token to ask for.
    pub requested_token_type: Option<String>,
    /// With `token_exchange`: whether the answer may leave `issued_token_type` out.
    pub issued_token_type_optional: bool,
    /// With `jwt_bearer`: whether the scope is a claim of the assertion and no parameter.
    pub scope_in_claims: bool,
    /// Further parameters in this order; templates (asking). `grant_type` replaces the grant's own
    /// name, and an empty value leaves a parameter out. With `json` they may nest
    /// and be numbers, truth values and lists.
    #[serde(deserialize_with = "pairs")]
    pub params: Vec<(String, Param)>,
    /// Parameters that go into the URL whatever the encoding; templates (asking).
    #[serde(deserialize_with = "pairs")]
    pub query: Vec<(String, String)>,
    /// Whether `client_id` goes among the parameters too.
    pub send_client_id: bool,
    /// Whether the client's secret may stand in the URL, where logs keep it: some vendors know no
    /// other way.
    pub secret_in_url: bool,
    /// Headers of the token request; templates (asking).
    #[serde(deserialize_with = "pairs")]
    pub token_headers: Vec<(String, String)>,
    /// The scopes to ask for, separated by spaces; template. See
    /// [`TokenRequest::scope`](crate::TokenRequest::scope) for what the answer proves of them.
    pub scope: Option<String>,
    /// The parameter they go in: `scope` unless set.
    pub scope_param: String,
    /// What separates them on the wire: a space unless set.
    pub scope_separator: String,
    /// The parameter `audience`; template.
    pub audience: Option<String>,
    /// The parameters `resource`; templates.
    pub resource: Vec<String>,

    /// What the answer is: `json` (unless set), or `text` if its whole body is the token.
    #[serde(deserialize_with = "chosen")]
    pub answer: ResponseFormat,
    /// Conditions that all hold for an answer that brings a token, beside a status in 2xx.
    #[serde(deserialize_with = "one_or_more")]
    pub success: Vec<Condition>,
    /// Conditions of which one holds for a refusal that passes by itself, such as a throttle.
    #[serde(deserialize_with = "one_or_more")]
    pub busy: Vec<Condition>,
    /// Conditions of which one holds for a refusal that stays until somebody changes something. The
    /// codes of the standards and a 401 to the client's authentication need no mention; any other
    /// refusal is taken for one that passes.
    #[serde(deserialize_with = "one_or_more")]
    pub refused: Vec<Condition>,
    /// Paths of the server's code for a refusal; the first that is there counts. `error`, and where
    /// vendors often put it, unless set.
    #[serde(deserialize_with = "one_or_more")]
    pub error_at: Vec<String>,
    /// Paths of the server's words for a refusal; the first that is there counts.
    /// `error_description`, and where vendors often put it, unless set.
    #[serde(deserialize_with = "one_or_more")]
    pub message_at: Vec<String>,
    /// Where the token stands; the first place where there is one counts. A path, or
    /// `header:x-auth-token` or `cookie:session` for one beside the body. `access_token` unless set.
    /// A scheme in front of it, as in `Bearer abc`, is left out.
    #[serde(deserialize_with = "one_or_more")]
    pub token: Vec<String>,
    /// The values of `token_type` that mean a bearer token: `Bearer` unless set; case is nothing.
    /// With `dpop` the type is `DPoP`.
    #[serde(deserialize_with = "one_or_more")]
    pub token_types: Vec<String>,
    /// Whether an answer without `token_type` is taken for what was asked for: a bearer token, or with
    /// `dpop` one that is bound to the key.
    pub token_type_optional: bool,
    /// Whether the token may hold any visible character, and not just those of RFC 6750 §2.1.
    pub lenient_token: bool,
    /// What says how long a token is good for: a list of `expires_in`, `jwt` and tables such as
    /// `{ at = "data.expire", unit = "ms" }`; the earliest end counts. `["expires_in"]` unless set.
    ///
    /// Units are `s` (unless set), `ms`, `min`, `unix`, `unix-ms`, `rfc3339`, `date`,
    /// `http-date`, `m/d/y`, `iso-duration`, `h:m:s` and `d:h:m`.
    #[serde(deserialize_with = "foreign::expiry")]
    pub expiry: Vec<Expiry>,
    /// How long a token is good for when nothing says so; in seconds.
    #[serde(deserialize_with = "seconds")]
    pub default_lifetime: Option<Duration>,
    /// Names for further members of the answer, by path. They become the credential's
    /// [fields](hallpass_core::Credential::field) and so are no place for secrets.
    #[serde(deserialize_with = "pairs")]
    pub capture: Vec<(String, String)>,

    /// The header of API requests that carries the token.
    pub header: String,
    /// What stands in it; template (using) with `{token}`.
    pub header_value: String,
    /// Headers for API requests that have none of that name; templates (using). One with a name in
    /// braces, or that sounds secret, says whose the request is: a request that has its own is left
    /// alone, as one with the token's own header is. A constant yields to the request's own.
    #[serde(deserialize_with = "pairs")]
    pub api_headers: Vec<(String, String)>,
    /// The origins that tokens are for; templates.
    pub origins: Option<Vec<String>>,
    /// Conditions of which one holds for an answer of the API that means that the token no longer
    /// works, beside a 401. One that looks at the body is judged by its first 4 KiB.
    #[serde(deserialize_with = "one_or_more")]
    pub rejected: Vec<Condition>,

    /// How long before its end a token is renewed, in seconds; at most half its life. With `fresh`
    /// up to a tenth of the time until then earlier, by chance, so that a fleet does not renew
    /// together. Unless set, the engine's own margin holds.
    #[serde(deserialize_with = "seconds")]
    pub renew_before: Option<Duration>,
    /// What asking again does: `fresh` (unless set), `sticky` or `kills-old`.
    #[serde(deserialize_with = "chosen")]
    pub reissue: Reissue,
    /// With `kills-old`: how long the token before lives on; in seconds.
    #[serde(deserialize_with = "seconds")]
    pub grace: Option<Duration>,
    /// The least time between two tokens while the first one lives, in seconds. Whoever asks sooner
    /// gets an error that says how long to wait, and the endpoint is left alone.
    #[serde(deserialize_with = "seconds")]
    pub min_interval: Option<Duration>,
    /// Whether each token counts against a quota, or costs. Then no second request goes out beside
    /// one that is slow to be answered.
    pub metered: bool,

    #[serde(skip)]
    pub(crate) values: BTreeMap<String, Value>,
    /// The variables of templates that were replaced: giving them a value is no mistake.
    #[serde(skip)]
    pub(crate) replaced: BTreeSet<String>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: String::new(),
            documentation: None,
            variables: BTreeMap::new(),
            token_url: String::new(),
            method: Method::POST,
            grant: Grant::default(),
            encoding: Encoding::default(),
            client_auth: ClientAuth::default(),
            issuer: None,
            assertion_for_token_url: false,
            claims: Vec::new(),
            assertion_key: None,
            assertion_kid: None,
            assertion_alg: None,
            assertion_typ: None,
            assertion_lifetime: None,
            assertion_backdated: None,
            dpop: false,
            dpop_alg: None,
            dpop_htu_base: None,
            dpop_bearer_allowed: false,
            subject_token_type: None,
            actor_token_type: None,
            requested_token_type: None,
            issued_token_type_optional: false,
            scope_in_claims: false,
            params: Vec::new(),
            query: Vec::new(),
            send_client_id: false,
            secret_in_url: false,
            token_headers: Vec::new(),
            scope: None,
            scope_param: "scope".to_owned(),
            scope_separator: " ".to_owned(),
            audience: None,
            resource: Vec::new(),
            answer: ResponseFormat::default(),
            success: Vec::new(),
            busy: Vec::new(),
            refused: Vec::new(),
            error_at: Vec::new(),
            message_at: Vec::new(),
            token: vec!["access_token".to_owned()],
            token_types: vec!["Bearer".to_owned()],
            token_type_optional: false,
            lenient_token: false,
            expiry: vec![Expiry::ExpiresIn],
            default_lifetime: None,
            capture: Vec::new(),
            header: "authorization".to_owned(),
            header_value: BEARER.to_owned(),
            api_headers: Vec::new(),
            origins: None,
            rejected: Vec::new(),
            renew_before: None,
            reissue: Reissue::default(),
            grace: None,
            min_interval: None,
            metered: false,
            values: BTreeMap::new(),
            replaced: BTreeSet::new(),
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers, parameters and variables may hold keys, and so may the query of a URL.
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("grant", &self.grant)
            .field("client_auth", &self.client_auth)
            .finish_non_exhaustive()
    }
}
