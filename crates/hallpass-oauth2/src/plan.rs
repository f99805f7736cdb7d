//! The checks between a builder and a source: what can be known to be wrong before anything is sent.

use std::collections::BTreeMap;

use hallpass_core::{Error, Origin};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
};

use crate::{
    ClientAuth, Encoding, Param, TokenRequest,
    client_credentials::BEARER,
    dialect::{Dialect, Text},
    grants::GrantPlan,
    profile::template::{self, Stage},
    request::{Attach, CLIENT_ASSERTION, Plan, default_headers},
    text::printable,
    token_url::TokenUrl,
};

/// Parameters that are secret by their nature and so never belong in a URL.
const SECRET_PARAMETERS: [&str; 7] = [
    "client_secret",
    "client_assertion",
    "assertion",
    "password",
    "refresh_token",
    "subject_token",
    "actor_token",
];

/// The one parameter that may be sent more than once (RFC 8707 §2).
const REPEATABLE: &str = "resource";

const GRANT_TYPE: &str = "grant_type";

pub(crate) fn of<G>(builder: TokenRequest<G>) -> Result<Plan, Error> {
    if let Some(fault) = builder.fault {
        return Err(fault);
    }
    let url = TokenUrl::parse(&builder.token_url, builder.allow_http)?;
    let auth = builder.auth.ok_or_else(|| {
        Error::configuration("no client is set: call basic, post, private_key_jwt, mtls or public")
    })?;
    let dialect = builder.dialect;
    check_method(&dialect.method, builder.encoding)?;
    if auth == ClientAuth::Post && builder.encoding == Encoding::Query && !dialect.secret_in_url {
        return Err(Error::configuration(
            "the client secret would stand in the URL: use basic with in_query",
        ));
    }

    let assertion = builder.assertion.settled(auth, &url)?;
    let mut asked = builder.scope.clone();
    let audience = match &builder.assertion.issuer {
        Some(issuer) => issuer.clone(),
        None => url.uri().to_string(),
    };
    let grant = builder.grant.settled(&audience, &mut asked)?;

    let scope = Some(builder.scope).filter(|scope| !scope.is_empty());
    let literal = |(name, value): (String, String)| (name, Param::Text(Text::from(value)));
    let mut params = dialect.params.clone();
    params.extend(builder.params.into_iter().map(literal));
    if builder.encoding != Encoding::None
        && !dialect.query.iter().any(|(name, _)| name == GRANT_TYPE)
    {
        params = with_grant_type(params, &grant);
    }
    let asked: Vec<&str> = asked.split(' ').filter(|one| !one.is_empty()).collect();
    let named = [
        (&*dialect.scope_param, asked.join(&dialect.scope_separator)),
        ("audience", builder.audience),
    ];
    params.extend(named.map(|(name, value)| literal((name.to_owned(), value))));
    params.extend(
        builder
            .resources
            .into_iter()
            .map(|value| literal((REPEATABLE.to_owned(), value))),
    );
    params.retain(|(_, value)| !matches!(value, Param::Text(text) if text.is_empty()));
    check_values(&params, builder.encoding, &dialect)?;

    let mut sent: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
    sent.extend(dialect.query.iter().map(|(name, _)| name.as_str()));
    if auth == ClientAuth::Post || builder.send_client_id {
        sent.push("client_id");
    }
    if auth == ClientAuth::Post {
        sent.push("client_secret");
    }
    let signed = assertion.iter().flat_map(|_| CLIENT_ASSERTION);
    for name in signed.chain(grant.names()) {
        sent.push(name);
    }
    let in_url = builder.encoding == Encoding::Query && !dialect.secret_in_url;
    check_parameters(&url, &sent, in_url)?;
    check_custom(auth, &params, &dialect)?;

    let (headers, filled_headers) =
        token_headers(&builder.headers, auth, builder.encoding, &dialect)?;
    Ok(Plan {
        name: builder.name.unwrap_or_else(|| url.host().to_owned()),
        auth,
        assertion,
        grant,
        id: builder.id,
        secret: builder.secret,
        send_client_id: builder.send_client_id,
        encoding: builder.encoding,
        params,
        headers,
        filled_headers,
        scope,
        expiry: builder.expiry,
        default_lifetime: builder.default_lifetime,
        assume_bearer: builder.assume_bearer,
        attempt_deadline: builder.attempt_deadline,
        attach: attach(&builder.attach, &builder.api_headers, &dialect)?,
        origins: builder
            .origins
            .map(|origins| parsed(&origins))
            .transpose()?,
        url,
        dialect: *dialect,
    })
}

fn check_method(method: &Method, encoding: Encoding) -> Result<(), Error> {
    if *method == Method::GET && matches!(encoding, Encoding::Form | Encoding::Json) {
        return Err(Error::configuration(
            "a GET has no body: set the encoding to query or none",
        ));
    }
    Ok(())
}

/// What only some encodings hold, and secrets where logs keep them.
fn check_values(
    params: &[(String, Param<Text>)],
    encoding: Encoding,
    dialect: &Dialect,
) -> Result<(), Error> {
    if encoding == Encoding::None && !params.is_empty() {
        return Err(Error::configuration(format!(
            "the parameter \"{}\" has no place to stand in: the encoding is none",
            printable(&params[0].0)
        )));
    }
    for (name, param) in params {
        if encoding != Encoding::Json && !param.is_flat() {
            return Err(Error::configuration(format!(
                "the parameter \"{}\" is nested, which only the encoding json can write",
                printable(name)
            )));
        }
    }
    let shown = |param: &Param<Text>| param.texts().iter().any(|text| text.shows_secret());
    let mut in_query: Vec<&str> = Vec::new();
    if encoding == Encoding::Query {
        let shown = params.iter().filter(|(_, param)| shown(param));
        in_query.extend(shown.map(|(name, _)| name.as_str()));
    }
    let shown = dialect.query.iter().filter(|(_, text)| text.shows_secret());
    in_query.extend(shown.map(|(name, _)| name.as_str()));
    match in_query.first() {
        Some(name) if !dialect.secret_in_url => Err(in_url(name)),
        _ => Ok(()),
    }
}

/// The client's secret goes where templates name it, or where `client_auth` says, never both.
fn check_custom(
    auth: ClientAuth,
    params: &[(String, Param<Text>)],
    dialect: &Dialect,
) -> Result<(), Error> {
    let texts = params.iter().flat_map(|(_, param)| param.texts());
    let others = dialect.query.iter().chain(&dialect.headers);
    let shown = texts
        .chain(others.map(|(_, text)| text))
        .any(Text::shows_secret);
    match auth {
        ClientAuth::Custom if !shown => Err(Error::configuration(
            "client_auth is custom, but neither params nor query nor token_headers name {client_secret} or {basic}",
        )),
        ClientAuth::Custom => Ok(()),
        _ if shown => Err(Error::configuration(
            "a template names {client_secret} or {basic}: set client_auth to custom",
        )),
        _ => Ok(()),
    }
}

fn with_grant_type(
    params: Vec<(String, Param<Text>)>,
    grant: &GrantPlan,
) -> Vec<(String, Param<Text>)> {
    let literal = |name: &str, value: &str| {
        let value = Param::Text(Text::from(value.to_owned()));
        (name.to_owned(), value)
    };
    let own = grant
        .params
        .iter()
        .map(|(name, value)| literal(name, value));
    if params.iter().any(|(name, _)| name == GRANT_TYPE) {
        return params.into_iter().chain(own).collect();
    }
    std::iter::once(literal(GRANT_TYPE, grant.grant_type))
        .chain(own)
        .chain(params)
        .collect()
}

fn in_url(name: &str) -> Error {
    Error::configuration(format!(
        "the parameter \"{}\" would stand in the token URL, where logs keep it: send it in the body",
        printable(name)
    ))
}

fn check_parameters(url: &TokenUrl, sent: &[&str], guarded: bool) -> Result<(), Error> {
    for name in url.own_parameters() {
        if SECRET_PARAMETERS.contains(&name) {
            return Err(in_url(name));
        }
        if sent.contains(&name) && name != REPEATABLE {
            return Err(Error::configuration(format!(
                "the parameter \"{}\" stands in the token URL's query and would be sent again: remove one",
                printable(name)
            )));
        }
    }
    for (at, name) in sent.iter().enumerate() {
        if guarded && SECRET_PARAMETERS.contains(name) {
            return Err(in_url(name));
        }
        if *name != REPEATABLE && sent[..at].contains(name) {
            return Err(Error::configuration(format!(
                "the parameter \"{}\" is set twice",
                printable(name)
            )));
        }
    }
    Ok(())
}

fn token_headers(
    own: &[(String, String)],
    auth: ClientAuth,
    encoding: Encoding,
    dialect: &Dialect,
) -> Result<(HeaderMap, Vec<(HeaderName, Text)>), Error> {
    let allowed = |name: &HeaderName| {
        if *name == AUTHORIZATION && auth != ClientAuth::Custom {
            return Err(Error::configuration(
                "the header authorization is for the client's authentication: call basic or basic_raw",
            ));
        }
        if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
            return Err(Error::configuration(format!(
                "the header {name} belongs to the transport"
            )));
        }
        Ok(())
    };
    let mut filled = Vec::with_capacity(dialect.headers.len());
    for (name, text) in &dialect.headers {
        let name = header_name(name)?;
        allowed(&name)?;
        filled.push((name, text.clone()));
    }
    let content_type = encoding
        .content_type()
        .filter(|_| dialect.method != Method::GET);
    let mut headers = default_headers(content_type);
    for (name, value) in own {
        let (name, mut value) = header(name, value)?;
        allowed(&name)?;
        // It may be an API key, and a sensitive header costs nothing.
        value.set_sensitive(true);
        filled.retain(|(other, _)| *other != name);
        headers.insert(name, value);
    }
    Ok((headers, filled))
}

fn attach(
    (name, form): &(String, String),
    api_headers: &[(String, String)],
    dialect: &Dialect,
) -> Result<Attach, Error> {
    let is_field = |name: &str| dialect.capture.iter().any(|(other, _)| other == name);
    let value = template::text(form, Stage::Use, &BTreeMap::new(), is_field)
        .map_err(|fault| Error::configuration(format!("the form of the API's header {fault}")))?;
    if !value.has_token() {
        return Err(Error::configuration(
            "the form of the API's header has no {token} in it",
        ));
    }
    let (header_name, _) = header(name, form)?;
    let mut beside = Vec::with_capacity(api_headers.len() + dialect.api_headers.len());
    for (name, value) in api_headers {
        let (name, _) = header(name, value)?;
        beside.push((name, Text::from(value.clone())));
    }
    for (name, text) in &dialect.api_headers {
        let (name, _) = header(name, "")?;
        if beside.iter().all(|(other, _)| *other != name) {
            beside.push((name, text.clone()));
        }
    }
    if beside.iter().any(|(other, _)| *other == header_name) {
        return Err(Error::configuration(format!(
            "the header {header_name} carries the token and can't be constant too"
        )));
    }
    Ok(Attach {
        bearer: header_name == AUTHORIZATION && form == BEARER,
        header: header_name,
        value,
        beside,
    })
}

fn header_name(name: &str) -> Result<HeaderName, Error> {
    name.parse().map_err(|_| {
        Error::configuration(format!("\"{}\" is not a header's name", printable(name)))
    })
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let parsed = header_name(name)?;
    let value = value.parse().map_err(|_| {
        Error::configuration(format!(
            "the value of the header {parsed} holds a character that no header may hold"
        ))
    })?;
    Ok((parsed, value))
}

pub(crate) fn parsed(origins: &[String]) -> Result<Vec<Origin>, Error> {
    origins.iter().map(|origin| origin.parse()).collect()
}
