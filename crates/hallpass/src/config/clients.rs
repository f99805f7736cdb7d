//! [`Clients`]: all clients of a file or of the environment, by name.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use hallpass_core::{Cached, Error};
use hallpass_oauth2::Transport;

use super::{ClientConfig, ClientSource, environment, read, suggest};

/// All clients of a file or of the environment, by name. Clones share their credentials.
///
/// The [module](super) has the format and an example.
#[derive(Clone)]
pub struct Clients {
    inner: Arc<Inner>,
}

struct Inner {
    configs: BTreeMap<String, ClientConfig>,
    /// What was asked for already.
    cached: Mutex<BTreeMap<String, Cached>>,
}

impl Clients {
    /// Reads clients from TOML. Relative paths in it start at the working directory.
    ///
    /// # Errors
    /// If it is no TOML, or a setting is unknown or holds what it can't; the message begins with the
    /// setting, such as `clients.atlar.secret`, and never has the value of a reference in it.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Ok(Self::of(read::clients(text, Path::new(""))?))
    }

    /// Reads clients from a TOML file. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// If the file can't be read, and as [`from_toml`](Self::from_toml) with its name in front.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| Error::configuration(format!("{shown} can't be read: {error}")))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let configs = read::clients(&text, folder).map_err(|error| {
            let message = format!("{shown}: {error}");
            error.context(message)
        })?;
        Ok(Self::of(configs))
    }

    /// Reads clients from environment variables that begin with `prefix`, such as `HALLPASS_CLIENT`
    /// for `HALLPASS_CLIENT_ATLAR_SECRET`. There may be none.
    ///
    /// # Errors
    /// If a variable with this prefix names no setting, or holds what it can't; the message begins
    /// with the variable, and never has its value in it.
    pub fn from_env(prefix: &str) -> Result<Self, Error> {
        let readable = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Ok(Self::of(environment::clients(prefix, readable)?))
    }

    fn of(configs: BTreeMap<String, ClientConfig>) -> Self {
        Self {
            inner: Arc::new(Inner {
                configs,
                cached: Mutex::default(),
            }),
        }
    }

    /// The names of the clients, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.inner.configs.keys().map(String::as_str)
    }

    /// The settings of a client.
    ///
    /// # Errors
    /// If there is none of this name; the message lists those that there are.
    pub fn config(&self, name: &str) -> Result<&ClientConfig, Error> {
        self.inner.configs.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.names().collect();
            Error::configuration(suggest::unknown("client", name, &known))
        })
    }

    /// The credential of a client, ready for every adapter. Each name has one, however often it is
    /// asked for, so that all adapters of a client share a token.
    ///
    /// Tokens are asked for over `hallpass-hyper`, with the client's authorities, certificate and
    /// proxy. [`http`](Self::http) is for an API that wants these too.
    ///
    /// # Errors
    /// If there is none of this name, or a setting is missing, contradicts another, or names a file
    /// that can't be read; the message begins with the setting. A secret that is missing shows when
    /// it is needed, and then the error of the fetch names its place.
    pub fn get(&self, name: &str) -> Result<Cached, Error> {
        self.get_or(name, |config| {
            config.source(name, config.http()?.transport()?)
        })
    }

    /// [`get`](Self::get) over a transport of one's own, such as `hallpass-reqwest`'s. It is used
    /// when the credential is made; later calls for the same name share that.
    ///
    /// # Errors
    /// As `get`.
    pub fn get_over(&self, name: &str, transport: impl Transport) -> Result<Cached, Error> {
        self.get_or(name, |config| config.source(name, transport))
    }

    /// What carries requests for a client: hyper with its authorities, certificate and proxy.
    ///
    /// # Errors
    /// If there is none of this name, or a file can't be read.
    pub fn http(&self, name: &str) -> Result<hallpass_hyper::Builder, Error> {
        self.config(name)?.http().map_err(|error| at(name, error))
    }

    fn get_or(
        &self,
        name: &str,
        make: impl FnOnce(&ClientConfig) -> Result<ClientSource, Error>,
    ) -> Result<Cached, Error> {
        let config = self.config(name)?;
        let cached = self.inner.cached.lock();
        let mut cached = cached.unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cached.get(name) {
            return Ok(cached.clone());
        }
        let new = Cached::new(make(config).map_err(|error| at(name, error))?);
        cached.insert(name.to_owned(), new.clone());
        Ok(new)
    }
}

fn at(name: &str, error: Error) -> Error {
    let message = error.to_string();
    // A message that begins with a setting goes on with it; any other is a sentence of its own.
    let names_setting = message
        .split_once(": ")
        .is_some_and(|(key, _)| read::SETTINGS.contains(&key));
    let separator = if names_setting { "." } else { ": " };
    error.context(format!("clients.{name}{separator}{message}"))
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
