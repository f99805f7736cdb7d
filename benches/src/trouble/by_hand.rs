//! What careful people write when they keep a token by hand: a lock, a look again under it, a
//! margin, a time-out, the old token when a renewal fails; and, if they have been bitten, one retry
//! after a 401.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header::CONTENT_TYPE};
use reqwest::Client;
use serde_json::Value;
use tokio::{sync::RwLock, time::Instant};

use super::contender::{BoxError, Contender, Place, client};

/// A token with less to live is renewed first.
const MARGIN: Duration = Duration::from_secs(1);
/// For a token request.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) fn with_a_retry() -> Contender {
    Contender::new("by hand, one retry", |place| async {
        Ok(start(place, true))
    })
}

pub(super) fn plain() -> Contender {
    Contender::new("by hand", |place| async { Ok(start(place, false)) })
}

fn start(place: Place, retries: bool) -> super::Client {
    let keeper = Arc::new(Keeper {
        http: Client::new(),
        token_url: place.token_url,
        slot: RwLock::new(None),
    });
    client(move |request| {
        let keeper = Arc::clone(&keeper);
        async move { keeper.call(request, retries).await }
    })
}

struct Keeper {
    http: Client,
    token_url: String,
    slot: RwLock<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    value: String,
    ends: Instant,
}

impl Keeper {
    async fn call(&self, request: Request<Bytes>, retries: bool) -> Result<StatusCode, BoxError> {
        let token = self.token(None).await?;
        let status = self.send(request.clone(), &token).await?;
        if status != StatusCode::UNAUTHORIZED || !retries {
            return Ok(status);
        }
        let token = self.token(Some(&token)).await?;
        self.send(request, &token).await
    }

    /// A token other than the refused one.
    async fn token(&self, refused: Option<&str>) -> Result<String, BoxError> {
        let usable = |token: &&Token| Some(token.value.as_str()) != refused;
        let fresh = |token: &&Token| Instant::now() + MARGIN < token.ends;
        if let Some(token) = self.slot.read().await.as_ref().filter(usable).filter(fresh) {
            return Ok(token.value.clone());
        }
        let mut slot = self.slot.write().await;
        if let Some(token) = slot.as_ref().filter(usable).filter(fresh) {
            return Ok(token.value.clone());
        }
        match self.fetch().await {
            Ok(token) => Ok(slot.insert(token).value.clone()),
            Err(error) => {
                let alive = |token: &&Token| Instant::now() < token.ends;
                let token = slot.as_ref().filter(usable).filter(alive);
                token.map(|token| token.value.clone()).ok_or(error)
            }
        }
    }

    async fn fetch(&self) -> Result<Token, BoxError> {
        let asked = Instant::now();
        let response = self
            .http
            .post(&self.token_url)
            .basic_auth("client", Some("secret"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials")
            .timeout(LIMIT)
            .send()
            .await?
            .error_for_status()?;
        let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
        let value = answer["access_token"].as_str().ok_or("no token")?;
        let life = answer["expires_in"].as_u64().ok_or("no lifetime")?;
        Ok(Token {
            value: value.to_owned(),
            ends: asked + Duration::from_secs(life),
        })
    }

    async fn send(&self, request: Request<Bytes>, token: &str) -> Result<StatusCode, BoxError> {
        let (head, body) = request.into_parts();
        let response = self
            .http
            .request(head.method, head.uri.to_string())
            .headers(head.headers)
            .bearer_auth(token)
            .body(body)
            .send()
            .await?;
        let status = response.status();
        response.bytes().await?;
        Ok(status)
    }
}
