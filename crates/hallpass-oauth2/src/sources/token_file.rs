//! [`TokenFile`]: a token in a file that somebody else rewrites.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};

use super::header::{Placed, attached, described};
use crate::{file::WatchedFile, jwt};

/// How often the file is looked at while its token is in use. Kubernetes rewrites a projected token
/// when a fifth of its life is left, ten minutes at the least, so a minute is soon enough.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How long a token is good for once it has been read. The next look is beside the requests; a token
/// that is still the same is left alone for half of this.
const KEPT: Duration = Duration::from_secs(120);

/// A bearer token in a file, such as a Kubernetes projected service account token.
///
/// Read again after a minute of use, and at once when a server refuses the token. While the file
/// can't be read, the last token stays. The `exp` of a JWT counts too.
///
/// ```
/// use hallpass_oauth2::TokenFile;
///
/// let source = TokenFile::at("/var/run/secrets/tokens/api")
///     .origins(["https://kubernetes.default.svc"])?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenFile {
    file: Arc<WatchedFile>,
    last: Arc<Mutex<Option<Credential>>>,
    placed: Placed,
}

impl TokenFile {
    /// Sends the content of this file, without the line break that ends it, as a bearer token.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            file: Arc::new(WatchedFile::new(path.into())),
            last: Arc::default(),
            placed: Placed::bearer("token-file"),
        }
    }

    async fn read(&self) -> Result<Credential, Error> {
        let token = self.file.text().await?;
        let credential = self.placed.credential(&token).map_err(|error| {
            let path = self.file.path().display();
            // Half a file, perhaps: the next look may find all of it.
            Error::transient(error).context(format!("{path} holds no token"))
        })?;
        let credential = credential.lives_for(KEPT).renew_in(LOOK_EVERY);
        let exp = jwt::expiry(&token).map(Duration::from_secs);
        Ok(
            match exp.and_then(|exp| SystemTime::UNIX_EPOCH.checked_add(exp)) {
                Some(end) => credential.expires_at(end),
                None => credential,
            },
        )
    }
}

described!(TokenFile, placed.description, "token-file");
attached!(TokenFile);

impl CredentialSource for TokenFile {
    /// # Cancel safety
    /// The last token stays.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        why.sending()?;
        let read = self.read().await;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match (read, &*last) {
            (Ok(credential), _) => Ok(last.insert(credential).clone()),
            (Err(error), Some(credential)) => {
                tracing::warn!(
                    target: "hallpass",
                    source = self.placed.description.name,
                    error = %error,
                    "the token file can't be used; its last token stays"
                );
                Ok(credential.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    fn description(&self) -> Description {
        self.placed.description.clone()
    }

    fn version(&self) -> u64 {
        self.file.version()
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile")
            .field("path", &self.file.path())
            .finish_non_exhaustive()
    }
}
