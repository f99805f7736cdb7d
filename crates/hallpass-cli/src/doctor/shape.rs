//! What a token's answer says of it: its lifetime, its type, its scope.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass::Credential;
use serde_json::Value;

use super::{exchange::Exchange, finding::Finding};
use crate::{duration::shown, exit::Exit, target::Target};

/// Shorter lives mean that every other request waits for a token.
const SHORT: Duration = Duration::from_secs(30);

pub(super) fn summary(credential: &Credential, last: Option<&Exchange>) -> String {
    let mut text = match last {
        Some(last) => format!("{} brought a token", last.url),
        None => "there is a token".to_owned(),
    };
    if let Some(lifetime) = credential.lifetime() {
        text.push_str(", for ");
        text.push_str(&shown(lifetime));
    }
    text
}

pub(super) fn examine(target: &Target, credential: &Credential, last: &Exchange) -> Vec<Finding> {
    let mut findings = vec![lifetime(target, credential, last)];
    findings.extend(scope(target, last));
    findings
}

fn lifetime(target: &Target, credential: &Credential, last: &Exchange) -> Finding {
    const STEP: &str = "lifetime";
    let stated = last.plain("expires_in");
    let is_jwt = claims(credential).is_some();
    if let Some(lifetime) = credential.lifetime() {
        if lifetime.is_zero() {
            return Finding::failed(STEP, Exit::Refused, "the token is over on arrival").because(
                "the answer says expires_in: 0, or an end that has passed: the server's clock or this machine's may be wrong",
                "see the step clock; if the server always says so, set expiry or default_lifetime in the profile",
            );
        }
        if let Some(Value::String(_)) = stated {
            return Finding::warning(
                STEP,
                format!("expires_in is a text; it is taken for {}", shown(lifetime)),
            )
            .because(
                "the server departs from RFC 6749, which wants a number",
                "nothing, for this is understood; other programs may not",
            );
        }
        if lifetime < SHORT {
            return Finding::warning(STEP, format!("the token lives {}", shown(lifetime))).because(
                "the client is configured for very short tokens",
                "have the lifetime raised to five minutes or more, where that is allowed",
            );
        }
        return Finding::ok(STEP, shown(lifetime));
    }
    if credential.expiry().is_some() {
        return Finding::ok(STEP, "the answer names the end");
    }
    let message = match stated {
        None | Some(Value::Null) => "the answer says nothing of how long the token lives",
        Some(Value::Number(_)) => {
            "expires_in is zero or negative, so that the token is over on arrival"
        }
        Some(_) => "expires_in can't be read",
    };
    let fix = match (is_jwt, target.config.profile.default_lifetime) {
        (true, _) => {
            "set expiry = [\"expires_in\", \"jwt\"] in the profile: the token is a JWT and says it"
        }
        (false, _) => {
            "set default_lifetime, in seconds, in the profile, by the vendor's documentation"
        }
    };
    Finding::warning(STEP, message).because(
        "the server leaves expires_in out or writes it in a way of its own; 5 minutes are assumed",
        fix,
    )
}

fn scope(target: &Target, last: &Exchange) -> Option<Finding> {
    let config = &target.config;
    let asked = config.scope.as_ref().or(config.profile.scope.as_ref())?;
    let granted = last.plain("scope")?.as_str()?;
    let granted: Vec<&str> = granted.split([' ', ',']).collect();
    let missing: Vec<&str> = asked
        .split(' ')
        .filter(|scope| !scope.is_empty() && !scope.contains('{') && !granted.contains(scope))
        .collect();
    if missing.is_empty() {
        return Some(Finding::ok("scope", "all that was asked for is granted"));
    }
    let message = format!("not granted: {}", missing.join(", "));
    Some(Finding::warning("scope", message).because(
        "the client may not have these scopes, and the server drops them without a word",
        "have them granted to the client, or don't ask for them",
    ))
}

/// What a JWT says, without the token itself.
pub(super) fn decoded(credential: &Credential) -> Finding {
    let Some(claims) = claims(credential) else {
        return Finding::ok(
            "jwt",
            "the token is no JWT; only the API knows what is in it",
        );
    };
    let telling = [
        "iss",
        "aud",
        "azp",
        "client_id",
        "scope",
        "scp",
        "iat",
        "nbf",
        "exp",
    ];
    let told: Vec<String> = telling
        .into_iter()
        .filter_map(|name| Some(format!("{name} {}", claims.get(name)?)))
        .collect();
    Finding::ok("jwt", told.join(", "))
}

fn claims(credential: &Credential) -> Option<Value> {
    let token = credential.token()?;
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload)
        .ok()
        .filter(Value::is_object)
}
