//! [`AzureManagedIdentity`]: a managed identity, wherever Azure runs the process.

use std::{env, fmt};

use hallpass_core::Error;

use super::{
    CloudSource,
    metadata::{self, MetadataSource, Probe},
};
use crate::{Param, Profile, Secret, Transport};

/// A managed identity of Azure: from the metadata service of a virtual machine, or from the endpoint
/// that App Service, Functions and Container Apps name in `IDENTITY_ENDPOINT`.
///
/// Where nobody answers within a second there is none. The transport must not use a proxy.
///
/// ```
/// use hallpass_oauth2::cloud::AzureManagedIdentity;
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
///
/// let source = AzureManagedIdentity::for_resource("https://vault.azure.net").build(transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct AzureManagedIdentity {
    resource: String,
    client: Option<String>,
    endpoint: Endpoint,
}

#[derive(Clone)]
enum Endpoint {
    MetadataService(String),
    AppService { url: String, header: Secret },
}

const ENDPOINT: &str = "IDENTITY_ENDPOINT";
const HEADER: &str = "IDENTITY_HEADER";

impl AzureManagedIdentity {
    /// Asks where the environment says, else at `http://169.254.169.254`. `resource` is the API's
    /// identifier.
    pub fn for_resource(resource: impl Into<String>) -> Self {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = match (set(ENDPOINT), set(HEADER)) {
            (Some(url), Some(_)) => Endpoint::AppService {
                url,
                header: Secret::env(HEADER),
            },
            _ => Endpoint::MetadataService("http://169.254.169.254".to_owned()),
        };
        Self {
            resource: resource.into(),
            client: None,
            endpoint,
        }
    }

    /// The user-assigned identity with this client id; the system-assigned one unless set.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client = Some(id.into());
        self
    }

    /// Asks the metadata service here, whatever the environment says: at an address of this machine,
    /// or of its link.
    #[must_use]
    pub fn metadata_service(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Endpoint::MetadataService(url.into());
        self
    }

    /// Asks the endpoint of App Service here, whatever the environment says: at an address of this
    /// machine, or of its link.
    #[must_use]
    pub fn app_service(mut self, url: impl Into<String>, header: impl Into<Secret>) -> Self {
        self.endpoint = Endpoint::AppService {
            url: url.into(),
            header: header.into(),
        };
        self
    }

    /// Checks the settings and makes the source.
    ///
    /// # Errors
    /// A permanent error that names the setting.
    pub fn build(self, transport: impl Transport) -> Result<CloudSource, Error> {
        let (profile, url, header) = match self.endpoint {
            Endpoint::MetadataService(url) => (Profile::named("azure-imds")?, url, None),
            Endpoint::AppService { url, header } => {
                (Profile::named("azure-app-service")?, url, Some(header))
            }
        };
        let probe = Probe {
            uri: metadata::check(&url)?,
            // Without its header the service refuses, and by that says that it is there.
            header: None,
            proof: None,
        };
        let mut profile = profile.var("endpoint", url).var("resource", self.resource);
        if let Some(client) = self.client {
            profile
                .params
                .push(("client_id".to_owned(), Param::from(client)));
        }
        let id = profile.name.clone();
        let secret = header.unwrap_or_else(|| Secret::from(""));
        let build = |transport| {
            let builder = profile.client(id, secret).dangerously_allow_http();
            builder.build(transport)
        };
        MetadataSource::new(transport, probe, build).map(CloudSource::of)
    }
}

impl fmt::Debug for AzureManagedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureManagedIdentity")
            .field("resource", &self.resource)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
