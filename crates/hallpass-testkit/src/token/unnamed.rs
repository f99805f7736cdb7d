//! The system known as `oauth-v2`: Basic and a form body, with no place for a secret in it.

use super::{Ask, Grant, client_credentials, invalid_request};
use crate::refusal::Refusal;

pub(super) fn check(ask: &Ask<'_>) -> Result<Grant, Refusal> {
    let client = ask.basic_client()?;
    let mut form = ask.form()?;
    client_credentials(&mut form)?;
    if form.take("client_secret").is_some() {
        return Err(invalid_request(
            "the secret belongs in the Authorization header",
        ));
    }
    Ok(Grant::to(client))
}
