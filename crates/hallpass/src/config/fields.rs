//! [`Fields`]: a TOML table, taken apart setting by setting, with errors that name each.

use std::path::{Path, PathBuf};

use hallpass_core::Error;
use toml::{Table, Value};

use super::{Reference, suggest};

/// The settings of one table that have not been taken yet.
pub(super) struct Fields<'a> {
    /// What stands in front of a setting's name in messages, such as `clients.atlar`.
    place: String,
    table: Table,
    /// Where relative paths start.
    folder: &'a Path,
}

impl<'a> Fields<'a> {
    pub(super) fn new(place: String, table: Table, folder: &'a Path) -> Self {
        Self {
            place,
            table,
            folder,
        }
    }

    /// A mistake in a setting. Says nothing of its value, which may be a secret in the wrong place.
    pub(super) fn wrong(&self, key: &str, why: &str) -> Error {
        Error::configuration(format!("{}.{key}: {why}", self.place))
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.table.remove(key)
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "is not a text")),
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<bool, Error> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(flag),
            Some(_) => Err(self.wrong(key, "is neither true nor false")),
        }
    }

    pub(super) fn path(&mut self, key: &str) -> Result<Option<PathBuf>, Error> {
        let text = self.text(key)?;
        Ok(text.map(|text| self.folder.join(text)))
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<String>, Error> {
        let texts = match self.take(key) {
            None => Some(Vec::new()),
            Some(Value::String(text)) => Some(vec![text]),
            Some(Value::Array(list)) => list
                .into_iter()
                .map(|entry| match entry {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
            Some(_) => None,
        };
        texts.ok_or_else(|| self.wrong(key, "is neither a text nor a list of texts"))
    }

    /// `env:NAME`, `file:PATH` or `{ value = "…" }`.
    pub(super) fn secret(&mut self, key: &str) -> Result<Option<Reference>, Error> {
        self.reference(key, Reference::parse)
    }

    /// The same, or a text that is no secret.
    pub(super) fn text_or_secret(&mut self, key: &str) -> Result<Option<Reference>, Error> {
        self.reference(key, |text| Ok(Reference::text(text)))
    }

    fn reference(
        &mut self,
        key: &str,
        of_text: impl FnOnce(&str) -> Result<Reference, Error>,
    ) -> Result<Option<Reference>, Error> {
        let reference = match self.take(key) {
            None => return Ok(None),
            Some(Value::String(text)) => {
                of_text(&text).map_err(|error| self.wrong(key, &error.to_string()))?
            }
            Some(Value::Table(mut table)) => {
                let (Some(Value::String(text)), true) = (table.remove("value"), table.is_empty())
                else {
                    let why = "is a table with something else than one text named value";
                    return Err(self.wrong(key, why));
                };
                Reference::value(text)
            }
            Some(_) => {
                return Err(self.wrong(key, "is no reference: write env:NAME or file:PATH"));
            }
        };
        Ok(Some(reference.within(self.folder)))
    }

    /// Each setting of a table within.
    pub(super) fn within(&mut self, key: &str) -> Result<Self, Error> {
        match self.take(key) {
            None => Ok(self.inner(key, Table::new())),
            Some(Value::Table(table)) => Ok(self.inner(key, table)),
            Some(_) => Err(self.wrong(key, "is not a table")),
        }
    }

    fn inner(&self, key: &str, table: Table) -> Self {
        Self::new(format!("{}.{key}", self.place), table, self.folder)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.table.keys().cloned().collect()
    }

    pub(super) fn folder(&self) -> &'a Path {
        self.folder
    }

    /// Finds a setting that nobody knows.
    pub(super) fn finish(self, known: &[&str]) -> Result<(), Error> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::configuration(format!(
                "{}: {}",
                self.place,
                suggest::unknown("setting", name, known)
            ))),
        }
    }
}
