//! `a2a-protocol-client`: its client credentials, with what its interceptor does around a call.

use std::sync::Arc;

use a2a_protocol_client::token_provider::{OAuth2ClientCredentials, TokenProvider as _};
use hallpass_benches::trouble::Contender;
use http::HeaderValue;

use super::asking::asking;

pub(super) fn contender() -> Contender {
    Contender::new("a2a", |place| async move {
        let tokens = OAuth2ClientCredentials::new(place.token_url, "client", "secret");
        let tokens = Arc::new(tokens);
        let invalidated = Arc::clone(&tokens);
        Ok(asking(
            move || {
                let tokens = Arc::clone(&tokens);
                async move {
                    let token = tokens.access_token().await?;
                    Ok(HeaderValue::try_from(format!("Bearer {token}"))?)
                }
            },
            move |header| {
                let header = header.to_str().unwrap_or_default();
                if let Some(token) = header.strip_prefix("Bearer ") {
                    invalidated.invalidate(token);
                }
            },
        ))
    })
}
