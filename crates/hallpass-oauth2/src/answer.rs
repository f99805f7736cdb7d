//! An answer of the token endpoint, read: a [`Credential`], or why there is none.

use bytes::Bytes;
use hallpass_core::{Credential, Error};
use http::Response;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    body::{Fault, Members},
    expiry::{self, Stated},
    refusal,
    request::{Client, Plan},
    text::printable,
};

/// Reads an answer of any status.
pub(crate) fn read(
    plan: &Plan,
    client: &Client,
    answer: &Response<Bytes>,
) -> Result<Credential, Error> {
    if !answer.status().is_success() {
        return Err(refusal::of(plan, client, answer));
    }
    let mut members =
        Members::parse(answer.body()).map_err(|fault| malformed(plan, answer, fault))?;
    let token = match members.access_token.take() {
        Some(Value::String(token)) if !token.is_empty() => Some(Zeroizing::new(token)),
        _ => None,
    };
    // Some servers refuse with 200. An empty member beside a token is no refusal.
    if members.error.as_ref().is_some_and(|error| !hollow(error)) {
        return Err(refusal::despite_success(plan, client, answer, &members));
    }
    let Some(token) = token else {
        return Err(malformed_because(plan, answer, "without an access token"));
    };
    check_type(plan, members.token_type.as_ref())?;
    credential(plan, answer, &members, &token)
}

fn hollow(error: &Value) -> bool {
    matches!(error, Value::Null | Value::Bool(false)) || error.as_str() == Some("")
}

fn credential(
    plan: &Plan,
    answer: &Response<Bytes>,
    members: &Members,
    token: &str,
) -> Result<Credential, Error> {
    let credential = attach(plan, token).map_err(|error| {
        Error::transient(error).context(format!(
            "{} issued an access token that no header can carry",
            plan.url.origin()
        ))
    })?;
    let stated = Stated::read(members.expires_in.as_ref()).ok_or_else(|| {
        malformed_because(plan, answer, "with an expires_in that is not a number")
    })?;
    warn_of(plan, stated);

    let lifetime = expiry::lifetime(
        &plan.expiry,
        stated,
        token,
        expiry::server_now(answer.headers()),
        plan.default_lifetime,
    );
    let credential = match lifetime {
        Some(lifetime) => credential.lives_for(lifetime),
        None => credential,
    };
    Ok(match granted(plan, members.scope.as_ref()) {
        Some(scope) => credential.with_scope(scope),
        None => credential,
    })
}

fn attach(plan: &Plan, token: &str) -> Result<Credential, Error> {
    // Checks the token, whichever header it goes in.
    let bearer = Credential::bearer(token)?;
    let attach = &plan.attach;
    let credential = if attach.header == http::header::AUTHORIZATION
        && attach.value == crate::client_credentials::BEARER
    {
        bearer
    } else {
        let value = Zeroizing::new(attach.value.replace("{token}", token));
        Credential::header(attach.header.clone(), &value)?
    };
    Ok(attach
        .beside
        .iter()
        .fold(credential, |credential, (name, value)| {
            credential.with_header(name.clone(), value.clone())
        }))
}

/// RFC 6749 §7.1: a client must not use a token whose type it does not know.
fn check_type(plan: &Plan, token_type: Option<&Value>) -> Result<(), Error> {
    let origin = plan.url.origin();
    match token_type {
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => Ok(()),
        Some(Value::String(kind)) if !kind.is_empty() => Err(Error::configuration(format!(
            "{origin} issued a token of type \"{}\"; only Bearer is supported here",
            printable(kind)
        ))),
        None | Some(Value::Null | Value::String(_)) if plan.assume_bearer => Ok(()),
        None | Some(Value::Null | Value::String(_)) => Err(Error::configuration(format!(
            "{origin} issued a token without a type; if it is known to be Bearer, say so with assume_bearer"
        ))),
        Some(_) => Err(Error::configuration(format!(
            "{origin} issued a token whose type is not text; only Bearer is supported here"
        ))),
    }
}

/// RFC 6749 §5.1: the answer's scope, or what was asked for if it has none.
fn granted(plan: &Plan, scope: Option<&Value>) -> Option<String> {
    match scope {
        Some(Value::String(scope)) if !scope.is_empty() => {
            if scope.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Some(scope.clone());
            }
            tracing::warn!(
                target: "hallpass",
                source = plan.name,
                "the answer's scope holds characters that no scope may hold; ignored"
            );
        }
        None | Some(Value::Null | Value::String(_)) => {}
        Some(_) => tracing::warn!(
            target: "hallpass",
            source = plan.name,
            "the answer's scope is not text; ignored"
        ),
    }
    plan.scope.clone()
}

fn warn_of(plan: &Plan, stated: Stated) {
    match stated {
        Stated::Nothing | Stated::Seconds(_) => {}
        Stated::Negative => tracing::warn!(
            target: "hallpass",
            source = plan.name,
            "the answer's expires_in is negative; the token is not kept"
        ),
        Stated::Unreadable => tracing::warn!(
            target: "hallpass",
            source = plan.name,
            "the answer's expires_in can't be read; another lifetime is used"
        ),
    }
}

fn malformed(plan: &Plan, answer: &Response<Bytes>, fault: Fault) -> Error {
    let status = answer.status().as_u16();
    let url = &plan.url;
    match fault {
        Fault::Html | Fault::Xml => {
            Error::transient(refusal::Detail::status(status)).context(format!(
                "{} answered {status} with {fault}: {}",
                url.place(),
                url.what_to_check()
            ))
        }
        _ => malformed_because(plan, answer, &format!("with {fault}")),
    }
}

/// A success that is none. It may pass: proxies and half-started servers answer like this.
fn malformed_because(plan: &Plan, answer: &Response<Bytes>, why: &str) -> Error {
    let status = answer.status().as_u16();
    Error::transient(refusal::Detail::status(status))
        .context(format!("{} answered {status} {why}", plan.url.origin()))
}
