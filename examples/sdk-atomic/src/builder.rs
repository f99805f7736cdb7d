//! [`Builder`]: the roles, and where they act.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use hallpass::{BoxError, reqwest::Bearer};
use tokio::sync::Mutex;

use crate::{
    Atomic, Error, Role,
    client::{Inner, Saved},
    roles::{Clients, RoleClient, keyed},
};

/// How long a call may take, the wait for a token included.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Settings for an [`Atomic`].
///
/// Its `Debug` leaves the secrets out.
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    token_url: String,
    api_url: String,
    environment: u64,
    clients: Clients,
    saved: Option<Arc<Saved>>,
}

impl Builder {
    pub(crate) fn new(org_id: &str, token_url: String) -> Self {
        Self {
            token_url,
            api_url: format!("https://{org_id}.customer-api.atomic.io"),
            environment: 1,
            clients: Clients::new(),
            saved: None,
        }
    }

    /// Another server than the organisation's own, such as a test's.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
        self
    }

    /// The environment that calls are about.
    pub fn environment(mut self, id: u64) -> Self {
        self.environment = id;
        self
    }

    /// The client that acts in a role.
    pub fn role(mut self, role: Role, id: impl Into<String>, secret: impl Into<String>) -> Self {
        let client = RoleClient::new(id.into(), secret.into());
        self.clients.insert(role, client);
        self
    }

    /// What keeps a new secret, so that the next start of the program has it: called with role, client
    /// id and secret before [`Atomic::rotate`] returns.
    pub fn on_rotation<E>(
        mut self,
        save: impl Fn(Role, &str, &str) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self
    where
        E: StdError + Send + Sync + 'static,
    {
        let save =
            move |role, id: &str, secret: &str| save(role, id, secret).map_err(BoxError::from);
        self.saved = Some(Arc::new(save));
        self
    }

    /// Builds the client. Nothing is sent before its first call.
    ///
    /// # Errors
    /// If a URL is none that credentials may go to.
    pub fn build(self) -> Result<Atomic, Error> {
        let keyed = keyed(self.clients.clone(), &self.token_url, &self.api_url)?;
        let http = Bearer::keyed(keyed.clone())
            .timeout(TIMEOUT)
            .client_from(reqwest::Client::builder())?;
        Ok(Atomic {
            inner: Arc::new(Inner {
                api_url: self.api_url,
                environment: self.environment,
                clients: self.clients,
                keyed,
                http,
                saved: self.saved,
                rotating: Mutex::new(()),
            }),
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("api_url", &self.api_url)
            .field("environment", &self.environment)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}
