//! What can be known to be wrong before anything is sent.

use hallpass_core::{Error, Origin};
use http::{
    HeaderName, Method,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
};

use crate::{
    ClientAuth, Encoding, Param, Profile, template::Template, text::printable, token_url::TokenUrl,
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
pub(super) const RESOURCE: &str = "resource";

type Params = [(String, Param<Template>)];

pub(super) fn check_method(profile: &Profile) -> Result<(), Error> {
    let body = matches!(profile.encoding, Encoding::Form | Encoding::Json);
    if profile.method == Method::GET && body {
        return Err(Error::configuration(
            "a GET has no body: set the encoding to query or none",
        ));
    }
    let in_query = profile.encoding == Encoding::Query && !profile.secret_in_url;
    if profile.client_auth == ClientAuth::Post && in_query {
        return Err(Error::configuration(
            "the client secret would stand in the URL: use basic with in_query",
        ));
    }
    Ok(())
}

/// RFC 6749 §3.3: visible ASCII without quotation marks and backslashes.
pub(super) fn check_scope(scope: &str) -> Result<(), Error> {
    let fits = |byte: u8| matches!(byte, b' ' | 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    if scope.bytes().all(fits) {
        return Ok(());
    }
    Err(Error::configuration(format!(
        "the scope \"{}\" holds a character that no scope may hold (RFC 6749, section 3.3)",
        printable(scope)
    )))
}

/// RFC 8707 §2: an absolute URI without a fragment.
pub(super) fn check_resource(resource: &str) -> Result<(), Error> {
    let scheme = resource.split_once(':').map_or("", |(scheme, _)| scheme);
    let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let why = if resource.contains('#') {
        "has a fragment (#…): remove it"
    } else if !scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        || !scheme.bytes().all(of_scheme)
        || !resource.bytes().all(|byte| byte.is_ascii_graphic())
        || resource.len() == scheme.len() + 1
    {
        "is not an absolute URI (RFC 8707, section 2)"
    } else {
        return Ok(());
    };
    Err(Error::configuration(format!(
        "the resource \"{}\" {why}",
        printable(resource)
    )))
}

/// What only some encodings hold, and secrets where logs keep them.
pub(super) fn check_values(
    params: &Params,
    query: &[(String, Template)],
    profile: &Profile,
) -> Result<(), Error> {
    let encoding = profile.encoding;
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
    let shown = |param: &Param<Template>| param.texts().iter().any(|text| text.shows_secret());
    let in_query = query
        .iter()
        .filter(|(_, text)| text.shows_secret())
        .map(|(name, _)| name);
    let in_params = params
        .iter()
        .filter(|(_, param)| encoding == Encoding::Query && shown(param))
        .map(|(name, _)| name);
    match in_params.chain(in_query).next() {
        Some(name) if !profile.secret_in_url => Err(in_url(name)),
        _ => Ok(()),
    }
}

/// The client's secret goes where templates name it, or where `client_auth` says, never both.
pub(super) fn check_custom<'a>(
    auth: ClientAuth,
    templates: impl IntoIterator<Item = &'a Template>,
) -> Result<(), Error> {
    let shown = templates.into_iter().any(Template::shows_client_secret);
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

fn in_url(name: &str) -> Error {
    Error::configuration(format!(
        "the parameter \"{}\" would stand in the token URL, where logs keep it: send it in the body",
        printable(name)
    ))
}

/// `guarded` tells that parameters which are secret by their nature may not be sent.
pub(super) fn check_names(url: &TokenUrl, sent: &[&str], guarded: bool) -> Result<(), Error> {
    for name in url.own_parameters() {
        if SECRET_PARAMETERS.contains(&name) {
            return Err(in_url(name));
        }
        if sent.contains(&name) && name != RESOURCE {
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
        if *name != RESOURCE && sent[..at].contains(name) {
            return Err(Error::configuration(format!(
                "the parameter \"{}\" is set twice",
                printable(name)
            )));
        }
    }
    Ok(())
}

/// A header of the token request that is the user's to set.
pub(super) fn own_header(name: &str, auth: ClientAuth) -> Result<HeaderName, Error> {
    let name = header_name(name)?;
    if name == AUTHORIZATION && auth != ClientAuth::Custom {
        return Err(Error::configuration(
            "the header authorization is for the client's authentication: call basic or basic_raw",
        ));
    }
    if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
        return Err(Error::configuration(format!(
            "the header {name} belongs to the transport"
        )));
    }
    Ok(name)
}

/// Headers by their templates. Of two with one name the last counts: a builder sets it after its
/// profile.
pub(super) fn headers(
    templates: Vec<(String, Template)>,
    named: impl Fn(&str) -> Result<HeaderName, Error>,
) -> Result<Vec<(HeaderName, Template)>, Error> {
    let mut headers: Vec<(HeaderName, Template)> = Vec::with_capacity(templates.len());
    for (name, value) in templates {
        let name = named(&name)?;
        check_fixed(&name, &value)?;
        headers.retain(|(other, _)| *other != name);
        headers.push((name, value));
    }
    Ok(headers)
}

/// What is fixed in a header's value must be fit for one: found late, it costs a token each time.
pub(super) fn check_fixed(name: &HeaderName, value: &Template) -> Result<(), Error> {
    let fits = |text: &str| http::HeaderValue::from_str(text).is_ok();
    if value.literals().into_iter().all(fits) {
        return Ok(());
    }
    Err(unfit_value(name))
}

pub(super) fn unfit_value(name: &HeaderName) -> Error {
    Error::configuration(format!(
        "the value of the header {name} holds a character that no header may hold"
    ))
}

pub(crate) fn header_name(name: &str) -> Result<HeaderName, Error> {
    name.parse().map_err(|_| {
        Error::configuration(format!("\"{}\" is not a header's name", printable(name)))
    })
}

pub(crate) fn origins<I>(origins: I) -> Result<Vec<Origin>, Error>
where
    I: IntoIterator<Item: Into<String>>,
{
    let parsed = |origin: I::Item| origin.into().parse();
    origins.into_iter().map(parsed).collect()
}
