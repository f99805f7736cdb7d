//! The protected API: who may pass, and the echo they get.

use http::request::Parts;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::client::Role;
use crate::credentials::Authorization;
use crate::fields::Fields;
use crate::journal::Kind;
use crate::lock::lock;
use crate::possession::unproved;
use crate::refusal::Refusal;
#[cfg(feature = "oauth2")]
use crate::shape::Presented;
use crate::shared::Shared;
use crate::store::Holder;
use crate::system::System;

/// Lets a request pass or says why not; depends on the head alone.
pub(crate) fn judge(shared: &Shared, parts: &Parts) -> Result<Holder, Refusal> {
    let path = parts.uri.path();
    if path == "/forbidden" || path.starts_with("/forbidden/") {
        return Err(forbidden());
    }
    if shared.system == System::Atomic && !parts.headers.contains_key(header::USER_AGENT) {
        return Err(Refusal::new(
            400,
            "invalid_request",
            "a User-Agent header is needed",
        ));
    }
    #[cfg(feature = "oauth2")]
    if let Some(shape) = &shared.shape
        && let Some(name) = shape.missing_header(&parts.headers)
    {
        let missing = format!("a header {name} is needed");
        return Err(Refusal::new(400, "invalid_request", missing));
    }
    let holder = holder(shared, parts)?;
    let allowed = match shared.system {
        System::Atlar => !path.starts_with("/financial-data/v2/transactions"),
        System::Atomic => match (holder.role, role_for(path)) {
            (Some(role), Some(needed)) => role == needed,
            _ => true,
        },
        _ => true,
    };
    if allowed {
        Ok(holder)
    } else {
        Err(forbidden())
    }
}

/// The refusal of a token that is unknown, expired or revoked.
pub(crate) fn invalid_token() -> Refusal {
    Refusal::new(401, "invalid_token", "The bearer token is not valid")
}

fn forbidden() -> Refusal {
    Refusal::new(
        403,
        "insufficient_scope",
        "The token does not cover this request",
    )
}

/// Whose token a request carries, if it lives.
pub(crate) fn client(shared: &Shared, parts: &Parts) -> Option<String> {
    Some(holder(shared, parts).ok()?.client)
}

fn holder(shared: &Shared, parts: &Parts) -> Result<Holder, Refusal> {
    #[cfg(feature = "oauth2")]
    if let Some(shape) = &shared.shape
        && let Presented::Own(token) = shape.presented(parts)
    {
        let token = token.ok_or_else(invalid_token)?;
        return lock(&shared.store).holder(&token).ok_or_else(invalid_token);
    }
    match Authorization::read(parts, shared.basic) {
        Authorization::Bearer(token) => {
            let holder = lock(&shared.store).holder(&token);
            match holder.ok_or_else(invalid_token)? {
                Holder { bound: Some(_), .. } => Err(unproved()),
                _ if shared.possession.is_some() => Err(unproved()),
                holder => Ok(holder),
            }
        }
        // Whether its proof is right is looked at once, when the request is answered.
        Authorization::Dpop(token) => {
            let holder = lock(&shared.store).holder(&token);
            holder
                .filter(|holder| holder.bound.is_some())
                .ok_or_else(unproved)
        }
        Authorization::Basic { id, secret } if shared.system == System::Atlar => {
            let client = shared
                .authenticate(&id, &secret)
                .ok_or_else(invalid_token)?;
            Ok(Holder {
                client: client.id,
                role: client.role,
                scope: None,
                bound: None,
            })
        }
        // RFC 6750 §3.1: more than one way of sending the token is a bad request.
        _ if parts
            .headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .nth(1)
            .is_some() =>
        {
            Err(Refusal::new(
                400,
                "invalid_request",
                "more than one Authorization header",
            ))
        }
        Authorization::Absent => Err(Refusal::new(
            401,
            "unauthorized",
            "No bearer token found in authorization header",
        )),
        _ => Err(invalid_token()),
    }
}

fn role_for(path: &str) -> Option<Role> {
    let rest = path.strip_prefix("/v1/")?;
    if rest == "environments" {
        return Some(Role::Auth);
    }
    match rest.split('/').nth(1)? {
        "credentials" => Some(Role::Auth),
        "sns-platforms" => Some(Role::Workbench),
        "cards" => Some(Role::Events),
        _ => None,
    }
}

/// Looks at the proof that goes with a token, if it is bound to a key.
pub(crate) fn check_proof(shared: &Shared, parts: &Parts, holder: &Holder) -> Result<(), Refusal> {
    let (Some(possession), Some(bound)) = (&shared.possession, &holder.bound) else {
        return Ok(());
    };
    let Authorization::Dpop(token) = Authorization::read(parts, shared.basic) else {
        return Err(unproved());
    };
    let mut possession = lock(possession);
    let base = possession.public_url.clone();
    let base = base.as_ref().unwrap_or(&shared.issuer);
    let url = format!("{base}{}", parts.uri.path());
    let proof = possession.check(Kind::Api, parts, &url, Some(&token))?;
    if proof.thumbprint == *bound {
        Ok(())
    } else {
        Err(unproved())
    }
}

/// What the API saw of a request body.
pub(crate) struct Seen {
    pub(crate) len: u64,
    pub(crate) fnv1a64: u64,
}

/// The echo, after the sample that the vendor's own path would give.
pub(crate) fn echo(
    system: System,
    parts: &Parts,
    holder: &Holder,
    seen: &Seen,
    serial: u64,
) -> Fields {
    sample(system, parts)
        .with("path", parts.uri.path())
        .with("method", parts.method.as_str())
        .with("client", holder.client.as_str())
        .maybe("scope", holder.scope.as_deref().map(Value::from))
        .with("body_len", seen.len)
        .with("body_fnv1a64", format!("{:016x}", seen.fnv1a64))
        .with("n", serial)
}

fn sample(system: System, parts: &Parts) -> Fields {
    let fields = Fields::default();
    if parts.method != Method::GET {
        return fields;
    }
    match (system, parts.uri.path()) {
        (System::Atlar, "/financial-data/v2/accounts") => fields
            .with("items", json!([{"id": "account-1", "name": "Operating", "currency": "EUR", "etag": "version:1"}]))
            .with("nextToken", "")
            .with("token", "")
            .with("limit", 100),
        (System::Ataccama, "/api/reference-data/v1/tables") => fields
            .with("meta", json!({"prev": null, "next": null, "total": 1}))
            .with("data", json!([{"id": "urn:ata:acme:reference-data:table:1", "name": "countries"}])),
        (System::Atomic, "/v1/environments") => fields.with(
            "environments",
            json!([{
                "id": 1,
                "name": "staging",
                "created": "2024-01-02T03:04:05.678Z",
                "organisationName": "Acme",
            }]),
        ),
        _ => fields,
    }
}

/// The error code that goes with a status queued by a test.
pub(crate) fn error_for(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "invalid_token",
        403 => "insufficient_scope",
        429 => "too_many_requests",
        // What no code of OAuth means, and no gateway says in its words.
        408 | 425 | 503 => "temporarily_unavailable",
        400..=499 => "invalid_request",
        _ => "server_error",
    }
}
