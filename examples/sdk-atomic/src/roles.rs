//! [`Role`], and who acts in each.

use std::{collections::HashMap, fmt, sync::Arc};

use hallpass::{Error, Keyed, Profile, Secret, oauth2::SecretHandle};

/// What a credential of Atomic's is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Creates and rotates other credentials.
    Auth,
    /// Manages cards' places and SNS platforms.
    Workbench,
    /// Creates cards and manages customers.
    Events,
}

/// The client of one role.
#[derive(Clone)]
pub(crate) struct RoleClient {
    pub(crate) id: Arc<str>,
    pub(crate) secret: Secret,
    /// Puts another secret in place.
    pub(crate) handle: Arc<SecretHandle>,
}

pub(crate) type Clients = HashMap<Role, RoleClient>;

impl RoleClient {
    pub(crate) fn new(id: String, secret: String) -> Self {
        let (secret, handle) = Secret::rotating(secret);
        Self {
            id: id.into(),
            secret,
            handle: Arc::new(handle),
        }
    }
}

impl fmt::Debug for RoleClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleClient")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Tokens for each of these roles.
pub(crate) fn keyed(clients: Clients, token_url: &str, origin: &str) -> Result<Keyed<Role>, Error> {
    let profile = Profile::named("atomic")?
        .token_url(token_url)
        .origins([origin]);
    let transport = hallpass::reqwest::transport()?;
    Ok(Keyed::new(move |role: &Role| {
        let Some(client) = clients.get(role) else {
            return Err(Error::unknown_key(format!(
                "no client is set for the role {role:?}: call role"
            )));
        };
        profile
            .client(&*client.id, client.secret.clone())
            .build(transport.clone())
    }))
}
