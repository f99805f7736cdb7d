//! [`Reference`]: a value, or where it is kept.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
};

use hallpass_core::Error;
use hallpass_oauth2::{Secret, Value};
use zeroize::Zeroizing;

/// A value, or the place where it is kept. `Debug` shows the place, never a value.
#[derive(Clone)]
#[non_exhaustive]
pub enum Reference {
    /// An environment variable.
    Env(String),
    /// A file; the line break that ends its last line does not count.
    File(PathBuf),
    /// The value itself.
    Value(Zeroizing<String>),
}

impl Reference {
    /// The value itself.
    pub fn value(text: impl Into<String>) -> Self {
        Self::Value(Zeroizing::new(text.into()))
    }

    /// Reads `env:NAME` or `file:PATH`.
    ///
    /// # Errors
    /// If it is anything else, such as the secret itself. The message has no part of it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |why: &str| Err(Error::configuration(why.to_owned()));
        match text.split_once(':') {
            Some(("env", "")) => refused("names no environment variable: write env:NAME"),
            Some(("env", name)) => Ok(Self::Env(name.to_owned())),
            Some(("file", "")) => refused("names no file: write file:PATH"),
            Some(("file", path)) => Ok(Self::File(PathBuf::from(path))),
            _ => refused(
                "is neither env:NAME nor file:PATH, and a secret does not belong here: put it into an environment variable or a file",
            ),
        }
    }

    /// Reads `env:NAME` or `file:PATH`, and takes anything else for the value itself: for what is
    /// no secret, such as a client id.
    pub fn text(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self::value(text))
    }

    /// The same with a relative path made one of this folder.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            other => other,
        }
    }

    /// What sources take: read anew at each fetch.
    pub fn secret(&self) -> Secret {
        match self {
            Self::Env(name) => Secret::env(name.as_str()),
            Self::File(path) => Secret::file(path),
            Self::Value(text) => Secret::from(text.as_str()),
        }
    }

    /// As a profile's variable: what stands here is a text that may be shown, and what comes from
    /// elsewhere a secret.
    pub(crate) fn variable(&self) -> Value {
        match self {
            Self::Value(text) => Value::Plain(text.to_string()),
            other => Value::Secret(other.secret()),
        }
    }

    /// The value now.
    ///
    /// # Errors
    /// If the variable is not set or the file can't be read, or either is not UTF-8. The message
    /// names the place.
    pub fn read(&self) -> Result<String, Error> {
        match self {
            Self::Env(name) => env::var(name).map_err(|error| {
                let what = match error {
                    env::VarError::NotPresent => "is not set",
                    env::VarError::NotUnicode(_) => "is not valid UTF-8",
                };
                Error::configuration(format!("environment variable {name} {what}"))
            }),
            Self::File(path) => match fs::read_to_string(path) {
                Ok(mut text) => {
                    if text.ends_with('\n') {
                        text.pop();
                        if text.ends_with('\r') {
                            text.pop();
                        }
                    }
                    Ok(text)
                }
                Err(error) => Err(Error::configuration(format!(
                    "{} can't be read: {error}",
                    path.display()
                ))),
            },
            Self::Value(text) => Ok(text.to_string()),
        }
    }
}

impl fmt::Display for Reference {
    /// The place: `env:NAME`, `file:PATH`, or that the value stands in the settings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Value(..) => f.write_str("a value in the settings"),
        }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({self})")
    }
}
