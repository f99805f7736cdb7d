//! A verdict that is no success as an [`Error`] that says what to check.

use std::{error::Error as StdError, fmt};

use hallpass_core::Error;
use http::{
    StatusCode,
    header::{LOCATION, WWW_AUTHENTICATE},
};

use super::{
    answer::Answer,
    classify::{Verdict, is_standard},
    redactor::Redactor,
};
use crate::{
    ClientAuth,
    body::Fault,
    dpop::{INVALID_PROOF, USE_NONCE},
    percent::changes_when_escaped,
    plan::{Plan, ResolvedInputs},
    text::oddity,
};

/// What was asked, by whom, and what of it is secret.
pub(crate) struct Asked<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) inputs: &'a ResolvedInputs,
    pub(crate) redactor: &'a Redactor,
}

/// What the server said, cleaned: the source of the error, for those who print the chain.
#[derive(Debug)]
struct Detail {
    status: u16,
    code: Option<String>,
    message: Option<String>,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", error {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

impl StdError for Detail {}

/// The type of error of an answer that says yes and brings nothing of use.
const MALFORMED: &str = "malformed";

/// The error that a verdict stands for.
pub(crate) fn error(asked: &Asked<'_>, answer: &Answer, verdict: Verdict) -> Error {
    let status = answer.status.as_u16();
    let origin = asked.plan.url.origin();
    match verdict {
        Verdict::Busy { code, until } => {
            let told = told(asked, answer, code);
            let message = busy(asked, answer, told.code.as_deref());
            let error = coded(Error::transient, told).context(message);
            match until {
                Some(delay) => error.after(delay),
                None => error,
            }
        }
        Verdict::Refused { code, lasting } => {
            let told = told(asked, answer, code.clone());
            let message = refused(
                asked,
                answer,
                code.as_deref(),
                told.code.as_deref(),
                lasting,
            );
            let make = if lasting {
                Error::permanent
            } else {
                Error::transient
            };
            coded(make, told).context(message)
        }
        Verdict::Malformed(fault) => {
            let told = told(asked, answer, answer.code(&asked.plan.response));
            let code = told.code.clone();
            let code = code.map_or_else(String::new, |code| format!(" ({code})"));
            let message = match fault {
                Fault::Html | Fault::Xml => {
                    let url = &asked.plan.url;
                    let advice = url.what_to_check();
                    format!("{} answered {status} with {fault}: {advice}", url.place())
                }
                Fault::NoAccessToken => {
                    format!("{origin} answered {status} without an access token{code}")
                }
                _ => format!("{origin} answered {status} with {fault}"),
            };
            let error = coded(Error::transient, told).context(message);
            error.with_type(MALFORMED)
        }
        Verdict::Issued => malformed(asked, answer, "and a token that can't be used"),
    }
}

/// A success that is none. It may pass: proxies and half-started servers answer like this.
pub(super) fn malformed(asked: &Asked<'_>, answer: &Answer, why: &str) -> Error {
    let status = answer.status.as_u16();
    let origin = asked.plan.url.origin();
    coded(Error::transient, told(asked, answer, None))
        .context(format!("{origin} answered {status} {why}"))
        .with_type(MALFORMED)
}

fn coded(make: impl FnOnce(Detail) -> Error, told: Detail) -> Error {
    let (code, status) = (told.code.clone(), told.status);
    let error = make(told);
    let error = match &code {
        Some(code) if is_standard(code) => error.with_type(code.clone()),
        _ => error.with_type(format!("http_{status}")),
    };
    match code {
        Some(code) => error.with_code(code),
        None => error,
    }
}

fn told(asked: &Asked<'_>, answer: &Answer, code: Option<String>) -> Detail {
    let message = answer.message(&asked.plan.response);
    // A code of the standard says nothing about a secret, whatever that is.
    let shown = |code: String| {
        if is_standard(&code) {
            code
        } else {
            asked.redactor.clean(&code)
        }
    };
    Detail {
        status: answer.status.as_u16(),
        code: code.map(shown),
        message: message.map(|message| asked.redactor.clean(&message)),
    }
}

fn busy(asked: &Asked<'_>, answer: &Answer, code: Option<&str>) -> String {
    let origin = asked.plan.url.origin();
    let status = answer.status.as_u16();
    match (code, &answer.json) {
        _ if answer.status == StatusCode::TOO_MANY_REQUESTS => {
            format!("{origin} is rate limiting token requests")
        }
        (Some(USE_NONCE), _) => format!("{origin} {}", nonce_trouble(asked)),
        (Some(code), _) => format!("{origin} answered {status} ({code})"),
        (None, Err(fault @ (Fault::Html | Fault::Xml | Fault::Coded(_)))) => {
            format!("{origin} answered {status} with {fault}")
        }
        _ => format!("{origin} answered {status}"),
    }
}

fn nonce_trouble(asked: &Asked<'_>) -> &'static str {
    if asked.plan.inputs.dpop().is_some() {
        "wants another nonce in the proof of possession, and sends none, or again another one (use_dpop_nonce)"
    } else {
        NO_PROOF
    }
}

/// `code` is the server's own, `shown` what may be shown of it.
fn refused(
    asked: &Asked<'_>,
    answer: &Answer,
    code: Option<&str>,
    shown: Option<&str>,
    lasting: bool,
) -> String {
    let url = &asked.plan.url;
    let status = answer.status.as_u16();
    if answer.status.is_redirection() {
        let moved = answer.headers.contains_key(LOCATION);
        let where_to = if moved { " to another address" } else { "" };
        return format!(
            "{} answered {status}{where_to}; token requests are never redirected: configure the final URL",
            url.origin()
        );
    }
    if answer.status.is_success() && !lasting && asked.plan.response.success.is_empty() {
        let what = shown.map_or_else(String::new, |code| format!(" \"{code}\""));
        return format!("{} answered {status} with an error{what}", url.origin());
    }
    let markup = match &answer.json {
        Err(fault @ (Fault::Html | Fault::Xml | Fault::Coded(_))) => Some(fault),
        _ => None,
    };
    let known = code.is_some_and(is_standard);
    let of_client = matches!(status, 200..300 | 400 | 401 | 403) && markup.is_none();
    if !of_client && !known {
        let with = markup.map_or_else(String::new, |fault| format!(" with {fault}"));
        let advice = elsewhere(status, markup, url.what_to_check());
        return format!("{} answered {status}{with}: {advice}", url.place());
    }
    let whom = match &asked.inputs.id {
        Some(id) => format!("client \"{}\"", asked.redactor.clean(id)),
        None => "the request".to_owned(),
    };
    let reason = shown.map_or_else(|| status.to_string(), str::to_owned);
    let mut oddities = String::new();
    for (what, value) in halves(asked.inputs) {
        if let Some(oddity) = oddity(value) {
            oddities.extend(["; the ", what, " ", oddity]);
        }
    }
    if oddities.is_empty() && may_be_the_client(code) {
        oddities.extend(other_basic(asked));
    }
    format!(
        "{} refused {whom} ({reason}): {}{oddities}",
        url.origin(),
        advice(asked.plan, answer, code)
    )
}

/// What to check when the answer seems to come from somewhere else than the endpoint.
fn elsewhere(status: u16, markup: Option<&Fault>, url: &'static str) -> String {
    match status {
        407 => "a proxy on the way wants credentials of its own: check the proxy's settings".into(),
        403 if markup.is_some() => format!("a firewall may have answered; {url}"),
        405 => format!("{url} and the method"),
        413..=415 => "check the encoding of the parameters".into(),
        422 => "check the parameters and their encoding".into(),
        _ => url.into(),
    }
}

fn halves(inputs: &ResolvedInputs) -> impl Iterator<Item = (&'static str, &str)> {
    let halves = [("id", &inputs.id), ("secret", &inputs.secret)];
    halves
        .into_iter()
        .filter_map(|(what, value)| Some((what, value.as_deref()?.as_str())))
}

/// Whether a refusal with this code may mean that the client was not recognized.
fn may_be_the_client(code: Option<&str>) -> bool {
    matches!(
        code,
        None | Some("invalid_client" | "unauthorized_client" | "invalid_request")
    )
}

/// The other way to write Basic, where the two differ; the body where that can't carry the id.
fn other_basic(asked: &Asked<'_>) -> Option<String> {
    let inputs = asked.inputs;
    let has_colon = || inputs.id.as_deref().is_some_and(|id| id.contains(':'));
    let (servers, wanted, other) = match asked.plan.request.auth {
        ClientAuth::Basic if has_colon() => ("some", "as they are", "post"),
        ClientAuth::Basic => ("some", "as they are", "basic_raw"),
        ClientAuth::BasicRaw => ("most", "percent-encoded", "basic"),
        _ => return None,
    };
    let odd: Vec<&str> = halves(inputs)
        .filter(|(_, value)| changes_when_escaped(value))
        .map(|(what, _)| what)
        .collect();
    let (whose, holds, they_are) = match odd[..] {
        [] => return None,
        [one] => (format!("the {one}"), "holds", "it is"),
        _ => ("id and secret".to_owned(), "hold", "they are"),
    };
    Some(format!(
        "; {whose} {holds} characters that {servers} servers want {wanted}: if {they_are} right, try {other}"
    ))
}

fn advice(plan: &Plan, answer: &Answer, code: Option<&str>) -> &'static str {
    let realm = plan.url.has_realm();
    let status = answer.status;
    match code {
        Some("invalid_token" | "insufficient_scope") => API,
        None if speaks_as_an_api(answer) => API,
        Some("invalid_grant") if plan.inputs.bring_a_token() => {
            "the grant's token or assertion is wrong, spent or revoked; check the clock too"
        }
        Some("invalid_client") | None if plan.inputs.signs() => {
            "check id, key, issuer and the clock"
        }
        Some("invalid_client") | None if plan.request.auth == ClientAuth::Tls => {
            "check id and certificate"
        }
        Some("invalid_client") if realm => "check id, secret and realm",
        Some("invalid_client") => "check id and secret",
        Some("unauthorized_client") => {
            "check id and secret, and that the client may use this grant"
        }
        Some(INVALID_PROOF) if plan.inputs.dpop().is_some() => {
            "check this machine's clock, and that the server knows the token URL under this name"
        }
        Some(INVALID_PROOF) => NO_PROOF,
        Some("invalid_scope" | "scope_invalid") => "check the scope",
        Some("invalid_target") => "check resource and audience",
        Some("unsupported_grant_type") => {
            "check the token URL, and that the server offers this grant"
        }
        Some("access_denied") => "check what the client is allowed to do",
        Some("invalid_request") => "check the parameters and how the client authenticates",
        None if status == StatusCode::UNAUTHORIZED && realm => "check id, secret and realm",
        None if status == StatusCode::UNAUTHORIZED => "check id and secret",
        // Some servers say no more than this to a client without a scope.
        None if status == StatusCode::FORBIDDEN && realm => "check id, secret, realm and scope",
        None if status == StatusCode::FORBIDDEN => "check id, secret and scope",
        _ => "check id, secret and parameters",
    }
}

const NO_PROOF: &str = "wants a proof of possession with each request: call dpop";

const API: &str = "check the token URL: an API answers there, and wants a token";

/// A token endpoint has no use for a bearer token (RFC 6750 §3).
fn speaks_as_an_api(answer: &Answer) -> bool {
    let challenges = answer.headers.get_all(WWW_AUTHENTICATE).iter();
    let bearer = |value: &[u8]| value.len() >= 6 && value[..6].eq_ignore_ascii_case(b"bearer");
    answer.status == StatusCode::UNAUTHORIZED
        && challenges.into_iter().any(|value| bearer(value.as_bytes()))
}
