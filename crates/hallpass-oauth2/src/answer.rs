//! An answer of the token endpoint, read: a [`Credential`], or why there is none.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use hallpass_core::{Credential, Error};
use http::Response;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    Expiry,
    body::{Fault, Members},
    dialect::{Call, Judge, scalar},
    echo::Echo,
    expiry::{self, Evidence, Stated},
    refusal,
    request::{Client, Plan, header_value},
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
    if plan.dialect.text_answer {
        let token = text_token(plan, answer)?;
        return credential(plan, client, answer, None, &token);
    }
    let from_expiry: Vec<String> = plan.expiry.iter().filter_map(Expiry::top).collect();
    let wanted = plan.dialect.wanted();
    let wanted = wanted.chain(from_expiry.iter().map(String::as_str));
    let members =
        Members::parse(answer.body(), wanted).map_err(|fault| malformed(plan, answer, &fault))?;
    let find = |name: &str| members.top(name);
    let failed = |judge: &&Judge| !judge.holds(answer.status(), answer.headers(), find);
    if let Some(judge) = plan.dialect.success.iter().find(failed) {
        return Err(refusal::unsuccessful(plan, client, answer, &members, judge));
    }
    // Some servers refuse with 200. An empty member beside a token is no refusal.
    if members.error.as_ref().is_some_and(|error| !hollow(error)) {
        return Err(refusal::despite_success(plan, client, answer, &members));
    }
    let mut tokens = plan
        .dialect
        .token
        .iter()
        .filter_map(|path| members.at(path));
    let token = tokens.find_map(|value| value.as_str().filter(|token| !token.is_empty()));
    let Some(token) = token else {
        return Err(malformed_because(plan, answer, "without an access token"));
    };
    check_type(plan, client, members.token_type.as_ref())?;
    credential(plan, client, answer, Some(&members), token)
}

/// The whole body, in quotation marks or not.
fn text_token(plan: &Plan, answer: &Response<Bytes>) -> Result<Zeroizing<String>, Error> {
    let body = answer.body().trim_ascii();
    let text = match body {
        [b'"', inner @ .., b'"'] => inner,
        _ => body,
    };
    match text {
        [] => Err(malformed(plan, answer, &Fault::Empty)),
        [b'<', ..] => Err(malformed(plan, answer, &Fault::Html)),
        [b'{' | b'[', ..] => Err(malformed_because(
            plan,
            answer,
            "with JSON instead of a token",
        )),
        _ => Ok(Zeroizing::new(String::from_utf8_lossy(text).into_owned())),
    }
}

fn hollow(error: &Value) -> bool {
    matches!(error, Value::Null | Value::Bool(false)) || error.as_str() == Some("")
}

fn credential(
    plan: &Plan,
    client: &Client,
    answer: &Response<Bytes>,
    members: Option<&Members>,
    token: &str,
) -> Result<Credential, Error> {
    let call = Call {
        token,
        fields: Cow::Owned(captured(plan, members)),
        ..client.call()
    };
    let credential = attach(plan, answer, &call)?;
    let stated = members.and_then(|members| members.expires_in.as_ref());
    let stated = Stated::read(stated).ok_or_else(|| {
        malformed_because(plan, answer, "with an expires_in that is not a number")
    })?;
    warn_of(plan, stated);

    let evidence = Evidence {
        stated,
        members,
        token,
        now: expiry::server_now(answer.headers()),
        name: &plan.name,
    };
    let lifetime = expiry::lifetime(&plan.expiry, &evidence, plan.default_lifetime);
    let credential = match lifetime {
        Some(lifetime) => credential.lives_for(lifetime),
        None => credential,
    };
    let renewal = plan.dialect.renewal;
    let credential = match lifetime.and_then(|lifetime| renewal.hint(lifetime)) {
        Some(delay) => credential.renew_in(renewal.spread(delay, fastrand::f64())),
        None => credential,
    };
    let credential = call
        .fields
        .iter()
        .fold(credential, |credential, (name, value)| {
            credential.with_field(name, value)
        });
    let scope = members.and_then(|members| members.scope.as_ref());
    Ok(match granted(plan, scope) {
        Some(scope) => credential.with_scope(scope),
        None => credential,
    })
}

fn captured(plan: &Plan, members: Option<&Members>) -> BTreeMap<String, String> {
    let value = |path| scalar(members?.at(path)?).map(Cow::into_owned);
    let fields = plan.dialect.capture.iter();
    fields
        .filter_map(|(name, path)| Some((name.clone(), value(path)?)))
        .collect()
}

fn attach(plan: &Plan, answer: &Response<Bytes>, call: &Call<'_>) -> Result<Credential, Error> {
    let attach = &plan.attach;
    let missing = |field: &str| malformed_because(plan, answer, &format!("without its {field}"));
    let value = attach.value.fill(call).map_err(missing)?;
    let credential = if attach.bearer && !plan.dialect.lenient_token {
        Credential::bearer(call.token)
    } else if call.token.contains(char::is_whitespace) {
        Err(Error::configuration("the token holds a space"))
    } else {
        Credential::header(attach.header.clone(), &value)
    };
    let mut credential = credential.map_err(|error| {
        Error::transient(error).context(format!(
            "{} issued an access token that no header can carry",
            plan.url.origin()
        ))
    })?;
    for (name, text) in &attach.beside {
        let value = text.fill(call).map_err(missing)?;
        credential = credential.with_header(name.clone(), header_value(name, &value)?);
    }
    Ok(credential)
}

/// RFC 6749 §7.1: a client must not use a token whose type it does not know.
fn check_type(plan: &Plan, client: &Client, token_type: Option<&Value>) -> Result<(), Error> {
    let origin = plan.url.origin();
    match token_type {
        Some(Value::String(kind)) if is_known(plan, kind) => Ok(()),
        Some(Value::String(kind)) if !kind.is_empty() => Err(Error::configuration(format!(
            "{origin} issued a token of type \"{}\"; only Bearer is supported here",
            Echo::of(client).clean(kind)
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

fn is_known(plan: &Plan, kind: &str) -> bool {
    let types = &plan.dialect.token_types;
    types.iter().any(|known| known.eq_ignore_ascii_case(kind))
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

fn malformed(plan: &Plan, answer: &Response<Bytes>, fault: &Fault) -> Error {
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
