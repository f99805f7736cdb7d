//! What a profile says: its request in its every part, and its answer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hallpass_oauth2::{ClientAuth, Encoding, Expiry, Grant as Asked, Param, Profile, Unit};
use http::HeaderValue;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::assertion::asserted;
use super::{Ask, Grant, invalid_request};
use crate::calendar;
use crate::client::{BasicEncoding, Client};
use crate::credentials::Authorization;
use crate::fields::Fields;
use crate::form;
use crate::lock::lock;
use crate::minting::ExpiresIn;
use crate::pattern::Pattern;
use crate::refusal::Refusal;
use crate::shape::{Shape, meet, steps};
use crate::store::Issued;

pub(super) fn check(ask: &Ask<'_>, shape: &Shape) -> Result<Grant, Refusal> {
    let profile = &shape.profile;
    let method = profile.method.as_str();
    if ask.parts.method.as_str() != method {
        let refusal = Refusal::new(405, "invalid_request", format!("the method is {method}"));
        return Err(match HeaderValue::try_from(method) {
            Ok(method) => refusal.with_header(ALLOW, method),
            Err(_) => refusal,
        });
    }
    let sent = Sent::read(ask, profile)?;
    sent.misfit(profile, None).map_or(Ok(()), |what| {
        Err(invalid_request(format!(
            "{what} is not what the profile says"
        )))
    })?;
    let client = client(ask, profile, &sent)?;
    if sent.misfit(profile, Some(&client)).is_some() {
        return Err(ask.invalid_client());
    }
    let scope = sent.text(&profile.scope_param).map(str::to_owned);
    Ok(Grant { client, scope })
}

/// What a token request tells, wherever it stands.
struct Sent<'a> {
    ask: &'a Ask<'a>,
    query: Vec<(String, String)>,
    params: Vec<(String, Value)>,
}

impl<'a> Sent<'a> {
    fn read(ask: &'a Ask<'a>, profile: &Profile) -> Result<Self, Refusal> {
        let not_utf8 = || invalid_request("a parameter is not UTF-8");
        let query = ask.parts.uri.query().unwrap_or_default();
        let query = form::pairs(query.as_bytes()).ok_or_else(not_utf8)?;
        let params = match profile.encoding {
            Encoding::Form if !ask.is_form() => {
                return Err(invalid_request(
                    "the content type must be application/x-www-form-urlencoded",
                ));
            }
            Encoding::Form => grouped(form::pairs(ask.body).ok_or_else(not_utf8)?),
            Encoding::Json => json_members(ask)?,
            Encoding::Query => grouped(query.clone()),
            _ => Vec::new(),
        };
        Ok(Self { ask, query, params })
    }

    fn param(&self, name: &str) -> Option<&Value> {
        let mut params = self.params.iter();
        params
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.param(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// What differs from the profile; without a client, apart from who it is.
    fn misfit(&self, profile: &Profile, client: Option<&Client>) -> Option<String> {
        for (name, template) in &profile.token_headers {
            let value = self.ask.parts.headers.get(name.as_str());
            let value = value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            if !Pattern::read(template, client).fits(value) {
                return Some(format!("the header {name}"));
            }
        }
        for (name, template) in &profile.query {
            let found = self.query.iter().find(|(given, _)| given == name);
            let value = found.map_or("", |(_, value)| value);
            if !Pattern::read(template, client).fits(value) {
                return Some(format!("the query's {name}"));
            }
        }
        for (name, param) in &profile.params {
            if !fits(param, self.param(name), client) {
                return Some(format!("the parameter {name}"));
            }
        }
        self.grant_misfit(profile).map(str::to_owned)
    }

    fn grant_misfit(&self, profile: &Profile) -> Option<&'static str> {
        let named = profile.params.iter().any(|(name, _)| name == "grant_type");
        let in_query = profile.query.iter().any(|(name, _)| name == "grant_type");
        let (name, needs): (_, &[&'static str]) = match profile.grant {
            Asked::ClientCredentials => ("client_credentials", &[]),
            Asked::RefreshToken => ("refresh_token", &["refresh_token"]),
            Asked::JwtBearer => (
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
                &["assertion"],
            ),
            Asked::TokenExchange => (
                "urn:ietf:params:oauth:grant-type:token-exchange",
                &["subject_token"],
            ),
            Asked::Password => ("password", &["username", "password"]),
            _ => return None,
        };
        if profile.encoding == Encoding::None {
            return None;
        }
        if !named && !in_query && self.text("grant_type") != Some(name) {
            return Some("the parameter grant_type");
        }
        let mut needs = needs.iter().copied();
        needs.find(|name| self.text(name).is_none())
    }
}

/// The client that a request is from, proved in the profile's way and no other.
fn client(ask: &Ask<'_>, profile: &Profile, sent: &Sent<'_>) -> Result<Client, Refusal> {
    let auth = profile.client_auth;
    let own_header = profile
        .token_headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let by_header = matches!(
        auth,
        ClientAuth::Basic | ClientAuth::BasicRaw | ClientAuth::BasicBase64
    );
    if !by_header && !own_header && ask.parts.headers.contains_key(AUTHORIZATION) {
        return Err(invalid_request("a header Authorization is not wanted"));
    }
    if auth != ClientAuth::Post
        && auth != ClientAuth::Custom
        && sent.param("client_secret").is_some()
    {
        return Err(invalid_request("the secret does not belong there"));
    }
    let id = sent.text("client_id");
    if profile.send_client_id && id.is_none() {
        return Err(invalid_request("client_id is missing"));
    }
    let client = match auth {
        ClientAuth::Basic => basic(ask, BasicEncoding::Form)?,
        ClientAuth::BasicRaw => basic(ask, BasicEncoding::Raw)?,
        ClientAuth::BasicBase64 => basic_base64(ask)?,
        ClientAuth::Post => {
            let secret = sent.text("client_secret").unwrap_or_default();
            ask.client(id.unwrap_or_default(), secret)?
        }
        ClientAuth::ClientSecretJwt | ClientAuth::PrivateKeyJwt => {
            let proof = sent.text("client_assertion").unwrap_or_default();
            let signed = auth == ClientAuth::ClientSecretJwt;
            let mut clients = lock(&ask.shared.clients).clone().into_iter();
            let found = clients.find(|client| asserted(proof, client, signed));
            found.ok_or_else(|| ask.invalid_client())?
        }
        ClientAuth::None | ClientAuth::Tls => {
            let mut clients = lock(&ask.shared.clients).clone().into_iter();
            let found = clients.find(|client| id.is_none_or(|id| client.id == id));
            found.ok_or_else(|| ask.invalid_client())?
        }
        _ => {
            let mut clients = lock(&ask.shared.clients).clone().into_iter();
            let found = clients.find(|client| sent.misfit(profile, Some(client)).is_none());
            found.ok_or_else(|| ask.invalid_client())?
        }
    };
    if by_header && id.is_some_and(|id| id != client.id) {
        return Err(invalid_request(
            "client_id differs from the Authorization header",
        ));
    }
    Ok(client)
}

fn basic(ask: &Ask<'_>, encoding: BasicEncoding) -> Result<Client, Refusal> {
    match Authorization::read(ask.parts, encoding) {
        Authorization::Basic { id, secret } => ask.client(&id, &secret),
        _ => Err(ask.invalid_client()),
    }
}

fn basic_base64(ask: &Ask<'_>) -> Result<Client, Refusal> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let decoded = |half: &str| {
        let bytes = STANDARD.decode(half).ok()?;
        String::from_utf8(bytes).ok()
    };
    let Authorization::Basic { id, secret } = Authorization::read(ask.parts, BasicEncoding::Raw)
    else {
        return Err(ask.invalid_client());
    };
    match (decoded(&id), decoded(&secret)) {
        (Some(id), Some(secret)) => ask.client(&id, &secret),
        _ => Err(ask.invalid_client()),
    }
}

fn json_members(ask: &Ask<'_>) -> Result<Vec<(String, Value)>, Refusal> {
    let content_type = ask.parts.headers.get(CONTENT_TYPE);
    let is_json =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    match serde_json::from_slice(ask.body) {
        Ok(Value::Object(members)) if is_json => Ok(members.into_iter().collect()),
        _ => Err(invalid_request(
            "the body must be a JSON object, and say so",
        )),
    }
}

/// A name that is there several times has a list for its value.
fn grouped(pairs: Vec<(String, String)>) -> Vec<(String, Value)> {
    let mut grouped: Vec<(String, Value)> = Vec::new();
    for (name, value) in pairs {
        match grouped.iter_mut().find(|(seen, _)| *seen == name) {
            None => grouped.push((name, value.into())),
            Some((_, Value::Array(values))) => values.push(value.into()),
            Some((_, first)) => *first = json!([first.take(), value]),
        }
    }
    grouped
}

fn fits(param: &Param, value: Option<&Value>, client: Option<&Client>) -> bool {
    match (param, value) {
        (Param::Text(template), None) => Pattern::read(template, client).fits(""),
        (Param::Text(template), Some(value)) => value
            .as_str()
            .is_some_and(|text| Pattern::read(template, client).fits(text)),
        (_, None) => false,
        // A form has texts alone.
        (Param::Bool(wanted), Some(value)) => {
            *value == json!(wanted) || *value == json!(wanted.to_string())
        }
        (Param::Integer(wanted), Some(value)) => {
            *value == json!(wanted) || *value == json!(wanted.to_string())
        }
        (Param::List(wanted), Some(Value::Array(given))) => {
            let pairs = wanted.iter().zip(given);
            wanted.len() == given.len()
                && pairs
                    .into_iter()
                    .all(|(wanted, given)| fits(wanted, Some(given), client))
        }
        (Param::List(wanted), Some(given)) => {
            wanted.len() == 1 && fits(&wanted[0], Some(given), client)
        }
        (Param::Table(wanted), Some(given)) => wanted
            .iter()
            .all(|(name, wanted)| fits(wanted, given.get(name), client)),
        _ => true,
    }
}

pub(super) fn write(
    shape: &Shape,
    issued: &Issued,
    stated: &ExpiresIn,
    scope: Option<String>,
) -> Fields {
    let profile = &shape.profile;
    let mut fields = Fields::default().with_token_at(shape.token_at(), &issued.token);
    if !profile.token_type_optional {
        let own = profile.token_types.first();
        fields.set("token_type", own.map_or("Bearer", String::as_str));
    }
    for expiry in &profile.expiry {
        match expiry {
            Expiry::ExpiresIn => {
                if let Some(value) = stated.write(issued.left) {
                    fields.set("expires_in", value);
                }
            }
            Expiry::Member { path, unit } => {
                let value = match stated {
                    ExpiresIn::Missing => continue,
                    ExpiresIn::Raw(value) => value.clone(),
                    _ => end(*unit, issued.left),
                };
                fields.put(&steps(path), value);
            }
            _ => {}
        }
    }
    if profile.grant == Asked::TokenExchange && !profile.issued_token_type_optional {
        let wanted = profile.requested_token_type.as_deref();
        let own = "urn:ietf:params:oauth:token-type:access_token";
        fields.set("issued_token_type", wanted.unwrap_or(own));
    }
    if let Some(scope) = scope.filter(|_| profile.scope_param == "scope") {
        fields.set("scope", scope.replace(&*profile.scope_separator, " "));
    }
    for (name, path) in &profile.capture {
        fields.put(&steps(path), format!("a-{name}"));
    }
    for condition in &profile.success {
        meet(condition, &mut fields);
    }
    fields
}

/// When a token ends that lives so long from now, in this unit.
fn end(unit: Unit, left: Duration) -> Value {
    let at = SystemTime::now() + left;
    let since_epoch = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = left.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match unit {
        Unit::Seconds => json!(seconds),
        Unit::Milliseconds => json!(left.as_millis() as u64),
        Unit::Minutes => json!(seconds / 60),
        Unit::Unix => json!(since_epoch.as_secs()),
        Unit::UnixMs => json!(since_epoch.as_millis() as u64),
        Unit::HoursMinutesSeconds => json!(format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)),
        Unit::DaysHoursMinutes => json!(format!("{}:{:02}:{minutes:02}", hours / 24, hours % 24)),
        Unit::IsoDuration => json!(format!("PT{seconds}S")),
        unit => calendar::write(unit, since_epoch.as_secs()).into(),
    }
}
