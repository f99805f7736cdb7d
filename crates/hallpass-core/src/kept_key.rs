//! [`KeptKey`]: a key that outlives the process, and the credentials that are bound to it.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::{Credential, Error};

/// A key that outlives the process, so that whoever else has it can use what is bound to it.
///
/// A source whose credentials are bound to one [says so](crate::Description::kept_key). A store that
/// processes share has the credential then, never the key.
pub trait KeptKey: fmt::Debug + Send + Sync + 'static {
    /// Reads the key, as it is now.
    ///
    /// # Errors
    /// If it can't be read.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    fn read(&self) -> ReadKey<'_>;
}

/// What [`KeptKey::read`] returns.
pub type ReadKey<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn HeldKey>, Error>> + Send + 'a>>;

/// A [kept key](KeptKey) that was read.
pub trait HeldKey: fmt::Debug + Send + Sync + 'static {
    /// Its thumbprint (RFC 7638), which authorization servers call `jkt`.
    fn thumbprint(&self) -> &str;

    /// Gives a credential whose token is bound to this key the [proof](crate::Proof) that this
    /// process holds the key.
    ///
    /// # Errors
    /// If the credential shows no token, which the proof has to name.
    fn bind(&self, credential: Credential) -> Result<Credential, Error>;
}
