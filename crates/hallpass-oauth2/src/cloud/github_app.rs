//! [`GithubApp`]: an installation of a GitHub App.

use std::{fmt, time::Duration};

use hallpass_core::{Error, Origin};
use http::Uri;

use super::CloudSource;
use crate::{Composed, Jwt, Key, Param, Profile, SelfSigned, Transport};

/// An installation of a GitHub App: the app signs a JWT, and GitHub gives a token for it that lives
/// an hour.
///
/// ```
/// use hallpass_oauth2::{Key, Secret, cloud::GithubApp};
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
///
/// let key = Key::read(Secret::file("/run/secrets/app.pem"));
/// let source = GithubApp::new("Iv23liAbCdEf", "41234567", key)
///     .repositories(["service"])
///     .permissions([("contents", "read")])
///     .build(transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct GithubApp {
    app: String,
    installation: String,
    key: Key,
    api: String,
    repositories: Vec<String>,
    permissions: Vec<(String, String)>,
}

/// GitHub takes ten minutes at most, and a minute of that for clocks that differ.
const LIFETIME: Duration = Duration::from_secs(9 * 60);

impl GithubApp {
    /// The app's client id or number, the installation's number, and the app's private key.
    pub fn new(app: impl Into<String>, installation: impl Into<String>, key: Key) -> Self {
        Self {
            app: app.into(),
            installation: installation.into(),
            key,
            api: "https://api.github.com".to_owned(),
            repositories: Vec::new(),
            permissions: Vec::new(),
        }
    }

    /// Another API than `https://api.github.com`, such as `https://github.example.com/api/v3`.
    #[must_use]
    pub fn api(mut self, url: impl Into<String>) -> Self {
        self.api = url.into();
        self
    }

    /// The repositories that the token is for, without their owner; all of the installation unless
    /// set.
    #[must_use]
    pub fn repositories<I>(mut self, names: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.repositories = names.into_iter().map(Into::into).collect();
        self
    }

    /// What the token may do, such as `("contents", "read")`; all that the installation may unless
    /// set.
    #[must_use]
    pub fn permissions<I, N, A>(mut self, permissions: I) -> Self
    where
        I: IntoIterator<Item = (N, A)>,
        N: Into<String>,
        A: Into<String>,
    {
        let pairs = permissions.into_iter();
        self.permissions = pairs
            .map(|(name, access)| (name.into(), access.into()))
            .collect();
        self
    }

    /// Checks the settings and makes the source.
    ///
    /// # Errors
    /// A permanent error that names the setting.
    pub fn build(self, transport: impl Transport) -> Result<CloudSource, Error> {
        let jwt = Jwt::signed_by(self.key).issuer(self.app).lifetime(LIFETIME);
        let app = SelfSigned::new(jwt).name("github-app-jwt");
        let api: Uri = self
            .api
            .parse()
            .map_err(|_| Error::configuration("the API's URL is not an absolute URL"))?;
        let mut profile = Profile::named("github-app")?
            .origins([Origin::of(&api)?.to_string()])
            .var("api", self.api)
            .var("installation", self.installation);
        if !self.repositories.is_empty() {
            let names = self.repositories.into_iter().map(Param::from).collect();
            let names = Param::List(names);
            profile.params.push(("repositories".to_owned(), names));
        }
        if !self.permissions.is_empty() {
            let pairs = self.permissions.into_iter();
            let table = pairs
                .map(|(name, access)| (name, Param::from(access)))
                .collect();
            let table = Param::Table(table);
            profile.params.push(("permissions".to_owned(), table));
        }
        let id = profile.name.clone();
        Composed::new(app, |jwt| profile.client(id, jwt).build(transport)).map(CloudSource::of)
    }
}

impl fmt::Debug for GithubApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GithubApp")
            .field("app", &self.app)
            .field("installation", &self.installation)
            .finish_non_exhaustive()
    }
}
