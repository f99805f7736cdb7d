//! The checks between a builder and a source: what can be known to be wrong before anything is sent.

use hallpass_core::{Error, Origin};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
};

use crate::{
    ClientAuth, ClientCredentials, Encoding,
    request::{Attach, Plan, default_headers},
    text::printable,
    token_url::TokenUrl,
};

/// Parameters that are secret by their nature and so never belong in a URL.
const SECRET_PARAMETERS: [&str; 5] = [
    "client_secret",
    "client_assertion",
    "assertion",
    "password",
    "refresh_token",
];

/// The one parameter that may be sent more than once (RFC 8707 §2).
const REPEATABLE: &str = "resource";

pub(crate) fn of(builder: ClientCredentials) -> Result<Plan, Error> {
    if let Some(fault) = builder.fault {
        return Err(fault);
    }
    let url = TokenUrl::parse(&builder.token_url, builder.allow_http)?;
    let auth = builder.auth.ok_or_else(|| {
        Error::configuration("no client is set: call basic, basic_raw, post or public")
    })?;
    if auth == ClientAuth::Post && builder.encoding == Encoding::Query {
        return Err(Error::configuration(
            "the client secret would stand in the URL: use basic with in_query",
        ));
    }

    let scope = Some(builder.scope).filter(|scope| !scope.is_empty());
    let mut params = with_grant_type(builder.params);
    let named = [
        ("scope", scope.clone().unwrap_or_default()),
        ("audience", builder.audience),
    ];
    params.extend(named.map(|(name, value)| (name.to_owned(), value)));
    params.extend(
        builder
            .resources
            .into_iter()
            .map(|value| (REPEATABLE.to_owned(), value)),
    );
    params.retain(|(_, value)| !value.is_empty());

    let mut sent: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
    if auth == ClientAuth::Post || builder.send_client_id {
        sent.push("client_id");
    }
    if auth == ClientAuth::Post {
        sent.push("client_secret");
    }
    check_parameters(&url, &sent, builder.encoding)?;

    Ok(Plan {
        name: builder.name.unwrap_or_else(|| url.host().to_owned()),
        auth,
        id: builder.id,
        secret: builder.secret,
        send_client_id: builder.send_client_id,
        encoding: builder.encoding,
        params,
        headers: token_headers(&builder.headers)?,
        scope,
        expiry: builder.expiry,
        default_lifetime: builder.default_lifetime,
        assume_bearer: builder.assume_bearer,
        attempt_deadline: builder.attempt_deadline,
        attach: attach(&builder.attach, &builder.api_headers)?,
        origins: builder
            .origins
            .map(|origins| parsed(&origins))
            .transpose()?,
        url,
    })
}

fn with_grant_type(params: Vec<(String, String)>) -> Vec<(String, String)> {
    let grant_type = ("grant_type".to_owned(), "client_credentials".to_owned());
    if params.iter().any(|(name, _)| *name == grant_type.0) {
        return params;
    }
    std::iter::once(grant_type).chain(params).collect()
}

fn check_parameters(url: &TokenUrl, sent: &[&str], encoding: Encoding) -> Result<(), Error> {
    let in_url = |name: &str| {
        Err(Error::configuration(format!(
            "the parameter \"{}\" would stand in the token URL, where logs keep it: send it in the body",
            printable(name)
        )))
    };
    for name in url.own_parameters() {
        if SECRET_PARAMETERS.contains(&name) {
            return in_url(name);
        }
        if sent.contains(&name) && name != REPEATABLE {
            return Err(Error::configuration(format!(
                "the parameter \"{}\" stands in the token URL's query and would be sent again: remove one",
                printable(name)
            )));
        }
    }
    for (at, name) in sent.iter().enumerate() {
        if encoding == Encoding::Query && SECRET_PARAMETERS.contains(name) {
            return in_url(name);
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

fn token_headers(own: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut headers = default_headers();
    for (name, value) in own {
        let (name, mut value) = header(name, value)?;
        if name == AUTHORIZATION {
            return Err(Error::configuration(
                "the header authorization is for the client's authentication: call basic or basic_raw",
            ));
        }
        if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            return Err(Error::configuration(format!(
                "the header {name} belongs to the transport"
            )));
        }
        // It may be an API key, and a sensitive header costs nothing.
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn attach(
    (name, form): &(String, String),
    api_headers: &[(String, String)],
) -> Result<Attach, Error> {
    if !form.contains("{token}") {
        return Err(Error::configuration(
            "the form of the API's header has no {token} in it",
        ));
    }
    let (name, _) = header(name, form)?;
    let beside = api_headers
        .iter()
        .map(|(name, value)| header(name, value))
        .collect::<Result<Vec<_>, _>>()?;
    if beside.iter().any(|(other, _)| *other == name) {
        return Err(Error::configuration(format!(
            "the header {name} carries the token and can't be constant too"
        )));
    }
    Ok(Attach {
        header: name,
        value: form.clone(),
        beside,
    })
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let parsed: HeaderName = name.parse().map_err(|_| {
        Error::configuration(format!("\"{}\" is not a header's name", printable(name)))
    })?;
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
