//! Profiles from TOML, with errors that name file, line and field.

use std::{fs, path::Path};

use hallpass_core::Error;

use super::description::Profile;

impl Profile {
    /// Reads a profile from TOML, such as `include_str!("acme.toml")`.
    ///
    /// # Errors
    /// If it is no TOML, or a field is unknown, missing or holds what it can't; the message begins
    /// with `profile:` and the line.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        parse(text, "profile", "profile")
    }

    /// Reads a profile from a TOML file.
    ///
    /// # Errors
    /// If the file can't be read, and as [`from_toml`](Self::from_toml) with the file's name in
    /// front.
    pub fn from_toml_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| {
            Error::permanent(error).context(format!("{} can't be read", path.display()))
        })?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        parse(&text, &file, &name)
    }
}

/// `file` stands in messages, `name` where the profile has none itself.
pub(super) fn parse(text: &str, file: &str, name: &str) -> Result<Profile, Error> {
    let mut profile: Profile = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_at(text, span.start));
        let message = error.message().replace('\n', "; ");
        let field = line.and_then(|line| field_in(text, line));
        let message = match field {
            Some(field) if !names(&message, field) => format!("{field}: {message}"),
            _ => message,
        };
        failed(file, line, &message)
    })?;
    if profile.token_url.is_empty() {
        return Err(failed(file, None, "token_url is missing"));
    }
    if let Some((field, fault)) = profile.mistake() {
        let line = line_of_field(text, field);
        return Err(failed(file, line, &format!("{field} {fault}")));
    }
    if profile.name.is_empty() {
        name.clone_into(&mut profile.name);
    }
    Ok(profile)
}

fn failed(file: &str, line: Option<usize>, message: &str) -> Error {
    Error::configuration(match line {
        Some(line) => format!("{file}:{line}: {message}"),
        None => format!("{file}: {message}"),
    })
}

fn names(message: &str, field: &str) -> bool {
    message.contains(&format!("`{field}`")) || message.starts_with(&format!("unknown {field} "))
}

fn line_at(text: &str, at: usize) -> usize {
    1 + text.get(..at).unwrap_or(text).matches('\n').count()
}

/// The key on this line, if it has one.
fn field_in(text: &str, line: usize) -> Option<&str> {
    let (key, _) = text.lines().nth(line.checked_sub(1)?)?.split_once('=')?;
    let key = key.trim();
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!key.is_empty() && key.bytes().all(bare)).then_some(key)
}

fn line_of_field(text: &str, field: &str) -> Option<usize> {
    let is_field = |line: &str| {
        let rest = line
            .trim_start_matches([' ', '\t', '['])
            .strip_prefix(field);
        let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        rest.is_some_and(|rest| !rest.bytes().next().is_some_and(name))
    };
    text.lines().position(is_field).map(|at| at + 1)
}
