//! Tokens from the server's own endpoint.

use std::time::Duration;

use bytes::Bytes;
use hallpass_core::{Credential, CredentialSource, Error, Fetch};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use serde_json::Value;

pub(crate) struct TokenEndpoint {
    pub(crate) client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) url: String,
}

impl CredentialSource for TokenEndpoint {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let body = Full::from("grant_type=client_credentials");
        let request = Request::post(&self.url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .map_err(Error::permanent)?;
        why.sending()?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(Error::transient)?;
        let body = response.collect().await.map_err(Error::transient)?;
        let answer: Value = serde_json::from_slice(&body.to_bytes()).map_err(Error::transient)?;
        let token = answer["access_token"].as_str().unwrap_or_default();
        let lifetime = answer["expires_in"].as_u64().unwrap_or_default();
        Ok(Credential::bearer(token)?.lives_for(Duration::from_secs(lifetime)))
    }
}
