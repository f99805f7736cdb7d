//! Files that hold secrets: read off the runtime's threads, within bounds, and never shown.

use std::{
    fs::{self, File},
    hash::{BuildHasher as _, RandomState},
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hallpass_core::Error;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::absent::Absent;

/// No secret, key or token is longer; a path that names something else by mistake ends here.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// How often a file's state is looked at, however many callers ask.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A file whose content is a secret, and whose changes can be told without reading it.
pub(crate) struct WatchedFile {
    path: Arc<Path>,
    digest: RandomState,
    seen: Mutex<Option<(Instant, u64)>>,
}

impl WatchedFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path: path.into(),
            digest: RandomState::new(),
            seen: Mutex::new(None),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The content without the line break that ends its last line.
    pub(crate) async fn text(&self) -> Result<Zeroizing<String>, Error> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        match read {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(self.unreadable(error)),
            Err(error) => Err(self.unreadable(io::Error::other(error))),
        }
    }

    /// A number that changes with the file's time of change or size.
    pub(crate) fn version(&self) -> u64 {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, version)) = *seen
            && now.saturating_duration_since(at) < LOOK_EVERY
        {
            return version;
        }
        let state = fs::metadata(&self.path)
            .ok()
            .map(|metadata| (metadata.modified().ok(), metadata.len()));
        let version = self.digest.hash_one(state);
        *seen = Some((now, version));
        version
    }

    fn unreadable(&self, error: io::Error) -> Error {
        let message = format!("{} can't be read", self.path.display());
        let error = match error.kind() {
            // Something is to write it yet: a sidecar, a volume that is being mounted.
            ErrorKind::NotFound => Absent::for_now(error),
            ErrorKind::PermissionDenied
            | ErrorKind::InvalidData
            | ErrorKind::IsADirectory
            | ErrorKind::FileTooLarge => Error::permanent(error),
            _ => Error::transient(error),
        };
        error.context(message)
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = File::open(path)?;
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let size = file.metadata()?.len().min(SIZE_LIMIT);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size as usize + 1));
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(ErrorKind::FileTooLarge.into());
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    String::from_utf8(std::mem::take(&mut *bytes))
        .map(Zeroizing::new)
        .map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            ErrorKind::InvalidData.into()
        })
}
