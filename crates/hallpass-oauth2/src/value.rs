//! [`Value`]: what a variable, a parameter or a header holds.

use std::fmt;

use crate::Secret;

/// What a variable, a parameter or a header holds: a text, or a [`Secret`].
///
/// A secret is read anew at each fetch, a change of it ends a remembered refusal, and no message
/// repeats it, in whatever spelling a server may send it back. A text is as it is; one whose name
/// says that it is secret, such as `password` or `api_key`, is kept out of messages too.
#[derive(Clone)]
pub enum Value {
    /// A text that may be shown.
    Plain(String),
    /// A value that is never shown.
    Secret(Secret),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Plain(text.clone())
    }
}

impl From<Secret> for Value {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // It may be a key that somebody took for a plain text.
            Self::Plain(_) => f.write_str("Plain"),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

impl Value {
    /// Whether a text of this name is kept out of messages as a secret is: `api_key` is such a name,
    /// and `key_id` is not.
    pub fn is_secret(name: &str) -> bool {
        sounds_secret(name)
    }
}

/// Whether what goes by this name is secret by its nature.
pub(crate) fn sounds_secret(name: &str) -> bool {
    const PARTS: [&str; 9] = [
        "passw",
        "passphrase",
        "secret",
        "token",
        "assertion",
        "credential",
        "signature",
        "apikey",
        "authorization",
    ];
    const WORDS: [&str; 8] = ["key", "pass", "pwd", "pw", "pin", "otp", "code", "auth"];
    // What says of which kind a token is, or how long it lives, is no token.
    const HARMLESS: [&str; 5] = ["type", "format", "url", "uri", "id"];
    let lower = name.to_ascii_lowercase();
    let spaced = spaced(name).to_ascii_lowercase();
    let words = || spaced.split(|char: char| !char.is_ascii_alphanumeric());
    if words()
        .next_back()
        .is_some_and(|last| HARMLESS.contains(&last))
    {
        return false;
    }
    PARTS.iter().any(|part| lower.contains(part))
        || words().any(|word| WORDS.contains(&word) || word.ends_with("key"))
}

/// `tokenType` as `token Type`.
fn spaced(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut small = false;
    for char in name.chars() {
        if small && char.is_ascii_uppercase() {
            out.push(' ');
        }
        small = char.is_ascii_lowercase() || char.is_ascii_digit();
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_secret() {
        for name in [
            "password",
            "user_password",
            "apiKey",
            "api_key",
            "x-api-key",
            "x-token",
            "clientSecret",
            "Authorization",
            "pin",
            "subscription-key",
            "accessToken",
            "userPin",
            "APIKey",
            "tokenTypeSecret",
        ] {
            assert!(sounds_secret(name), "{name}");
        }
        for name in [
            "tenant",
            "realm",
            "scope",
            "subject_token_type",
            "account_id",
            "grant_type",
            "token_url",
            "keyboard",
            "monkeys",
            "audience",
            "tokenType",
            "subjectTokenType",
            "tokenUrl",
            "passwordFormat",
        ] {
            assert!(!sounds_secret(name), "{name}");
        }
    }
}
