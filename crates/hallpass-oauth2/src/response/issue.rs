//! A success, made into a [`Credential`].

use std::{borrow::Cow, collections::BTreeMap};

use hallpass_core::{Credential, Error};
use serde_json::Value;

use super::{
    answer::Answer,
    message::{Asked, malformed},
};
use crate::{
    body::TokenResponse,
    expiry::{self, Evidence, Stated},
    json_path::scalar,
    plan::{Plan, header_value},
    template::{TemplateContext, Unfilled},
};

/// The credential that an answer brings, or why its token can't be used.
pub(crate) fn issue(asked: &Asked<'_>, answer: &Answer) -> Result<Credential, Error> {
    let plan = asked.plan;
    let missing = || malformed(asked, answer, "without an access token");
    let token = answer.token(&plan.response).ok_or_else(missing)?;
    let members = answer.members().filter(|_| answer.has_members());
    if answer.token_is_member(&plan.response) {
        check_type(asked, members.and_then(|members| members.top("token_type")))?;
    }
    let context = TemplateContext {
        token,
        fields: Cow::Owned(captured(plan, members)),
        ..asked.inputs.context()
    };
    let mut credential = attached(asked, answer, &context)?;
    let stated = members.and_then(|members| members.top("expires_in"));
    let stated = Stated::read(stated)
        .ok_or_else(|| malformed(asked, answer, "with an expires_in that is not a number"))?;
    warn_of(plan, stated);

    let evidence = Evidence {
        stated,
        members,
        token,
        clocks: expiry::clocks(&answer.headers),
        name: &plan.name,
    };
    let response = &plan.response;
    let lifetime = expiry::lifetime(&response.expiry, &evidence, response.default_lifetime);
    if let Some(lifetime) = lifetime {
        credential = credential.lives_for(lifetime);
        if let Some(delay) = plan.renewal.hint(lifetime) {
            credential = credential.renew_in(plan.renewal.told(delay));
        }
    }
    for (name, value) in &*context.fields {
        credential = credential.with_field(name, value);
    }
    if response.issued_type {
        credential = with_issued_type(asked, answer, credential, members)?;
    }
    let scope = members.and_then(|members| members.top("scope"));
    Ok(match granted(asked, scope) {
        Some(scope) => credential.with_scope(scope),
        None => credential,
    })
}

fn captured(plan: &Plan, members: Option<&TokenResponse>) -> BTreeMap<String, String> {
    let value = |path| scalar(members?.at(path)?).map(Cow::into_owned);
    let fields = plan.response.capture.iter();
    fields
        .filter_map(|(name, path)| Some((name.clone(), value(path)?)))
        .collect()
}

fn attached(
    asked: &Asked<'_>,
    answer: &Answer,
    context: &TemplateContext<'_>,
) -> Result<Credential, Error> {
    let attach = &asked.plan.attach;
    let unfilled = |why| match why {
        Unfilled::Missing(field) => malformed(asked, answer, &format!("without its {field}")),
        Unfilled::TooLong => malformed(asked, answer, "with what makes a header beyond 1 MiB"),
    };
    let value = attach.value.fill(context).map_err(unfilled)?;
    let credential = if attach.bearer && !asked.plan.response.lenient_token {
        Credential::bearer(context.token)
    } else if context.token.contains(char::is_whitespace) {
        Err(Error::configuration("the token holds a space"))
    } else {
        Credential::header(attach.header.clone(), &value)
    };
    let mut credential = credential.map_err(|error| {
        Error::transient(error).context(format!(
            "{} issued an access token that no header can carry",
            asked.plan.url.origin()
        ))
    })?;
    for (name, text) in &attach.beside {
        let value = text.fill(context).map_err(unfilled)?;
        credential = credential.with_header(name.clone(), header_value(name, &value)?);
    }
    Ok(credential)
}

/// RFC 6749 §7.1: a client must not use a token whose type it does not know.
fn check_type(asked: &Asked<'_>, token_type: Option<&Value>) -> Result<(), Error> {
    let response = &asked.plan.response;
    let origin = asked.plan.url.origin();
    let known = |kind: &String| {
        let mut types = response.token_types.iter();
        types.any(|known| known.eq_ignore_ascii_case(kind))
    };
    match token_type {
        Some(Value::String(kind)) if known(kind) => Ok(()),
        Some(Value::String(kind)) if !kind.is_empty() => Err(Error::configuration(format!(
            "{origin} issued a token of type \"{}\"; only Bearer is supported here",
            asked.redactor.clean(kind)
        ))),
        None | Some(Value::Null | Value::String(_)) if response.token_type_optional => Ok(()),
        None | Some(Value::Null | Value::String(_)) => Err(Error::configuration(format!(
            "{origin} issued a token without a type; if it is known to be Bearer, set token_type_optional"
        ))),
        Some(_) => Err(Error::configuration(format!(
            "{origin} issued a token whose type is not text; only Bearer is supported here"
        ))),
    }
}

/// RFC 8693 §2.2.1: the answer says which kind of token it issued.
fn with_issued_type(
    asked: &Asked<'_>,
    answer: &Answer,
    credential: Credential,
    members: Option<&TokenResponse>,
) -> Result<Credential, Error> {
    let kind = members.and_then(|members| members.top("issued_token_type"));
    match kind.and_then(Value::as_str).filter(|kind| !kind.is_empty()) {
        Some(kind) => Ok(credential.with_field("issued_token_type", kind)),
        None => Err(malformed(asked, answer, "without an issued_token_type")),
    }
}

/// No scope that a person wrote is longer.
const LONGEST_SCOPE: usize = 64 * 1024;

/// RFC 6749 §5.1: the answer's scope, or what was asked for if it has none.
fn granted(asked: &Asked<'_>, scope: Option<&Value>) -> Option<String> {
    let ignored = |why: &str| {
        tracing::warn!(
            target: "hallpass",
            source = asked.plan.name,
            why,
            "the answer's scope is ignored"
        );
    };
    match scope {
        Some(Value::String(scope)) if !scope.is_empty() => {
            // It is shown wherever the credential is.
            if scope.len() > LONGEST_SCOPE {
                ignored("it is too long");
            } else if asked.redactor.finds(scope) {
                ignored("it repeats a secret");
            } else if scope.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Some(scope.clone());
            } else {
                ignored("it holds characters that no scope may hold");
            }
        }
        None | Some(Value::Null | Value::String(_)) => {}
        Some(_) => ignored("it is not text"),
    }
    asked.plan.response.scope.clone()
}

fn warn_of(plan: &Plan, stated: Stated) {
    let why = match stated {
        Stated::Nothing | Stated::Seconds(_) => return,
        Stated::Negative => "it is negative; the token is not kept",
        Stated::Unreadable => "it can't be read; another lifetime is used",
    };
    tracing::warn!(target: "hallpass", source = plan.name, why, "the answer's expires_in is odd");
}
