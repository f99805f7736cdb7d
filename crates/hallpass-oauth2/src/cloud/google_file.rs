//! [`GoogleCredentials`]: Google's credential files, of whatever type.

mod external;
mod quota;
mod universe;

use std::{fmt, sync::Arc};

use hallpass_core::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use self::{external::ExternalAccount, quota::charged_to, universe::Universe};
use super::{
    CloudSource, GoogleImpersonation,
    impersonation::{CLOUD_PLATFORM, scopes},
};
use crate::{JwtBearer, RefreshToken, Transport};

/// What one of Google's credential files says: a `service_account`, an `authorized_user` as
/// `gcloud auth application-default login` writes it, an `external_account` for workload identity
/// federation, or an `impersonated_service_account`.
///
/// A file names the URLs that get its secrets. Here only those of `googleapis.com` get them, or of the
/// one [`universe`](Self::universe) that is allowed by name. Of external accounts, those whose
/// token comes from a file or from a URL work; those of AWS need a signature of AWS's own, and
/// programs are not run because a file says so.
///
/// ```
/// use hallpass_oauth2::cloud::GoogleCredentials;
/// # use hallpass_oauth2::transport::{Transport, TransportError};
/// # struct Offline;
/// # impl Transport for Offline {
/// #     async fn send(&self, _: http::Request<bytes::Bytes>, _: std::time::Duration)
/// #         -> Result<http::Response<bytes::Bytes>, TransportError> { unreachable!() }
/// # }
/// # let transport = Offline;
/// # let json = r#"{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r"}"#;
///
/// let source = GoogleCredentials::from_json(json)?
///     .scopes(["https://www.googleapis.com/auth/cloud-platform"])
///     .build(transport)?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct GoogleCredentials {
    file: Arc<File>,
    json: Arc<Zeroizing<String>>,
    scopes: Vec<String>,
    universe: Universe,
}

enum File {
    ServiceAccount(ServiceAccount),
    AuthorizedUser(AuthorizedUser),
    ExternalAccount(Box<ExternalAccount>),
    Impersonated(Impersonated),
}

#[derive(Deserialize)]
struct ServiceAccount {
    token_uri: String,
}

#[derive(Deserialize)]
struct AuthorizedUser {
    client_id: String,
    client_secret: Zeroizing<String>,
    refresh_token: Zeroizing<String>,
    quota_project_id: Option<String>,
}

#[derive(Deserialize)]
struct Impersonated {
    service_account_impersonation_url: String,
    source_credentials: Box<RawValue>,
    #[serde(default)]
    delegates: Vec<String>,
}

impl File {
    fn read(json: &str) -> serde_json::Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Typed {
            #[serde(rename = "type")]
            kind: String,
        }
        let Typed { kind } = serde_json::from_str(json)?;
        Ok(Some(match kind.as_str() {
            "service_account" => Self::ServiceAccount(serde_json::from_str(json)?),
            "authorized_user" => Self::AuthorizedUser(serde_json::from_str(json)?),
            "external_account" => Self::ExternalAccount(serde_json::from_str(json)?),
            "impersonated_service_account" => Self::Impersonated(serde_json::from_str(json)?),
            _ => return Ok(None),
        }))
    }
}

scopes!(
    GoogleCredentials,
    " An authorized user has those of the sign-in."
);

const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

impl GoogleCredentials {
    /// The content of such a file.
    ///
    /// # Errors
    /// If it is none. No message holds a piece of it.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        // The parser's own message may quote a secret.
        let file = File::read(json).ok().flatten().ok_or_else(|| {
            Error::configuration(
                "not one of Google's credential files: a service_account, authorized_user, external_account or impersonated_service_account with all its members",
            )
        })?;
        Ok(Self {
            file: Arc::new(file),
            json: Arc::new(Zeroizing::new(json.to_owned())),
            scopes: vec![CLOUD_PLATFORM.to_owned()],
            universe: Universe("googleapis.com".to_owned()),
        })
    }

    /// The domain of another universe than `googleapis.com`, whose hosts the file may name.
    #[must_use]
    pub fn universe(mut self, domain: impl Into<String>) -> Self {
        self.universe = Universe(domain.into());
        self
    }

    /// Checks what the file says and makes the source.
    ///
    /// # Errors
    /// A permanent error that names the member of the file.
    pub fn build(self, transport: impl Transport) -> Result<CloudSource, Error> {
        self.build_shared(&Arc::new(transport))
    }

    fn build_shared<T: Transport>(&self, transport: &Arc<T>) -> Result<CloudSource, Error> {
        match &*self.file {
            File::ServiceAccount(account) => {
                self.universe.check("token_uri", &account.token_uri)?;
                let builder = JwtBearer::google(&self.json)?.scope(self.scopes.join(" "));
                Ok(CloudSource::of(builder.build(transport.clone())?))
            }
            File::AuthorizedUser(user) => {
                let builder = RefreshToken::at(TOKEN_URL)
                    .name("google-authorized-user")
                    .refresh_token(user.refresh_token.as_str())
                    .post(user.client_id.as_str(), user.client_secret.as_str());
                let builder = charged_to(user.quota_project_id.as_ref(), builder);
                Ok(CloudSource::of(builder.build(transport.clone())?))
            }
            File::ExternalAccount(account) => {
                account.build(&self.universe, &self.scopes, transport)
            }
            File::Impersonated(account) => self.impersonate(account, transport),
        }
    }

    fn impersonate<T: Transport>(
        &self,
        account: &Impersonated,
        transport: &Arc<T>,
    ) -> Result<CloudSource, Error> {
        let url = &account.service_account_impersonation_url;
        self.universe
            .check("service_account_impersonation_url", url)?;
        let by = Self::from_json(account.source_credentials.get())?.universe(&self.universe.0);
        if matches!(*by.file, File::Impersonated(_)) {
            return Err(Error::configuration(
                "the file's \"source_credentials\" impersonate somebody themselves: name the accounts between as delegates",
            ));
        }
        // As resources here, by address where they are set by hand.
        let delegates = account.delegates.iter();
        let delegates = delegates.filter_map(|name| name.rsplit('/').next());
        GoogleImpersonation::at_url(url.clone())
            .scopes(&self.scopes)
            .delegates(delegates)
            .build(by.build_shared(transport)?, transport.clone())
    }
}

impl fmt::Debug for GoogleCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleCredentials")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
