//! [`Atomic`]: the client.

use std::{fmt, sync::Arc};

use hallpass::{BoxError, Keyed};
use reqwest_middleware::{ClientWithMiddleware, RequestBuilder};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{Builder, Error, Role, roles::Clients};

/// Atomic answers no request without one.
const USER_AGENT: &str = concat!("atomic-example/", env!("CARGO_PKG_VERSION"));

pub(crate) type Saved = dyn Fn(Role, &str, &str) -> Result<(), BoxError> + Send + Sync;

/// A client of Atomic's API. Clones share its tokens and its connections.
#[derive(Clone)]
pub struct Atomic {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) api_url: String,
    pub(crate) environment: u64,
    pub(crate) clients: Clients,
    pub(crate) keyed: Keyed<Role>,
    pub(crate) http: ClientWithMiddleware,
    pub(crate) saved: Option<Arc<Saved>>,
    /// One rotation at a time: each makes the secret of the one before useless.
    pub(crate) rotating: Mutex<()>,
}

/// One of an organisation's environments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Environment {
    /// Its id.
    pub id: u64,
    /// What it is called.
    pub name: String,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Card {
    /// Its id.
    pub id: String,
}

#[derive(Deserialize)]
struct Environments {
    environments: Vec<Environment>,
}

#[derive(Deserialize)]
struct Cards {
    cards: Vec<Card>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotated {
    client_secret: String,
}

impl Atomic {
    /// Settings for a client of this organisation. The OAuth URL is in its workbench.
    pub fn builder(org_id: &str, token_url: impl Into<String>) -> Builder {
        Builder::new(org_id, token_url.into())
    }

    /// The organisation's environments; takes the role [`Auth`](Role::Auth).
    ///
    /// # Errors
    /// If Atomic does not tell them.
    pub async fn environments(&self) -> Result<Vec<Environment>, Error> {
        let url = format!("{}/v1/environments", self.inner.api_url);
        let list: Environments = call(self.inner.http.get(url), Role::Auth).await?;
        Ok(list.environments)
    }

    /// The environment's cards; takes the role [`Events`](Role::Events).
    ///
    /// # Errors
    /// If Atomic does not tell them.
    pub async fn cards(&self) -> Result<Vec<Card>, Error> {
        let url = self.in_environment("cards");
        let list: Cards = call(self.inner.http.get(url), Role::Events).await?;
        Ok(list.cards)
    }

    /// Makes a card; takes the role [`Events`](Role::Events).
    ///
    /// # Errors
    /// If Atomic has not made it, or it is not known whether it has.
    pub async fn create_card(&self, title: &str) -> Result<Card, Error> {
        let request = self.inner.http.post(self.in_environment("cards"));
        call(request.json(&json!({"title": title})), Role::Events).await
    }

    /// Has Atomic make another secret for a role, and uses it from now on; takes the role
    /// [`Auth`](Role::Auth), which may be rotated as well.
    ///
    /// Tokens that were issued before live on. The new secret is proved with a token of its own before
    /// this returns.
    ///
    /// # Errors
    /// If Atomic has made none, if it could not be [saved](Builder::on_rotation), or if it does not
    /// work. In the last two cases it is in use all the same, for the old one works no more.
    ///
    /// # Cancel safety
    /// Don't: if the future is dropped, Atomic may have made a secret that nobody knows.
    pub async fn rotate(&self, role: Role) -> Result<(), Error> {
        let _alone = self.inner.rotating.lock().await;
        let client = self.inner.clients.get(&role);
        let client = client.ok_or_else(|| Error::no_client(role))?;
        let path = format!("credentials/{}/rotate", client.id);
        let request = self.inner.http.post(self.in_environment(&path));
        let rotated: Rotated = call(request, Role::Auth).await?;
        client.handle.set(rotated.client_secret.as_str());
        let saved = match &self.inner.saved {
            Some(save) => save(role, &client.id, &rotated.client_secret),
            None => Ok(()),
        };
        let proved = self.inner.keyed.get(&role)?.renew().await;
        saved.map_err(Error::unsaved)?;
        proved?;
        Ok(())
    }

    fn in_environment(&self, path: &str) -> String {
        let Inner {
            api_url,
            environment,
            ..
        } = &*self.inner;
        format!("{api_url}/v1/{environment}/{path}")
    }
}

async fn call<T: DeserializeOwned>(request: RequestBuilder, role: Role) -> Result<T, Error> {
    // The profile has one for programs that have none, which a client's default would yield to.
    let request = request.header("user-agent", USER_AGENT);
    let response = request.with_extension(role).send().await?;
    let status = response.status();
    if !status.is_success() {
        return Err(Error::refused(status));
    }
    Ok(response.json().await?)
}

impl fmt::Debug for Atomic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atomic")
            .field("api_url", &self.inner.api_url)
            .field("environment", &self.inner.environment)
            .field("clients", &self.inner.clients)
            .finish_non_exhaustive()
    }
}
