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
    dpop::TOKEN_TYPE,
    expiry::{self, Evidence, Stated},
    json_path::scalar,
    jwt,
    plan::{Plan, header_value},
    template::{TemplateContext, Unfilled},
};

/// The credential that an answer brings, or why its token can't be used.
pub(crate) fn issue(asked: &Asked<'_>, answer: &Answer) -> Result<Credential, Error> {
    let plan = asked.plan;
    let missing = || malformed(asked, answer, "without an access token");
    let token = answer.token(&plan.response).ok_or_else(missing)?;
    let members = answer.members().filter(|_| answer.has_members());
    let mut proved = plan.inputs.dpop().is_some();
    if answer.token_is_member(&plan.response) {
        let token_type = members.and_then(|members| members.top("token_type"));
        proved = check_type(asked, token_type)? == TokenType::Dpop;
    }
    let context = TemplateContext {
        token,
        fields: Cow::Owned(captured(plan, members)),
        ..asked.inputs.context()
    };
    let mut credential = attached(asked, answer, &context, proved)?;
    if let Some(thumbprint) = bound_to_certificate(asked, members, token)? {
        credential = credential.bound_to_certificate(thumbprint);
    }
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
    proved: bool,
) -> Result<Credential, Error> {
    let attach = &asked.plan.attach;
    let unfilled = |why| match why {
        Unfilled::Missing(field) => malformed(asked, answer, &format!("without its {field}")),
        Unfilled::TooLong => malformed(asked, answer, "with what makes a header beyond 1 MiB"),
    };
    let value = attach.value.fill(context).map_err(unfilled)?;
    let strict = attach.bearer && !asked.plan.response.lenient_token;
    let bound = asked.inputs.dpop.as_ref().filter(|_| proved);
    let proof = bound.map(|(dpop, prover)| dpop.proof(prover.clone(), context.token));
    let credential = if strict {
        match proof {
            Some(proof) => Credential::dpop(context.token, proof),
            None => Credential::bearer(context.token),
        }
    } else if context.token.contains(char::is_whitespace) {
        Err(Error::configuration("the token holds a space"))
    } else {
        let credential = Credential::header(attach.header.clone(), &value);
        match proof {
            Some(proof) => credential.map(|credential| credential.with_proof(proof)),
            None => credential,
        }
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
    for (name, text) in &attach.defaults {
        let value = text.fill(context).map_err(unfilled)?;
        credential = credential.with_default_header(name.clone(), header_value(name, &value)?);
    }
    Ok(credential)
}

/// What an answer says that its token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenType {
    Bearer,
    /// Bound to the key of the request's proof.
    Dpop,
}

/// RFC 6749 §7.1: a client must not use a token whose type it does not know.
fn check_type(asked: &Asked<'_>, token_type: Option<&Value>) -> Result<TokenType, Error> {
    let response = &asked.plan.response;
    let origin = asked.plan.url.origin();
    let dpop = asked.plan.inputs.dpop();
    let (wanted, name) = match dpop {
        Some(_) => (TokenType::Dpop, TOKEN_TYPE),
        None => (TokenType::Bearer, "Bearer"),
    };
    let is_bearer = |kind: &String| {
        let mut types = response.token_types.iter();
        types.any(|known| known.eq_ignore_ascii_case(kind))
    };
    match (token_type, dpop) {
        (Some(Value::String(kind)), Some(_)) if kind.eq_ignore_ascii_case(TOKEN_TYPE) => {
            Ok(TokenType::Dpop)
        }
        (Some(Value::String(kind)), None) if is_bearer(kind) => Ok(TokenType::Bearer),
        (Some(Value::String(kind)), Some(dpop)) if is_bearer(kind) => {
            if dpop.allows_bearer() {
                return Ok(TokenType::Bearer);
            }
            Err(Error::configuration(format!(
                "{origin} was asked for a token that is bound to a key, and issued one of type \"{kind}\", which anybody can use who finds it: have it set up for DPoP, or allow that with allow_bearer"
            )))
        }
        (Some(Value::String(kind)), _) if !kind.is_empty() => Err(Error::configuration(format!(
            "{origin} issued a token of type \"{}\"; only {name} is supported here{}",
            asked.redactor.clean(kind),
            if kind.eq_ignore_ascii_case(TOKEN_TYPE) {
                ": for that, call dpop"
            } else {
                ""
            },
        ))),
        (None | Some(Value::Null | Value::String(_)), _) if response.token_type_optional => {
            Ok(wanted)
        }
        (None | Some(Value::Null | Value::String(_)), _) => Err(Error::configuration(format!(
            "{origin} issued a token without a type; if it is known to be {name}, set token_type_optional"
        ))),
        (Some(_), _) => Err(Error::configuration(format!(
            "{origin} issued a token whose type is not text; only {name} is supported here"
        ))),
    }
}

/// The thumbprint of the certificate that the token is bound to, by the answer, the token or the
/// settings (RFC 8705 §3).
fn bound_to_certificate(
    asked: &Asked<'_>,
    members: Option<&TokenResponse>,
    token: &str,
) -> Result<Option<String>, Error> {
    let cnf = members.and_then(|members| members.top("cnf"));
    let told = cnf.and_then(|cnf| Some(cnf.get("x5t#S256")?.as_str()?.to_owned()));
    let told = told.or_else(|| jwt::certificate_thumbprint(token));
    match (told, &asked.inputs.certificate) {
        (Some(told), Some(set)) if told != *set => Err(Error::configuration(format!(
            "{} bound the token to another client certificate than the one that is set: the transport presents another",
            asked.plan.url.origin()
        ))),
        (told, set) => Ok(told.or_else(|| set.clone())),
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
