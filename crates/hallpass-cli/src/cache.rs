//! `--cache`: tokens that outlive a command, sealed, for this person alone.

mod file_store;
mod folder;
mod key;

use std::path::PathBuf;

use clap::Args;
use hallpass::{
    Cached, CredentialSource as _, Identified as _,
    config::ClientSource,
    shared::{Keys, Shared, SharedStore},
};

use self::file_store::FileStore;
use crate::exit::{Failure, chain};

/// How long an operation on the files may take. A lock is held for milliseconds; a home folder on
/// a network may be slow.
const OPERATION_DEADLINE: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Debug, Clone, Args)]
pub(crate) struct CacheArgs {
    /// Keeps tokens for later commands, in files that are sealed with a key of their own
    #[arg(long, help_heading = "Cache")]
    cache: bool,
    /// The folder of the cache; ~/.cache/hallpass unless set
    #[arg(
        long,
        value_name = "FOLDER",
        env = "HALLPASS_CACHE_DIR",
        help_heading = "Cache"
    )]
    cache_dir: Option<PathBuf>,
}

impl CacheArgs {
    /// The credential of this source, from the cache if it is wanted. Commands that run at the same
    /// time share one token request.
    pub(crate) async fn wrap(&self, source: ClientSource) -> Result<Cached, Failure> {
        if !self.cache {
            return Ok(Cached::new(source));
        }
        if let Err(error) = source.identity().await {
            return Err(Failure::configuration(format!(
                "--cache: whose token \"{}\" gets can't be told, and one that is kept could be another's: leave --cache out, or see to this: {}",
                source.description().name,
                chain(&error)
            )));
        }
        let folder = folder::open(self.cache_dir.as_deref())?;
        let keys = Keys::new(key::read(&folder)?);
        let store = SharedStore::new(FileStore::new(folder)).deadline(OPERATION_DEADLINE);
        Ok(Cached::new(Shared::new(source, store, keys)))
    }
}
