//! The nonces that servers want in proofs (RFC 9449 §8, §9).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Nobody's is longer.
const LONGEST: usize = 1024;

/// Of so many servers one is remembered: more than one program calls, and no room to fill for one
/// that redirects without end.
const ORIGINS: usize = 100;

/// The last nonce of each server, the one that was used last first.
#[derive(Default)]
pub(super) struct Nonces(Mutex<Vec<(String, Arc<str>)>>);

impl Nonces {
    pub(super) fn get(&self, origin: &str) -> Option<Arc<str>> {
        let mut known = self.lock();
        let at = known.iter().position(|(other, _)| other == origin)?;
        known[..=at].rotate_right(1);
        Some(known[0].1.clone())
    }

    pub(super) fn set(&self, origin: &str, nonce: &str) {
        let mut known = self.lock();
        let at = known.iter().position(|(other, _)| other == origin);
        match at {
            Some(at) if &*known[at].1 == nonce => {}
            Some(at) => known[at].1 = nonce.into(),
            None => {
                known.truncate(ORIGINS - 1);
                known.insert(0, (origin.to_owned(), nonce.into()));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Arc<str>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nonce that an answer brings. Two of them, or one that is none (RFC 9449 §8.1), say nothing.
pub(super) fn among(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(DPOP_NONCE).iter();
    let (Some(nonce), None) = (values.next(), values.next()) else {
        return None;
    };
    let is_nqchar = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    let bytes = nonce.as_bytes();
    let fits = (1..=LONGEST).contains(&bytes.len()) && bytes.iter().all(is_nqchar);
    std::str::from_utf8(bytes).ok().filter(|_| fits)
}

/// Whether an answer brings a nonce other than the one in the proof that it answers.
pub(crate) fn is_new_nonce(proof: &HeaderValue, headers: &HeaderMap) -> bool {
    among(headers).is_some_and(|nonce| used(proof).as_deref() != Some(nonce))
}

/// The nonce in a proof of ours.
fn used(proof: &HeaderValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        nonce: Option<String>,
    }
    let claims = proof.as_bytes().split(|byte| *byte == b'.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok()?.nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let value = |value: &&[u8]| HeaderValue::from_bytes(value).unwrap();
        let pairs = values.iter().map(|one| (DPOP_NONCE, value(one)));
        pairs.collect()
    }

    #[test]
    fn what_is_a_nonce() {
        let longest = [b'n'; LONGEST];
        for (values, expected) in [
            (&[&b"eyJ7S_zG.eyJH0-Z.HX4w-7v"[..]][..], true),
            (&[b"~!#$%&'()*+,-./:;<=>?@[]^_`{|}"], true),
            (&[&longest], true),
            (&[&[b'n'; LONGEST + 1]], false),
            (&[b""], false),
            (&[b"a b"], false),
            (&[b"a\tb"], false),
            (&[b"a\"b"], false),
            (&[b"a\\b"], false),
            (&[b"a\xE4"], false),
            (&[b"a", b"b"], false),
            (&[b"a", b"a"], false),
            (&[], false),
        ] {
            let headers = headers(values);
            let found = among(&headers).map(str::as_bytes);
            assert_eq!(found, expected.then(|| values[0]), "{values:?}");
        }
    }

    #[test]
    fn a_hundred_servers_and_the_least_recently_used_one_goes() {
        let nonces = Nonces::default();
        for n in 0..ORIGINS {
            nonces.set(&format!("https://{n}.example"), "a");
        }
        nonces.set("https://1.example", "b");
        assert_eq!(nonces.get("https://0.example").as_deref(), Some("a"));
        nonces.set("https://new.example", "a");
        // The oldest that nobody has asked for since.
        assert_eq!(nonces.get("https://1.example"), None);
        assert_eq!(nonces.get("https://0.example").as_deref(), Some("a"));
        assert_eq!(nonces.get("https://2.example").as_deref(), Some("a"));
        assert_eq!(nonces.lock().len(), ORIGINS);
        nonces.set("https://2.example", "b");
        assert_eq!(nonces.get("https://2.example").as_deref(), Some("b"));
    }
}
