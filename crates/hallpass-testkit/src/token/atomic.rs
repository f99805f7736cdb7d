//! Atomic: the parameters in the query, an empty body with a form content type, and Basic.

use super::{Ask, Grant, client_credentials, invalid_request};
use crate::credentials::Authorization;
use crate::form::Form;
use crate::refusal::Refusal;

pub(super) fn check(ask: &Ask<'_>) -> Result<Grant, Refusal> {
    if !ask.is_form() {
        return Err(invalid_request(
            "the content type must be application/x-www-form-urlencoded",
        ));
    }
    if !ask.body.is_empty() {
        return Err(invalid_request("the parameters belong in the query"));
    }
    let query = ask.parts.uri.query().unwrap_or("");
    let mut query = Form::parse(query.as_bytes())
        .ok_or_else(|| invalid_request("a parameter is repeated or not UTF-8"))?;
    client_credentials(&mut query)?;
    let Authorization::Basic { id, secret } = ask.authorization() else {
        return Err(invalid_request("a Basic Authorization header is needed"));
    };
    if query.take("client_id").as_deref() != Some(id.as_str()) {
        return Err(invalid_request(
            "client_id must be that of the Authorization header",
        ));
    }
    ask.client(&id, &secret).map(Grant::to)
}
