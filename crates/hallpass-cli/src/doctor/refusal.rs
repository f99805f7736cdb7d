//! Why a token endpoint brought no token.

use hallpass::Error;

use super::{
    exchange::{Body, Exchange},
    finding::Finding,
};
use crate::{exit::Failure, target::Target};

const STEP: &str = "token";

/// The finding for a token request that failed, with the answer to it if there was one.
pub(super) fn explain(target: &Target, error: &Error, last: Option<&Exchange>) -> Finding {
    let Failure { exit, message } = Failure::of_fetch(error);
    let finding = Finding::failed(STEP, exit, message);
    let Some(last) = last else {
        return finding.because(
            "no answer came from the token endpoint",
            "see the steps before; try again, with --verbose to see each attempt",
        );
    };
    let by_code = error.code().and_then(|code| of_code(target, code));
    let (cause, fix) = by_code
        .or_else(|| of_answer(last))
        .unwrap_or_else(|| of_status(target, error, last));
    finding.because(cause, fix)
}

type Why = (String, String);

fn why(cause: impl Into<String>, fix: impl Into<String>) -> Why {
    (cause.into(), fix.into())
}

/// By the server's own code (RFC 6749 §5.2 and its kin).
fn of_code(target: &Target, code: &str) -> Option<Why> {
    let config = &target.config;
    Some(match code {
        "invalid_client" => spaced_secret(target).unwrap_or_else(|| {
            why(
                "id or secret is wrong, belongs to another environment, or has expired",
                "compare both with the vendor's console, for this environment; make a new secret if in doubt",
            )
        }),
        // oidc-provider's word for a secret that is not encoded as it should be.
        "invalid_request" => spaced_secret(target)?,
        // The second is glewlwyd's spelling.
        "invalid_scope" | "scope_invalid" => why(
            format!(
                "the scope {} is unknown to the server, or this client may not have it",
                config
                    .scope
                    .as_ref()
                    .or(config.profile.scope.as_ref())
                    .map_or_else(
                        || "that was asked for".to_owned(),
                        |scope| format!("\"{scope}\"")
                    )
            ),
            "check the spelling of each scope, what separates them, and what the client was granted",
        ),
        "unauthorized_client" => why(
            "the client is known, and may not use this grant",
            "have the grant allowed for the client, in Keycloak: service accounts enabled",
        ),
        "unsupported_grant_type" => why(
            "the endpoint does not know this grant, or could not read the parameters",
            "check grant and encoding (form or json) in the profile, and the token URL",
        ),
        "invalid_grant" => why(
            "what the grant brought is no longer valid: a refresh token that was used or revoked, an assertion that is over or for another audience",
            "sign in again, or check the assertion's claims and this machine's clock",
        ),
        "invalid_target" => why(
            "the server knows no such resource or audience",
            "check audience and resource",
        ),
        "use_dpop_nonce" | "invalid_dpop_proof" => why(
            "the server wants proofs of possession (DPoP), or did not like this one",
            "say --dpop or dpop = true, and check this machine's clock",
        ),
        _ => return None,
    })
}

fn spaced_secret(target: &Target) -> Option<Why> {
    let place = target.config.secret.as_ref()?;
    let secret = place.read().ok()?;
    (secret.trim() != secret).then(|| {
        why(
            "the secret has white space around it, most likely a line break at its end",
            format!("take it off in {place}: printf %s instead of echo"),
        )
    })
}

/// By what the answer is.
fn of_answer(last: &Exchange) -> Option<Why> {
    let status = last.status.as_u16();
    if (300..400).contains(&status) {
        let to = last.header("location").unwrap_or_default();
        let to = to.split(['?', '#']).next().unwrap_or_default();
        return Some(why(
            "the endpoint is elsewhere; token requests never follow a redirect, which would carry the secret along",
            if to.is_empty() {
                "configure the final URL".to_owned()
            } else {
                format!("configure the final URL; the server names {to}")
            },
        ));
    }
    if status == 404 || status == 410 {
        return Some(why(
            format!("there is nothing at {}", last.url),
            "check the path of the token URL, and the realm, tenant or version in it",
        ));
    }
    if matches!(last.body, Body::Html) && status != 403 && status < 500 {
        return Some(why(
            format!(
                "{} is a web page, such as a sign-in page or a portal on the way",
                last.url
            ),
            "take the token URL from the API's documentation, not from the browser",
        ));
    }
    if (200..300).contains(&status) {
        return Some(of_success(last));
    }
    None
}

/// A success that brings no token that can be used.
fn of_success(last: &Exchange) -> Why {
    let names = last.member_names();
    let listed = names.join(", ");
    if names
        .iter()
        .any(|name| name.eq_ignore_ascii_case("access_token"))
    {
        return match last.plain("token_type").and_then(|kind| kind.as_str()) {
            None => why(
                "the answer does not say of which type its token is",
                "if the documentation says Bearer, set token_type_optional = true in the profile",
            ),
            Some(kind) if !kind.eq_ignore_ascii_case("bearer") => why(
                format!("the token is of the type \"{kind}\""),
                "for DPoP say --dpop; for a vendor's own name of Bearer set token_types in the profile",
            ),
            Some(_) => why(
                "the answer holds a token that can't be used",
                "compare the answer with the profile",
            ),
        };
    }
    match &last.body {
        Body::Json { .. } if names.contains(&"error") || names.contains(&"errors") => why(
            format!("the server refuses within a success; its answer has {listed}"),
            "say in the profile what a refusal looks like: success, refused, error_at, message_at",
        ),
        Body::Json { .. } => why(
            format!("the answer is JSON without access_token; it has {listed}"),
            "this may be an API and no token endpoint: check the token URL; if the token stands elsewhere, set token in the profile",
        ),
        Body::Empty => why("the answer is empty", "check the token URL and the method"),
        _ => why(
            "the answer is no JSON",
            "check the token URL; if the whole body is the token, set answer = \"text\" in the profile",
        ),
    }
}

fn of_status(target: &Target, error: &Error, last: &Exchange) -> Why {
    match last.status.as_u16() {
        429 => {
            let wait = error.retry_after().map_or_else(
                || "wait, and".to_owned(),
                |delay| format!("wait {} s, and", delay.as_secs_f64().ceil()),
            );
            why(
                "the endpoint is asked too often, by this client or by everybody behind this address",
                format!("{wait} ask less: keep tokens (--cache), share one among processes"),
            )
        }
        400 => why(
            "the server did not understand the request",
            "compare parameters, encoding and grant of the profile with the documentation",
        ),
        401 => spaced_secret(target).unwrap_or_else(|| {
            why(
                "the server does not accept who the client says it is",
                "check id, secret and client_auth of the profile",
            )
        }),
        // A firewall would show a page.
        403 if matches!(last.body, Body::Empty) => spaced_secret(target).unwrap_or_else(|| {
            why(
                "the server gives no reason: id or secret is wrong, or this client may not have what it asks for",
                "compare id, secret and scope with the vendor's console, for this environment; some servers want a scope",
            )
        }),
        403 => why(
            "the server, or a firewall in front of it, lets nobody in from here: a list of addresses, a missing header, a blocked client",
            "ask the vendor whether this address and this client are let in",
        ),
        405 => why(
            format!("the endpoint does not take {}", last.method),
            "set method in the profile, and check the path of the token URL",
        ),
        406 | 415 => why(
            "the endpoint wants its parameters in another form",
            "set encoding in the profile to form or json",
        ),
        500.. => why(
            "the server is in trouble, or a gateway before it",
            format!(
                "try again later; if it lasts, tell those who run {}",
                last.header("server").unwrap_or(&target.name)
            ),
        ),
        _ => why(
            "the answer fits no rule",
            "compare it with the vendor's documentation, with --verbose",
        ),
    }
}
