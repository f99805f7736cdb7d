//! The state that all connections of one server share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::client::{BasicEncoding, Client};
use crate::endpoint::Endpoint;
use crate::journal::{Kind, Log};
use crate::lock::lock;
use crate::possession::Possession;
use crate::rate::RateLimit;
use crate::refusal::Refusal;
#[cfg(feature = "oauth2")]
use crate::shape::Shape;
use crate::store::Store;
use crate::system::{Route, System};

pub(crate) struct Shared {
    pub(crate) system: System,
    /// Whose manners it has instead, if a profile describes them.
    #[cfg(feature = "oauth2")]
    pub(crate) shape: Option<Shape>,
    pub(crate) realm: String,
    pub(crate) issuer: String,
    pub(crate) basic: BasicEncoding,
    pub(crate) clients: Mutex<Vec<Client>>,
    pub(crate) store: Mutex<Store>,
    pub(crate) rate_limit: Mutex<Option<RateLimit>>,
    /// None where tokens work without a proof.
    pub(crate) possession: Option<Mutex<Possession>>,
    pub(crate) log: Log,
    pub(crate) token_endpoint: Endpoint,
    pub(crate) api: Endpoint,
    pub(crate) started: Instant,
    /// TCP connections accepted so far.
    pub(crate) connections: AtomicU64,
    /// API requests so far, for the serial number in the echo.
    pub(crate) served: AtomicU64,
    /// Tells connections to close when they have nothing to do.
    pub(crate) close: watch::Sender<()>,
}

impl Shared {
    pub(crate) fn authenticate(&self, id: &str, secret: &str) -> Option<Client> {
        lock(&self.clients)
            .iter()
            .find(|client| client.id == id && client.secret == secret)
            .cloned()
    }

    pub(crate) fn token_path(&self) -> String {
        #[cfg(feature = "oauth2")]
        if let Some(shape) = &self.shape {
            return shape.token_path();
        }
        self.system.token_path(&self.realm)
    }

    pub(crate) fn route(&self, path: &str) -> Route {
        #[cfg(feature = "oauth2")]
        if let Some(shape) = &self.shape {
            return shape.route(path);
        }
        self.system.route(path, &self.realm)
    }

    /// A refusal in the vendor's words.
    #[cfg_attr(not(feature = "oauth2"), expect(unused_variables))]
    pub(crate) fn render(&self, refusal: Refusal, kind: Kind) -> Answer {
        #[cfg(feature = "oauth2")]
        if let Some(shape) = &self.shape {
            return shape.render(refusal, kind);
        }
        refusal.render(self.system)
    }

    pub(crate) fn next_serial(&self) -> u64 {
        self.served.fetch_add(1, Ordering::Relaxed) + 1
    }
}
