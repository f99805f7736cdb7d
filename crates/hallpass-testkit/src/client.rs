//! A registered client: who it is, what it may do, and how its credentials are written.

use std::fmt;

/// What an Atomic credential pair is for; the API refuses a token of another role with 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Creates and rotates other credentials.
    Auth,
    /// Manages workbench resources.
    Workbench,
    /// Creates cards and manages customers.
    Events,
}

/// How the two halves of a Basic header are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasicEncoding {
    /// As they stand: the pair is split at the first colon.
    Raw,
    /// Form-encoded one by one before joining, as RFC 6749 §2.3.1 asks.
    Form,
}

/// A registered client; its `Debug` leaves the secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// The client secret.
    pub secret: String,
    /// The role of an Atomic pair; `None` may do everything.
    pub role: Option<Role>,
}

impl Client {
    pub(crate) fn new(id: &str, secret: &str, role: Option<Role>) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            role,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
