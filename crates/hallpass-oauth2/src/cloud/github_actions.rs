//! [`GithubActions`]: the OpenID Connect token of a workflow's run.

use std::env;

use hallpass_core::Error;

use super::CloudSource;
use crate::{Profile, Secret, Transport};

/// The token by which GitHub says which workflow runs: material for a server that trusts GitHub.
///
/// The workflow needs the permission `id-token: write`. Without it, and outside of GitHub Actions,
/// there is nothing.
///
/// ```
/// use hallpass_oauth2::{Composed, TokenExchange, cloud::GithubActions, token_type};
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = std::sync::Arc::new(Offline);
///
/// let run = GithubActions::from_env("https://sts.example.net").build(transport.clone())?;
/// let source = Composed::new(run, |token| {
///     TokenExchange::at("https://sts.example.net/token")
///         .subject_token(token, token_type::ID_TOKEN)
///         .build(transport)
/// })?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GithubActions {
    audience: String,
    endpoint: Option<(String, Secret)>,
}

const NAME: &str = "github-actions";
const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

impl GithubActions {
    /// Asks where the environment says, for a token for this audience.
    pub fn from_env(audience: impl Into<String>) -> Self {
        let url = env::var(URL).ok().filter(|url| !url.is_empty());
        Self {
            audience: audience.into(),
            endpoint: url.map(|url| (url, Secret::env(TOKEN))),
        }
    }

    /// Asks at this URL, with this request token.
    pub fn at(
        url: impl Into<String>,
        request_token: impl Into<Secret>,
        audience: impl Into<String>,
    ) -> Self {
        Self {
            audience: audience.into(),
            endpoint: Some((url.into(), request_token.into())),
        }
    }

    /// Checks the settings and makes the source.
    ///
    /// # Errors
    /// A permanent error that names the setting.
    pub fn build(self, transport: impl Transport) -> Result<CloudSource, Error> {
        let Some((url, token)) = self.endpoint else {
            let what =
                format!("{URL} is not set: no workflow of GitHub Actions that may have a token");
            return Ok(CloudSource::missing(NAME, what));
        };
        let profile = Profile::named(NAME)?
            .var("url", url)
            .var("audience", self.audience);
        let source = profile.client(NAME, token).build(transport)?;
        Ok(CloudSource::of(source))
    }
}
