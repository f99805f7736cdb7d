//! [`Echo`]: keeps what a request told a server out of what is told of its answer.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    encoding::{basic, basic_base64, basic_raw, escape_into},
    request::Client,
    text::printable,
};

/// What stands in the place of a secret.
const MASK: &str = "[secret]";

/// Anything shorter stands in ordinary words by chance.
const SHORTEST: usize = 4;

/// The secrets of one request, in every form in which a server may repeat them.
pub(crate) struct Echo {
    /// In lower case, the longest first, as one may hold another.
    forms: Vec<Zeroizing<String>>,
}

impl Echo {
    pub(crate) fn of(client: &Client) -> Self {
        let mut forms = Vec::new();
        if let Some(secret) = &client.secret {
            add_with_variants(&mut forms, secret);
            let id = client.id.as_deref().map_or("", String::as_str);
            for encoded in [
                basic(id, secret),
                basic_raw(id, secret),
                basic_base64(id, secret),
            ] {
                let text = String::from_utf8_lossy(&encoded);
                let text = text.trim_start_matches("Basic ").trim_end_matches('=');
                add(&mut forms, text);
            }
        }
        for told in client.told() {
            add_with_variants(&mut forms, told);
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self { forms }
    }

    /// The text without them, fit to print.
    pub(crate) fn clean(&self, text: &str) -> String {
        // Escapes come in either case, and some servers change that of everything.
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        let mut out = Zeroizing::new(String::with_capacity(2 * text.len()));
        let mut at = 0;
        while let Some(char) = text[at..].chars().next() {
            let starts = |form: &&Zeroizing<String>| lower[at..].starts_with(form.as_str());
            if let Some(form) = self.forms.iter().find(starts) {
                out.push_str(MASK);
                at += form.len();
            } else {
                out.push(char);
                at += char.len_utf8();
            }
        }
        printable(&out)
    }
}

fn add_with_variants(forms: &mut Vec<Zeroizing<String>>, secret: &str) {
    let mut escaped = Zeroizing::new(String::with_capacity(3 * secret.len()));
    escape_into(&mut escaped, secret);
    add(forms, secret);
    // What a server cuts off before it repeats the rest.
    add(forms, secret.trim());
    add(forms, &Zeroizing::new(escaped.replace("%20", "+")));
    add(forms, &escaped);
    let encoded = Zeroizing::new(STANDARD.encode(secret));
    add(forms, encoded.trim_end_matches('='));
}

fn add(forms: &mut Vec<Zeroizing<String>>, form: &str) {
    let form = Zeroizing::new(form.to_ascii_lowercase());
    if form.len() >= SHORTEST && !forms.contains(&form) {
        forms.push(form);
    }
}
