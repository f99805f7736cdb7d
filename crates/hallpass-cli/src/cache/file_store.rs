//! [`FileStore`]: a store in files, for the commands of one person on one machine.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use hallpass::{
    Error,
    shared::{
        Name, Slot, Store,
        store::{LeaseRequest, Leased, Outcome, Published, Snapshot, StoreTime},
    },
};

use super::{OPERATION_DEADLINE, folder};

/// A slot for each name, in a file of its own. Who changes it holds the lock of a file beside it,
/// which the system releases should the process end.
pub(super) struct FileStore {
    folder: Arc<PathBuf>,
}

impl FileStore {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder: Arc::new(folder),
        }
    }

    /// Does this with the slot while nobody else can, off the runtime: locks block.
    async fn with_slot<T: Send + 'static>(
        &self,
        name: &Name,
        change: impl FnOnce(&mut Slot, StoreTime) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let path = self.folder.join(format!("{name}.token"));
        let changed = tokio::task::spawn_blocking(move || {
            let _lock = folder::lock(&path.with_extension("lock"), OPERATION_DEADLINE)?;
            let mut slot = read(&path);
            let done = change(&mut slot, now());
            folder::replace(&path, &serde_json::to_vec(&slot)?)?;
            Ok::<_, io::Error>(done)
        });
        let changed = changed.await.map_err(Error::transient)?;
        changed.map_err(|error| Error::transient(error).context("the cache can't be used"))
    }
}

/// What is there, or nothing if that can't be read: then it is fetched anew.
fn read(path: &Path) -> Slot {
    let text = fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn now() -> StoreTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as StoreTime
}

impl Store for FileStore {
    async fn get(&self, name: &Name) -> Result<Snapshot, Error> {
        let path = self.folder.join(format!("{name}.token"));
        // Files are put in place in one step, so that reading needs no lock.
        let read = tokio::task::spawn_blocking(move || read(&path).snapshot(now()));
        read.await.map_err(Error::transient)
    }

    async fn lease(&self, name: &Name, request: &LeaseRequest) -> Result<Leased, Error> {
        let request = *request;
        self.with_slot(name, move |slot, now| slot.lease(now, &request))
            .await
    }

    async fn publish_if_fence(
        &self,
        name: &Name,
        fence: u64,
        outcome: &Outcome,
    ) -> Result<Published, Error> {
        let outcome = outcome.clone();
        self.with_slot(name, move |slot, now| slot.publish(now, fence, &outcome))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_keeps_the_contract_of_every_store() {
        let folder = std::env::temp_dir().join(format!("hallpass-store-{}", fastrand::u64(..)));
        let folder = folder::open(Some(&folder)).unwrap();
        hallpass_shared::contract::all(&FileStore::new(folder.clone())).await;
        fs::remove_dir_all(folder).unwrap();
    }
}
