//! A vendor's whole SDK, and the tests of what it does when its token dies.
#![allow(clippy::missing_errors_doc, reason = "as short as an example can be")]

use hallpass::{BoxError, Profile, Secret};

/// What the vendor's documentation says of its token endpoint.
const PROFILE: &str = r#"
    name = "acme"
    token_url = "{base_url}/oauth/token"
    client_auth = "basic"
    origins = ["{base_url}"]
"#;

/// A client of Acme. `Debug` shows no secret, because `reqwest_middleware` and `Secret` don't.
#[derive(Debug, Clone)]
pub struct Acme {
    base_url: String,
    client: reqwest_middleware::ClientWithMiddleware,
}

/// An account.
#[derive(Debug, serde::Deserialize)]
pub struct Account {
    /// Its number.
    pub id: u64,
}

impl Acme {
    /// A client for this API. The secret may be a text, or stand in a file or an environment
    /// variable: `Secret::env("ACME_SECRET")`.
    pub fn new(
        base_url: impl Into<String>,
        client_id: impl Into<Secret>,
        client_secret: impl Into<Secret>,
    ) -> Result<Self, BoxError> {
        let base_url = base_url.into();
        let source = Profile::from_toml(PROFILE)?
            .var("base_url", base_url.as_str())
            .client(client_id, client_secret)
            .build(hallpass::reqwest::transport()?)?;
        let client = hallpass::reqwest::client(source)?;
        Ok(Self { base_url, client })
    }

    /// All accounts.
    pub async fn accounts(&self) -> Result<Vec<Account>, BoxError> {
        let url = format!("{}/accounts", self.base_url);
        let response = self.client.get(url).send().await?.error_for_status()?;
        Ok(response.json().await?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use hallpass_testkit::Server;

    use super::*;

    async fn acme() -> (Server, Acme) {
        let profile = Profile::from_toml(PROFILE).unwrap();
        let server = Server::builder().profile(&profile).start().await;
        let accounts = serde_json::json!([{"id": 1}]);
        server.api().route("GET /accounts", accounts);
        let acme = Acme::new(server.url(), "client", "secret").unwrap();
        (server, acme)
    }

    #[tokio::test]
    async fn a_revoked_token_heals() {
        let (server, acme) = acme().await;
        assert_eq!(acme.accounts().await.unwrap()[0].id, 1);
        server.revoke_all();
        assert_eq!(acme.accounts().await.unwrap()[0].id, 1);
        assert_eq!(server.journal().token_requests(), 2);
        assert_eq!(server.journal().api_with_status(401), 1);
    }

    #[tokio::test]
    async fn an_outage_of_the_token_endpoint_is_waited_out() {
        let (server, acme) = acme().await;
        server.token_endpoint().fail_next(2, 503);
        assert_eq!(acme.accounts().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_wrong_secret_is_named_and_asked_for_once() {
        let (server, _) = acme().await;
        let acme = Acme::new(server.url(), "client", "wrong").unwrap();
        for _ in 0..2 {
            let error = acme.accounts().await.unwrap_err();
            let error = hallpass::reqwest::credential_error(&*error).unwrap();
            assert_eq!(error.code(), Some("invalid_client"));
        }
        assert_eq!(server.journal().token_requests(), 1);
    }
}
