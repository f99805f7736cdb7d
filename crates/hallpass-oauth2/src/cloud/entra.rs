//! [`EntraWorkloadIdentity`]: a token of another issuer that Entra ID trusts.

use std::env;

use hallpass_core::Error;

use super::CloudSource;
use crate::{Profile, Secret, Transport};

/// Workload identity federation of Microsoft Entra ID: a token of another issuer, such as the one that
/// Kubernetes writes into a file, in the place of a client secret.
///
/// The file is read at each fetch, so that it may be rewritten at any time.
///
/// ```
/// use hallpass_oauth2::cloud::EntraWorkloadIdentity;
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
///
/// let source = EntraWorkloadIdentity::from_env("https://graph.microsoft.com").build(transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EntraWorkloadIdentity {
    resource: String,
    authority: String,
    identity: Result<Identity, String>,
}

#[derive(Debug, Clone)]
struct Identity {
    tenant: String,
    client: String,
    assertion: Secret,
}

const NAME: &str = "entra-workload-identity";
const PUBLIC_CLOUD: &str = "https://login.microsoftonline.com";

impl EntraWorkloadIdentity {
    /// What Azure's webhook sets in a pod: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`,
    /// `AZURE_FEDERATED_TOKEN_FILE` and `AZURE_AUTHORITY_HOST`. Without them there is nothing.
    ///
    /// `resource` is the API's identifier, such as `https://graph.microsoft.com`.
    pub fn from_env(resource: impl Into<String>) -> Self {
        let read = |name: &str| {
            let value = env::var(name).ok().filter(|value| !value.is_empty());
            value.ok_or_else(|| format!("{name} is not set: no workload identity of Entra ID"))
        };
        let identity = || {
            Ok(Identity {
                tenant: read("AZURE_TENANT_ID")?,
                client: read("AZURE_CLIENT_ID")?,
                assertion: Secret::file(read("AZURE_FEDERATED_TOKEN_FILE")?),
            })
        };
        Self {
            resource: resource.into(),
            authority: read("AZURE_AUTHORITY_HOST").unwrap_or_else(|_| PUBLIC_CLOUD.to_owned()),
            identity: identity(),
        }
    }

    /// This client of this directory, with this token: a file, or that of another source.
    pub fn new(
        tenant: impl Into<String>,
        client: impl Into<String>,
        assertion: impl Into<Secret>,
        resource: impl Into<String>,
    ) -> Self {
        Self {
            resource: resource.into(),
            authority: PUBLIC_CLOUD.to_owned(),
            identity: Ok(Identity {
                tenant: tenant.into(),
                client: client.into(),
                assertion: assertion.into(),
            }),
        }
    }

    /// The sign-in host of another cloud, such as `https://login.microsoftonline.us`.
    #[must_use]
    pub fn authority(mut self, url: impl Into<String>) -> Self {
        self.authority = url.into();
        self
    }

    /// Checks the settings and makes the source.
    ///
    /// # Errors
    /// A permanent error that names the setting.
    pub fn build(self, transport: impl Transport) -> Result<CloudSource, Error> {
        let identity = match self.identity {
            Ok(identity) => identity,
            Err(what) => return Ok(CloudSource::missing(NAME, what)),
        };
        let profile = Profile::named(NAME)?
            .var("authority", self.authority)
            .var("tenant", identity.tenant)
            .var("resource", self.resource);
        let builder = profile.client(identity.client, identity.assertion);
        Ok(CloudSource::of(builder.build(transport)?))
    }
}
