//! `middle`: its background task, and the header that the caller puts on by hand.

use hallpass_benches::trouble::Contender;
use middle::{Authorizer as _, BasicClientCredentialAuthorizer};

use super::{AHEAD, asking::asking};

pub(super) fn contender() -> Contender {
    Contender::new("middle", |place| async move {
        let authorizer = BasicClientCredentialAuthorizer::basic_builder(
            "client",
            "secret",
            place.token_url.parse()?,
        )
        .refresh_tolerance(AHEAD)
        .build()
        .await?;
        Ok(asking(
            move || {
                let header = authorizer.authorization_header();
                async move { Ok((*header?).clone()) }
            },
            |_| {},
        ))
    })
}
