//! An answer that is no success, as an [`Error`] that says what to check.

use std::{error::Error as StdError, fmt, time::SystemTime};

use bytes::Bytes;
use hallpass_core::{Error, retry_after};
use http::{Response, StatusCode};

use crate::{
    ClientAuth,
    body::{Fault, Members},
    dialect::{Judge, scalar},
    echo::Echo,
    encoding::changes_when_escaped,
    request::{Client, Plan},
    text::{oddity, printable},
};

/// What the server said, cleaned: the source of the error, for those who print the chain.
#[derive(Debug)]
pub(crate) struct Detail {
    status: u16,
    code: Option<String>,
    description: Option<String>,
}

impl Detail {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            code: None,
            description: None,
        }
    }

    fn of(status: StatusCode, members: Option<&Members>, echo: &Echo) -> Self {
        let description = members.and_then(Members::description);
        Self {
            status: status.as_u16(),
            code: members
                .and_then(Members::code)
                .map(|code| shown(code, echo)),
            description: description.map(|description| echo.clean(description)),
        }
    }
}

/// A code of the standard says nothing about a secret, whatever that is.
fn shown(code: &str, echo: &Echo) -> String {
    if is_standard(code) || is_passing(code) {
        code.to_owned()
    } else {
        echo.clean(code)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", error {code}")?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        Ok(())
    }
}

impl StdError for Detail {}

/// The error that an answer outside 2xx stands for.
pub(crate) fn of(plan: &Plan, client: &Client, answer: &Response<Bytes>) -> Error {
    let status = answer.status();
    let origin = plan.url.origin();
    let parsed = Members::parse(answer.body(), plan.dialect.wanted());
    let members = parsed.as_ref().ok();
    let code = members.and_then(Members::code);
    let detail = Detail::of(status, members, &Echo::of(client));

    if status.is_redirection() {
        return Error::permanent(detail).context(format!(
            "{origin} answered {} to another address; token requests are never redirected: configure the final URL",
            status.as_u16()
        ));
    }
    if passes(status) || code.is_some_and(is_passing) || is_busy(plan, answer, members) {
        return later(plan, answer, parsed.as_ref().err(), detail);
    }
    let markup = matches!(parsed, Err(Fault::Html | Fault::Xml));
    let spoken = matches!(status.as_u16(), 400 | 401 | 403) || code.is_some_and(is_standard);
    if spoken && !markup {
        return refused(plan, client, status, code, detail);
    }
    let with = match parsed {
        Err(fault @ (Fault::Html | Fault::Xml)) => format!(" with {fault}"),
        _ => String::new(),
    };
    Error::permanent(detail).context(format!(
        "{} answered {}{with}: {}",
        plan.url.place(),
        status.as_u16(),
        plan.url.what_to_check()
    ))
}

/// The error that a 2xx with an `error` member stands for.
pub(crate) fn despite_success(
    plan: &Plan,
    client: &Client,
    answer: &Response<Bytes>,
    members: &Members,
) -> Error {
    let status = answer.status();
    let echo = Echo::of(client);
    let detail = Detail::of(status, Some(members), &echo);
    match members.code() {
        Some(code) if is_standard(code) => refused(plan, client, status, Some(code), detail),
        code => {
            let what = code.map_or_else(String::new, |code| format!(" \"{}\"", echo.clean(code)));
            Error::transient(detail).context(format!(
                "{} answered {} with an error{what}",
                plan.url.origin(),
                status.as_u16()
            ))
        }
    }
}

/// The error that a 2xx stands for which a profile does not count as success.
pub(crate) fn unsuccessful(
    plan: &Plan,
    client: &Client,
    answer: &Response<Bytes>,
    members: &Members,
    judge: &Judge,
) -> Error {
    let status = answer.status();
    let echo = Echo::of(client);
    let mut detail = Detail::of(status, Some(members), &echo);
    let told = judge.path().and_then(|path| members.at(path));
    let told = told.and_then(scalar);
    if let Some(told) = &told {
        detail.code = Some(shown(told, &echo));
    }
    if is_busy(plan, answer, Some(members)) {
        return later(plan, answer, None, detail);
    }
    let code = told.as_deref().or_else(|| members.code());
    refused(plan, client, status, code, detail)
}

/// Whether the profile knows this answer for one that passes.
fn is_busy(plan: &Plan, answer: &Response<Bytes>, members: Option<&Members>) -> bool {
    let find = |name: &str| members.and_then(|members| members.top(name));
    let met = |judge: &Judge| judge.holds(answer.status(), answer.headers(), find);
    plan.dialect.busy.iter().any(met)
}

fn later(plan: &Plan, answer: &Response<Bytes>, fault: Option<&Fault>, detail: Detail) -> Error {
    let status = answer.status();
    let origin = plan.url.origin();
    let message = if status == StatusCode::TOO_MANY_REQUESTS {
        format!("{origin} is rate limiting token requests")
    } else {
        let status = status.as_u16();
        match (fault, &detail.code) {
            (_, Some(code)) => format!("{origin} answered {status} ({code})"),
            (Some(fault @ (Fault::Html | Fault::Xml)), _) => {
                format!("{origin} answered {status} with {fault}")
            }
            _ => format!("{origin} answered {status}"),
        }
    };
    let error = Error::transient(detail).context(message);
    match retry_after(answer.headers(), SystemTime::now()) {
        Some(delay) => error.after(delay),
        None => error,
    }
}

fn refused(
    plan: &Plan,
    client: &Client,
    status: StatusCode,
    code: Option<&str>,
    detail: Detail,
) -> Error {
    let whom = match &client.id {
        Some(id) => format!("client \"{}\"", printable(id)),
        None => "the request".to_owned(),
    };
    let reason = match &detail.code {
        Some(code) => code.clone(),
        None => status.as_u16().to_string(),
    };
    let mut oddities = String::new();
    for (what, value) in halves(client) {
        if let Some(oddity) = oddity(value) {
            oddities.extend(["; the ", what, " ", oddity]);
        }
    }
    if oddities.is_empty() && may_be_the_client(code) {
        oddities.extend(other_basic(plan, client));
    }
    Error::permanent(detail).context(format!(
        "{} refused {whom} ({reason}): {}{oddities}",
        plan.url.origin(),
        advice(plan, status, code)
    ))
}

fn halves(client: &Client) -> impl Iterator<Item = (&'static str, &str)> {
    let halves = [("id", &client.id), ("secret", &client.secret)];
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
fn other_basic(plan: &Plan, client: &Client) -> Option<String> {
    let has_colon = || client.id.as_deref().is_some_and(|id| id.contains(':'));
    let (servers, wanted, other) = match plan.auth {
        ClientAuth::Basic if has_colon() => ("some", "as they are", "post"),
        ClientAuth::Basic => ("some", "as they are", "basic_raw"),
        ClientAuth::BasicRaw => ("most", "percent-encoded", "basic"),
        _ => return None,
    };
    let odd: Vec<&str> = halves(client)
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

fn advice(plan: &Plan, status: StatusCode, code: Option<&str>) -> &'static str {
    let realm = plan.url.has_realm();
    match code {
        Some("invalid_grant") if plan.grant.brings_a_token() => {
            "the grant's token or assertion is wrong, spent or revoked; check the clock too"
        }
        Some("invalid_client") | None if plan.assertion.is_some() => {
            "check id, key, issuer and the clock"
        }
        Some("invalid_client") | None if plan.auth == ClientAuth::Tls => "check id and certificate",
        Some("invalid_client") if realm => "check id, secret and realm",
        Some("invalid_client") => "check id and secret",
        Some("unauthorized_client") => {
            "check id and secret, and that the client may use this grant"
        }
        Some("invalid_scope" | "scope_invalid") => "check the scope",
        Some("invalid_target") => "check resource and audience",
        Some("unsupported_grant_type") => {
            "check the token URL, and that the server offers this grant"
        }
        Some("access_denied") => "check what the client is allowed to do",
        Some("invalid_request") => "check the parameters and how the client authenticates",
        Some(_) => "check id, secret and parameters",
        None if status == StatusCode::BAD_REQUEST => "check id, secret and parameters",
        // Some servers say no more than this to a client without a scope.
        None if status == StatusCode::FORBIDDEN && realm => "check id, secret, realm and scope",
        None if status == StatusCode::FORBIDDEN => "check id, secret and scope",
        None if realm => "check id, secret and realm",
        None => "check id and secret",
    }
}

/// Statuses that may pass by themselves.
fn passes(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// Codes that say so, whatever the status.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "temporarily_unavailable" | "server_error" | "slow_down"
    )
}

/// Codes that stay until somebody changes something (RFC 6749 §5.2, RFC 8707 §2).
fn is_standard(code: &str) -> bool {
    matches!(
        code,
        "invalid_client"
            | "unauthorized_client"
            | "invalid_scope"
            | "unsupported_grant_type"
            | "invalid_request"
            | "invalid_target"
            | "invalid_grant"
            | "access_denied"
    )
}
