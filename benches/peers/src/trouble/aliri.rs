//! `aliri_reqwest`: its middleware over a watcher with client credentials.

use std::sync::Arc;

use aliri::jwt::Audience;
use aliri_reqwest::AccessTokenMiddleware;
use aliri_tokens::{
    ClientId, ClientSecret, TokenLifetimeConfig, TokenWatcher,
    backoff::ErrorBackoffConfig,
    jitter::NullJitter,
    sources::oauth2::{
        ClientCredentialsTokenSource,
        dto::{ClientCredentials, ClientCredentialsWithAudience},
    },
};
use bytes::Bytes;
use hallpass_benches::trouble::{BoxError, Contender, client};
use http::Request;
use reqwest_middleware::ClientBuilder;

/// Of a token's life; the least time to a renewal, 30 s unless set, must be shorter than that.
const FRESH: f64 = 0.8;

pub(super) fn contender() -> Contender {
    Contender::new("aliri", |place| async move {
        let credentials = ClientCredentialsWithAudience {
            credentials: Arc::new(ClientCredentials {
                client_id: ClientId::from_static("client"),
                client_secret: ClientSecret::from_static("secret"),
            }),
            audience: Audience::from_static("api"),
        };
        let source = ClientCredentialsTokenSource::new(
            reqwest::Client::new(),
            place.token_url.parse()?,
            credentials,
            TokenLifetimeConfig::new(FRESH, aliri_clock::DurationSecs(1)),
        );
        let watcher = TokenWatcher::spawn_from_token_source(
            source,
            NullJitter,
            ErrorBackoffConfig::default(),
        )
        .await?;
        // Plain http is for this machine only.
        let middleware = AccessTokenMiddleware::new(watcher)
            .with_predicate(predicates::prelude::predicate::always());
        let http = ClientBuilder::new(reqwest::Client::new())
            .with(middleware)
            .build();
        Ok(client(move |request: Request<Bytes>| {
            let http = http.clone();
            async move {
                let response = http.execute(request.try_into()?).await?;
                let status = response.status();
                response.bytes().await?;
                Ok::<_, BoxError>(status)
            }
        }))
    })
}
