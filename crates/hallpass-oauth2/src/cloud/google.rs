//! [`GceMetadata`]: Google Cloud's metadata server.

use hallpass_core::Error;
use http::{HeaderName, HeaderValue};

use super::{
    CloudSource,
    metadata::{self, MetadataSource, Probe},
};
use crate::{Profile, Transport};

/// The service account of a Google Cloud machine, pod or function, from its metadata server.
///
/// The server is asked by its address, so that no name server can put another in its place, and has
/// to answer as Google's does. Where nobody answers within a second there is none. The transport must
/// not use a proxy.
///
/// ```
/// use hallpass_oauth2::{Chain, Secret, Token, cloud::GceMetadata};
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
///
/// let machine = GceMetadata::new().build(transport)?;
/// let source = Chain::of(machine).or(Token::new(Secret::env("GOOGLE_TOKEN")));
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GceMetadata {
    endpoint: String,
    account: String,
}

const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const GOOGLE: &str = "Google";

impl Default for GceMetadata {
    fn default() -> Self {
        Self::new()
    }
}

impl GceMetadata {
    /// The machine's default service account.
    pub fn new() -> Self {
        Self {
            endpoint: "http://169.254.169.254".to_owned(),
            account: "default".to_owned(),
        }
    }

    /// Another of the machine's service accounts, by its e-mail address.
    #[must_use]
    pub fn service_account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// Another address than `http://169.254.169.254`: of this machine, or of its link.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into();
        self
    }

    /// Checks the settings and makes the source.
    ///
    /// # Errors
    /// A permanent error that names the setting.
    pub fn build(self, transport: impl Transport) -> Result<CloudSource, Error> {
        let probe = Probe {
            uri: metadata::check(&self.endpoint)?,
            header: Some((FLAVOR, HeaderValue::from_static(GOOGLE))),
            proof: Some((FLAVOR, GOOGLE)),
        };
        let profile = Profile::named("gce-metadata")?
            .var("endpoint", self.endpoint)
            .var("account", self.account);
        let id = profile.name.clone();
        let build = |transport| {
            profile
                .client(id, "")
                .dangerously_allow_http()
                .build(transport)
        };
        MetadataSource::new(transport, probe, build).map(CloudSource::of)
    }
}
