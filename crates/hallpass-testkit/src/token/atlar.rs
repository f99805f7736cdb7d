//! Atlar: Basic, and a form body that holds the grant type and nothing else.

use super::{Ask, Grant, client_credentials, invalid_request};
use crate::refusal::Refusal;

pub(super) fn check(ask: &Ask<'_>) -> Result<Grant, Refusal> {
    let client = ask.basic_client()?;
    let mut form = ask.form()?;
    client_credentials(&mut form)?;
    if !form.is_empty() {
        return Err(invalid_request("the body takes grant_type only"));
    }
    Ok(Grant::to(client))
}
