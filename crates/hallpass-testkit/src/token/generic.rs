//! RFC 6749 §2.3.1 and §4.4: one way of authenticating at a time, unknown parameters ignored.

use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;

use super::{Ask, Grant, client_credentials, invalid_request};
use crate::credentials::Authorization;
use crate::refusal::Refusal;

pub(super) fn check(ask: &Ask<'_>) -> Result<Grant, Refusal> {
    let mut form = ask.form()?;
    client_credentials(&mut form)?;
    let posted_id = form.take("client_id");
    let client = match (ask.authorization(), form.take("client_secret")) {
        (Authorization::Basic { .. }, Some(_)) => {
            return Err(invalid_request("two ways of client authentication at once"));
        }
        (Authorization::Basic { id, .. }, None)
            if posted_id.as_ref().is_some_and(|posted| *posted != id) =>
        {
            return Err(invalid_request(
                "client_id differs from the Authorization header",
            ));
        }
        (Authorization::Basic { id, secret }, None) => {
            ask.client(&id, &secret).map_err(challenged)?
        }
        (Authorization::Absent, Some(secret)) => {
            ask.client(posted_id.as_deref().unwrap_or(""), &secret)?
        }
        (Authorization::Absent, None) => return Err(ask.invalid_client()),
        _ => return Err(challenged(ask.invalid_client())),
    };
    Ok(Grant {
        client,
        scope: form.take("scope"),
    })
}

/// A client that tried the header must be told which scheme would have served (RFC 6749 §5.2).
fn challenged(refusal: Refusal) -> Refusal {
    refusal.with_header(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"testkit\""),
    )
}
