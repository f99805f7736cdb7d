//! `cf-gears-toolkit-auth`: its two tower layers. They want an inner service with their own error.

use std::time::Duration;

use hallpass_benches::contenders::Contender;
use toolkit_auth::oauth2::{
    BearerAuthAutoRefreshLayer, BearerAuthLayer, OAuthClientConfig, SecretString, TokenProvider,
};
use toolkit_http::HttpError;
use tower::Layer as _;
use url::Url;

use crate::{Outcome, noop::Noop};

pub(crate) const HEADER: &str = "cf-gears/header";
pub(crate) const AUTO_REFRESH: &str = "cf-gears/auto-refresh";

pub(crate) async fn header(endpoint: &Url) -> Outcome<Contender> {
    let layer = BearerAuthLayer::new(provider(endpoint).await?);
    Ok(Contender::tower(
        HEADER,
        layer.layer(Noop::<HttpError>::new()),
    ))
}

pub(crate) async fn auto_refresh(endpoint: &Url) -> Outcome<Contender> {
    let layer = BearerAuthAutoRefreshLayer::new(provider(endpoint).await?);
    Ok(Contender::tower(
        AUTO_REFRESH,
        layer.layer(Noop::<HttpError>::new()),
    ))
}

/// Fetches lazily: the first token has to be there before anything is measured.
async fn provider(endpoint: &Url) -> Outcome<TokenProvider> {
    let provider = TokenProvider::new(OAuthClientConfig {
        token_endpoint: Some(endpoint.clone()),
        client_id: "client".to_owned(),
        client_secret: SecretString::new("secret"),
        http_config: Some(toolkit_http::HttpClientConfig::for_testing()),
        ..OAuthClientConfig::default()
    })?;
    tokio::time::timeout(Duration::from_secs(5), provider.get()).await??;
    Ok(provider)
}
