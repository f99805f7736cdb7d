//! [`Secret`]: a value that is asked for when it is needed, and never shown.

use std::{
    env,
    env::VarError,
    fmt,
    future::Future,
    hash::{BuildHasher as _, RandomState},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hallpass_core::Error;
use zeroize::Zeroizing;

use crate::{absent::Absent, file::WatchedFile};

/// A client id, client secret or password, or the place where it is kept.
///
/// Cheap to clone; clones share what they hold. `Debug` tells where it comes from, never what it
/// is, and memory that held it is overwritten. It is used as it is: a line break at its end is not
/// cut off, it is named in the message when a server refuses it. Only a [`file`](Self::file) loses
/// the one that ends its last line.
///
/// It is asked for at each fetch, so a new value needs no restart. When a server refuses the old one
/// and the place has another by then, the same fetch tries once more with that.
///
/// ```
/// use hallpass_oauth2::Secret;
///
/// let fixed = Secret::from("hunter2");
/// let read_at_each_fetch = Secret::env("ATLAR_SECRET");
/// assert_eq!(format!("{fixed:?}"), "Secret(fixed)");
/// assert_eq!(format!("{read_at_each_fetch:?}"), "Secret(env ATLAR_SECRET)");
/// ```
#[derive(Clone)]
pub struct Secret {
    place: Place,
}

type Ask = dyn Fn() -> Result<String, Error> + Send + Sync;
type Asking = Pin<Box<dyn Future<Output = Result<String, Error>> + Send>>;
type AskLater = dyn Fn() -> Asking + Send + Sync;

#[derive(Clone)]
enum Place {
    Fixed(Arc<Zeroizing<String>>),
    Env {
        variable: Arc<str>,
        digest: Arc<RandomState>,
    },
    File(Arc<WatchedFile>),
    Function(Arc<Ask>),
    AsyncFunction(Arc<AskLater>),
    Rotating(Arc<Mutex<Slot>>),
}

struct Slot {
    value: Zeroizing<String>,
    version: u64,
}

/// What a secret is for; only messages need it.
#[derive(Clone, Copy)]
pub(crate) struct Use<'a> {
    pub(crate) what: &'static str,
    pub(crate) of: &'a str,
}

impl Secret {
    /// The value of an environment variable, read at each fetch.
    ///
    /// A variable that is not set, or not UTF-8, fails the fetch with a permanent error that names
    /// the variable.
    pub fn env(variable: impl Into<String>) -> Self {
        Self {
            place: Place::Env {
                variable: variable.into().into(),
                digest: Arc::new(RandomState::new()),
            },
        }
    }

    /// The content of a file, read at each fetch, without the line break that ends its last line.
    ///
    /// A file that can't be read, or is not UTF-8, fails the fetch with an error that names the
    /// file. Reading never blocks the runtime.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::File(Arc::new(WatchedFile::new(path.into()))),
        }
    }

    /// What `ask` returns, asked at each fetch. It should return soon: a fetch waits for it.
    ///
    /// Its error is the fetch's error. A new value is noticed at the next fetch; to end a
    /// remembered refusal at once, use [`rotating`](Self::rotating).
    pub fn from_fn(ask: impl Fn() -> Result<String, Error> + Send + Sync + 'static) -> Self {
        Self {
            place: Place::Function(Arc::new(ask)),
        }
    }

    /// What the future of `ask` brings, asked at each fetch: a vault, a secret manager.
    ///
    /// Its error is the fetch's error, and it lives within the fetch's deadline.
    ///
    /// ```
    /// use hallpass_oauth2::Secret;
    /// # async fn read_vault(_: &str) -> Result<String, std::io::Error> { Ok(String::new()) }
    /// use hallpass_core::Error;
    ///
    /// let secret = Secret::from_async_fn(|| async {
    ///     read_vault("billing/client-secret").await.map_err(Error::transient)
    /// });
    /// # let _ = secret;
    /// ```
    pub fn from_async_fn<F, A>(ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<String, Error>> + Send + 'static,
    {
        Self {
            place: Place::AsyncFunction(Arc::new(move || Box::pin(ask()))),
        }
    }

    /// A value that can be replaced while it is in use, and the handle that replaces it.
    ///
    /// ```
    /// use hallpass_oauth2::Secret;
    ///
    /// let (secret, handle) = Secret::rotating("last month's");
    /// handle.set("this month's");
    /// # let _ = secret;
    /// ```
    pub fn rotating(initial: impl Into<String>) -> (Self, SecretHandle) {
        let slot = Arc::new(Mutex::new(Slot {
            value: Zeroizing::new(initial.into()),
            version: 0,
        }));
        let secret = Self {
            place: Place::Rotating(slot.clone()),
        };
        (secret, SecretHandle { slot })
    }

    /// The value now.
    pub(crate) async fn read(&self, wanted: Use<'_>) -> Result<Zeroizing<String>, Error> {
        match &self.place {
            Place::Fixed(value) => Ok(Zeroizing::clone(value)),
            Place::Rotating(slot) => Ok(lock(slot).value.clone()),
            Place::Function(ask) => ask().map(Zeroizing::new),
            Place::AsyncFunction(ask) => ask().await.map(Zeroizing::new),
            Place::File(file) => file.text().await.map_err(|error| {
                let message = format!(
                    "{error} (needed for the {} of \"{}\")",
                    wanted.what, wanted.of
                );
                error.context(message)
            }),
            Place::Env { variable, .. } => match env::var(&**variable) {
                Ok(value) => Ok(Zeroizing::new(value)),
                Err(VarError::NotUnicode(_)) => Err(Error::configuration(format!(
                    "environment variable {variable} is not valid UTF-8 (needed for the {} of \"{}\")",
                    wanted.what, wanted.of,
                ))),
                Err(error @ VarError::NotPresent) => Err(Absent::for_good(error).context(format!(
                    "environment variable {variable} is not set (needed for the {} of \"{}\")",
                    wanted.what, wanted.of,
                ))),
            },
        }
    }

    /// A number that changes with the value, as far as that can be told cheaply.
    pub(crate) fn version(&self) -> u64 {
        match &self.place {
            Place::Fixed(_) | Place::Function(_) | Place::AsyncFunction(_) => 0,
            Place::File(file) => file.version(),
            Place::Rotating(slot) => lock(slot).version,
            // Keyed at random, so the number says nothing about the value.
            Place::Env { variable, digest } => {
                digest.hash_one(env::var(&**variable).ok().map(Zeroizing::new).as_deref())
            }
        }
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::from(value.to_owned())
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self {
            place: Place::Fixed(Arc::new(Zeroizing::new(value))),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Fixed(_) => f.write_str("Secret(fixed)"),
            Place::File(file) => write!(f, "Secret(file {})", file.path().display()),
            Place::Function(_) | Place::AsyncFunction(_) => f.write_str("Secret(function)"),
            Place::Rotating(_) => f.write_str("Secret(rotating)"),
            Place::Env { variable, .. } => write!(f, "Secret(env {variable})"),
        }
    }
}

/// Replaces the value of a [rotating](Secret::rotating) secret.
#[derive(Clone)]
pub struct SecretHandle {
    slot: Arc<Mutex<Slot>>,
}

impl SecretHandle {
    /// Puts a new value in place: the next fetch uses it, and a refusal that is remembered for the
    /// old one ends.
    pub fn set(&self, value: impl Into<String>) {
        let value = Zeroizing::new(value.into());
        let mut slot = lock(&self.slot);
        slot.value = value;
        slot.version += 1;
    }
}

impl fmt::Debug for SecretHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHandle")
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
