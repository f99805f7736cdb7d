//! The two Keycloak-shaped systems, which differ in where the credentials go.

use super::{Ask, Grant, client_credentials};
use crate::credentials::Authorization;
use crate::form::Form;
use crate::refusal::Refusal;

/// IS2: the Authorization header, and no secret in the body.
pub(super) fn check_basic(ask: &Ask<'_>) -> Result<Grant, Refusal> {
    let mut form = form(ask)?;
    let client = ask.basic_client()?;
    if form.take("client_secret").is_some() {
        return Err(ask.invalid_client());
    }
    client_credentials(&mut form)?;
    Ok(Grant::to(client))
}

/// Ataccama: the form body, and no Authorization header.
pub(super) fn check_form(ask: &Ask<'_>) -> Result<Grant, Refusal> {
    let mut form = form(ask)?;
    let Authorization::Absent = ask.authorization() else {
        return Err(ask.invalid_client());
    };
    let (Some(id), Some(secret)) = (form.take("client_id"), form.take("client_secret")) else {
        return Err(Refusal::new(
            401,
            "invalid_client",
            "Invalid client or Invalid client credentials",
        ));
    };
    let client = ask.client(&id, &secret)?;
    client_credentials(&mut form)?;
    Ok(Grant::to(client))
}

fn form(ask: &Ask<'_>) -> Result<Form, Refusal> {
    if !ask.is_form() {
        return Err(Refusal::new(415, "HTTP 415 Unsupported Media Type", ""));
    }
    ask.form()
}
