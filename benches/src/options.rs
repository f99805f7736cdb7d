//! `--name value` among a command's arguments.

use std::str::FromStr;

/// The arguments that this process got.
#[derive(Debug)]
pub struct Options(Vec<String>);

impl Options {
    /// Those of this process; options with other names are a mistake.
    ///
    /// # Errors
    /// If there are others, with those there are.
    pub fn of_process(known: &[&str]) -> Result<Self, String> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let strange = words
            .iter()
            .find(|word| word.starts_with("--") && !known.contains(&word.as_str()));
        match strange {
            Some(word) => Err(format!("{word} is none of {}", known.join(", "))),
            None => Ok(Self(words)),
        }
    }

    /// Whether it is among them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|word| word == name)
    }

    /// What stands after this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|word| word == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    /// What stands after this name, as a number.
    ///
    /// # Errors
    /// If it is none.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("{name} takes a number")),
        }
    }
}
