//! `cf-gears-toolkit-auth`: the layer that refreshes after a 401, in the client of its companion.

use std::time::Duration;

use bytes::Bytes;
use hallpass_benches::trouble::{BoxError, Contender, client};
use http::{Method, Request};
use toolkit_auth::oauth2::{
    BearerAuthAutoRefreshLayer, OAuthClientConfig, SecretString, TokenProvider,
};
use toolkit_http::{HttpClientBuilder, HttpClientConfig};
use tower::{Layer as _, util::BoxCloneService};

use super::AHEAD;

pub(super) fn contender() -> Contender {
    Contender::new("cf-gears/auto-refresh", |place| async move {
        let provider = TokenProvider::new(OAuthClientConfig {
            token_endpoint: Some(place.token_url.parse()?),
            client_id: "client".to_owned(),
            client_secret: SecretString::new("secret"),
            refresh_offset: AHEAD,
            jitter_max: AHEAD / 4,
            min_refresh_period: Duration::from_secs(1),
            ..OAuthClientConfig::default()
        })?;
        let layer = BearerAuthAutoRefreshLayer::new(provider);
        let http = HttpClientBuilder::with_config(HttpClientConfig::minimal())
            .with_auth_layer(move |inner| BoxCloneService::new(layer.layer(inner)))
            .build()?;
        Ok(client(move |request: Request<Bytes>| {
            let http = http.clone();
            async move {
                let url = request.uri().to_string();
                let mut call = if *request.method() == Method::POST {
                    http.post(&url)
                } else {
                    http.get(&url)
                };
                for (name, value) in request.headers() {
                    call = call.header(name.as_str(), value.to_str()?);
                }
                let response = call.body_bytes(request.into_body()).send().await?;
                let status = response.status();
                response.bytes().await?;
                Ok::<_, BoxError>(status)
            }
        }))
    })
}
