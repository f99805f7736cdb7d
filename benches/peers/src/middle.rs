//! `middle`: a header that the caller puts on by hand.

use hallpass_benches::{Noop, at_once, contenders::{Contender, is_answer}};
use http::header::AUTHORIZATION;
use middle::{Authorizer as _, BasicClientCredentialAuthorizer};
use tower::Service as _;
use url::Url;

use crate::Outcome;

pub(crate) const NAME: &str = "middle";

pub(crate) async fn contender(endpoint: &Url) -> Outcome<Contender> {
    let authorizer =
        BasicClientCredentialAuthorizer::basic_builder("client", "secret", endpoint.clone())
            .disable_refresh()
            .build()
            .await?;
    Ok(Contender::new(NAME, Some, move || {
        let authorizer = authorizer.clone();
        move |mut request: http::Request<_>| {
            let Ok(value) = authorizer.authorization_header() else {
                return false;
            };
            request
                .headers_mut()
                .insert(AUTHORIZATION, (*value).clone());
            is_answer(&at_once(Noop.call(request)))
        }
    }))
}
