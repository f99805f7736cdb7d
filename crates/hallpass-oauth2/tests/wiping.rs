//! Secrets are overwritten before their memory is freed, where it is this crate's own: that of the
//! client, and the token that an answer brings.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../hallpass-core/tests/it/common/memory.rs"]
mod memory;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass_core::{CredentialSource as _, Fetch};
use hallpass_oauth2::{
    ClientCredentials, Secret, TokenRequest, Transport, transport::TransportError,
};
use http::{Request, Response};
use memory::Marker;
use zeroize::Zeroizing;

const URL: &str = "https://auth.example.com/token";

/// Answers with a token, or with a refusal that repeats the secret. What it holds, it overwrites.
struct Endpoint {
    status: u16,
    token: Arc<Marker>,
}

impl Transport for Endpoint {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        drop(request);
        let mut body = Zeroizing::new(String::with_capacity(256));
        body.push_str(if self.status == 200 {
            r#"{"token_type":"Bearer","expires_in":300,"access_token":""#
        } else {
            r#"{"error":"invalid_client","error_description":"not "#
        });
        body.push_str(&self.token.text());
        body.push_str("\"}");
        let body = Bytes::from_owner(Zeroizing::new(std::mem::take(&mut *body).into_bytes()));
        let mut response = Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(self.status).unwrap();
        Ok(response)
    }
}

fn secret(marker: &Arc<Marker>) -> Secret {
    let marker = Arc::clone(marker);
    Secret::from_fn(move || Ok(marker.text().as_str().to_owned()))
}

#[tokio::test]
async fn nothing_is_left_of_a_secret_and_a_token() {
    let ways: [fn(Secret) -> TokenRequest; 4] = [
        |secret| ClientCredentials::at(URL).basic("id", secret),
        |secret| ClientCredentials::at(URL).basic_raw("id", secret),
        |secret| ClientCredentials::at(URL).post("id", secret),
        |secret| {
            ClientCredentials::at(URL)
                .client_secret_jwt("id", secret)
                .issuer("i")
        },
    ];
    for (number, way) in ways.into_iter().enumerate() {
        for status in [200, 401] {
            let (client, token) = (Arc::new(Marker::random()), Arc::new(Marker::random()));
            let endpoint = Endpoint {
                status,
                token: if status == 200 {
                    Arc::clone(&token)
                } else {
                    Arc::clone(&client)
                },
            };
            let source = way(secret(&client)).build(endpoint).unwrap();
            let fetched = source.fetch(&Fetch::first()).await;
            assert_eq!(fetched.is_ok(), status == 200, "{number}");
            let shown = format!("{fetched:?}");
            assert!(!shown.contains(client.text().as_str()));
            drop(shown);
            drop((fetched, source));
            let after = (client.copies(), token.copies());
            assert_eq!(after, (0, 0), "{number} {status}");
        }
    }
}
