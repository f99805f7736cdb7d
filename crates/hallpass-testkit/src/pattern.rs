//! [`Pattern`]: what may come of a template in a profile.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::client::Client;

/// What may come of a template: its own letters, what is known of the client, and anything in the
/// place of what only the caller knows.
pub(crate) struct Pattern(Vec<Piece>);

enum Piece {
    Text(String),
    Any,
}

impl Pattern {
    /// Without a client, its id and secret may be anything.
    pub(crate) fn read(template: &str, client: Option<&Client>) -> Self {
        let mut pattern = Self(Vec::new());
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            pattern.text(&rest[..at]);
            let brace = &rest[at..];
            if brace.starts_with("{{") || brace.starts_with("}}") {
                pattern.text(&brace[..1]);
                rest = &brace[2..];
                continue;
            }
            let Some(end) = closing(brace) else {
                pattern.text(&brace[..1]);
                rest = &brace[1..];
                continue;
            };
            pattern.0.push(placeholder(&brace[1..end], client));
            rest = &brace[end + 1..];
        }
        pattern.text(rest);
        pattern
    }

    fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }

    /// The text, if there is only one that fits.
    pub(crate) fn only(&self) -> Option<String> {
        let texts = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Any => None,
        });
        texts.collect()
    }

    pub(crate) fn fits(&self, text: &str) -> bool {
        let (mut rest, mut free) = (text, false);
        for (at, piece) in self.0.iter().enumerate() {
            match piece {
                Piece::Any => free = true,
                Piece::Text(text) if !free => match rest.strip_prefix(text.as_str()) {
                    Some(after) => rest = after,
                    None => return false,
                },
                Piece::Text(text) if at + 1 == self.0.len() => return rest.ends_with(text),
                Piece::Text(text) => match rest.find(text.as_str()) {
                    Some(found) => {
                        rest = &rest[found + text.len()..];
                        free = false;
                    }
                    None => return false,
                },
            }
        }
        free || rest.is_empty()
    }
}

/// Where the brace that a text begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn placeholder(name: &str, client: Option<&Client>) -> Piece {
    let encoded = |inner: &str, encode: fn(&str) -> String| {
        let text = Pattern::read(inner, client).only();
        text.map_or(Piece::Any, |text| Piece::Text(encode(&text)))
    };
    let argument = |function: &str| name.strip_prefix(function)?.strip_suffix(')');
    if let Some(inner) = argument("base64(") {
        return encoded(inner, |text| STANDARD.encode(text));
    }
    if let Some(inner) = argument("base64url(") {
        return encoded(inner, |text| URL_SAFE_NO_PAD.encode(text));
    }
    match (name, client) {
        ("client_id", Some(client)) => Piece::Text(client.id.clone()),
        ("client_secret", Some(client)) => Piece::Text(client.secret.clone()),
        ("basic", Some(client)) => {
            Piece::Text(STANDARD.encode(format!("{}:{}", client.id, client.secret)))
        }
        _ => Piece::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_fit_what_may_come_of_them() {
        let client = Client::new("id", "s3cret", None);
        for (template, text, fits) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("{tenant}", "", true),
            ("{tenant}", "any", true),
            ("/realms/{realm}/token", "/realms/x/token", true),
            ("/realms/{realm}/token", "/realms/x/tokens", false),
            ("{client_id}:{client_secret}", "id:s3cret", true),
            ("{client_id}:{client_secret}", "id:wrong", false),
            ("Basic {basic}", "Basic aWQ6czNjcmV0", true),
            (
                "{base64({client_id};{client_secret})}",
                "aWQ7czNjcmV0",
                true,
            ),
            ("{base64({client_id};{other})}", "whatever", true),
            ("{{a}}", "{a}", true),
            ("{a", "{a", true),
            ("a{x}b{y}c", "a-b-c", true),
            ("a{x}b{y}c", "a-c", false),
            ("{x}aa", "aaa", true),
        ] {
            let pattern = Pattern::read(template, Some(&client));
            assert_eq!(pattern.fits(text), fits, "{template} {text}");
        }
        assert!(Pattern::read("{client_id}", None).fits("anybody"));
    }
}
