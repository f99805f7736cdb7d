//! [`KubernetesToken`]: a token of a service account, for an audience.

use std::time::Duration;

use hallpass_core::Error;

use super::CloudSource;
use crate::{Param, Profile, Secret, Transport};

/// A token of a Kubernetes service account, for an audience, from the API server's `TokenRequest`.
///
/// The caller's own token, from its pod's file unless set, needs the right to create
/// `serviceaccounts/token`. The transport has to trust the cluster's certificate authority. Where a
/// projected volume can be mounted, [`TokenFile`](crate::TokenFile) is simpler.
///
/// ```
/// use hallpass_oauth2::cloud::KubernetesToken;
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
///
/// let source = KubernetesToken::new("shop", "robot")
///     .audiences(["https://vault.example.com"])
///     .build(transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct KubernetesToken {
    server: String,
    namespace: String,
    service_account: String,
    own_token: Secret,
    audiences: Vec<String>,
    lifetime: Duration,
}

impl KubernetesToken {
    /// The service account, by its namespace and name.
    pub fn new(namespace: impl Into<String>, service_account: impl Into<String>) -> Self {
        const OWN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
        Self {
            server: "https://kubernetes.default.svc".to_owned(),
            namespace: namespace.into(),
            service_account: service_account.into(),
            own_token: Secret::file(OWN),
            audiences: Vec::new(),
            lifetime: Duration::from_secs(3600),
        }
    }

    /// Another API server than `https://kubernetes.default.svc`.
    #[must_use]
    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.server = url.into();
        self
    }

    /// The caller's own token; that of the pod unless set.
    #[must_use]
    pub fn own_token(mut self, token: impl Into<Secret>) -> Self {
        self.own_token = token.into();
        self
    }

    /// For whom the token is; the API server itself unless set.
    #[must_use]
    pub fn audiences<I>(mut self, audiences: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// How long a token is to live: an hour unless set, ten minutes at the least. The server may
    /// give less.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Checks the settings and makes the source.
    ///
    /// # Errors
    /// A permanent error that names the setting.
    pub fn build(self, transport: impl Transport) -> Result<CloudSource, Error> {
        let mut profile = Profile::named("kubernetes-token-request")?
            .var("server", self.server)
            .var("namespace", self.namespace)
            .var("service_account", self.service_account);
        profile.variables.remove("audience");
        profile.params.retain(|(name, _)| name != "spec");
        let seconds = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let audiences = self.audiences.into_iter().map(Param::from).collect();
        let spec = Param::Table(vec![
            ("audiences".to_owned(), Param::List(audiences)),
            ("expirationSeconds".to_owned(), Param::Integer(seconds)),
        ]);
        profile.params.push(("spec".to_owned(), spec));
        let id = profile.name.clone();
        let source = profile.client(id, self.own_token).build(transport)?;
        Ok(CloudSource::of(source))
    }
}
