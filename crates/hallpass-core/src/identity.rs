//! [`Identity`]: what tells one credential from all others.

use std::fmt;

use zeroize::Zeroizing;

use crate::{CredentialSource, Error};

/// What tells one credential from all others: everything that is sent to get it.
///
/// Two sources with the same identity bring credentials that can stand for each other. Whoever keeps
/// credentials by name, such as a store that a fleet shares, derives the name from this.
///
/// Each part has a label and counts with its length, so that no two different lists of parts look
/// the same: `("ab", "c")` is not `("a", "bc")`, and an absent part is not an empty one. `Debug`
/// shows no part.
///
/// A client's own secret is no part. Whichever of two valid ones a process has, the token is the same
/// client's, so a rotation does not divide a fleet.
///
/// ```
/// use hallpass_core::Identity;
///
/// let one = Identity::new("acme").part("tenant", "a:b").optional("scope", None);
/// let other = Identity::new("acme").part("tenant", "a:b").optional("scope", Some(""));
/// assert_ne!(one, other);
/// assert_eq!(Identity::new("acme").set("scope", ["b", "a"]), Identity::new("acme").set("scope", ["a", "b"]));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    bytes: Zeroizing<Vec<u8>>,
}

impl Identity {
    /// An identity that begins with this name, such as a vendor's or a deployment's.
    pub fn new(name: impl AsRef<[u8]>) -> Self {
        Self {
            bytes: Zeroizing::default(),
        }
        .part("name", name)
    }

    /// Adds a part.
    #[must_use]
    pub fn part(self, label: &str, value: impl AsRef<[u8]>) -> Self {
        self.push(b'=', label, 1).value(value.as_ref())
    }

    /// Adds a part that may be absent, which differs from an empty one.
    #[must_use]
    pub fn optional(self, label: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.part(label, value),
            None => self.push(b'-', label, 0),
        }
    }

    /// Adds values whose order counts.
    #[must_use]
    pub fn list<T: AsRef<[u8]>>(self, label: &str, values: impl IntoIterator<Item = T>) -> Self {
        let values: Vec<T> = values.into_iter().collect();
        let start = self.push(b'l', label, values.len());
        values
            .iter()
            .fold(start, |identity, value| identity.value(value.as_ref()))
    }

    /// Adds values whose order and repetition don't count, such as a scope's.
    #[must_use]
    pub fn set<T: AsRef<[u8]> + Ord>(
        self,
        label: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let mut values: Vec<T> = values.into_iter().collect();
        values.sort();
        values.dedup();
        let start = self.push(b's', label, values.len());
        values
            .iter()
            .fold(start, |identity, value| identity.value(value.as_ref()))
    }

    /// All of it, unambiguously. Parts may be confidential: hash this, and don't show it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn push(self, kind: u8, label: &str, count: usize) -> Self {
        let mut identity = self.value(label.as_bytes());
        identity.bytes.push(kind);
        identity
            .bytes
            .extend_from_slice(&(count as u64).to_be_bytes());
        identity
    }

    fn value(mut self, value: &[u8]) -> Self {
        // Grown by hand, so that what it held before is overwritten as well. A count follows.
        let length = self.bytes.len() + 8 + value.len() + 9;
        if length > self.bytes.capacity() {
            let mut grown = Zeroizing::new(Vec::with_capacity(length.saturating_mul(2)));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes
            .extend_from_slice(&(value.len() as u64).to_be_bytes());
        self.bytes.extend_from_slice(value);
        self
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// A source that can say what tells its credentials from those of other sources.
pub trait Identified: CredentialSource {
    /// The identity of the credential that a fetch would bring now.
    ///
    /// It may change with what the source reads anew at each fetch, such as the token of a subject.
    ///
    /// # Errors
    /// If what is sent can't be read, or can't be told before it is sent.
    ///
    /// # Cancel safety
    /// Nothing is changed, so nothing is lost.
    fn identity(&self) -> impl Future<Output = Result<Identity, Error>> + Send;
}

#[cfg(test)]
mod tests {
    use super::Identity;

    fn bytes(identity: &Identity) -> &[u8] {
        identity.as_bytes()
    }

    #[test]
    fn parts_never_run_into_each_other() {
        let new = || Identity::new("n");
        let all = [
            new(),
            new().part("a", ""),
            new().optional("a", None),
            new().part("a", "bc"),
            new().part("ab", "c"),
            new().part("a", "b").part("c", ""),
            new().list("a", ["b", "c"]),
            new().list("a", ["c", "b"]),
            new().list("a", ["bc"]),
            new().set("a", ["b", "c"]),
            new().set("a", ["bc"]),
            new().list("a", [""; 0]),
            new().set("a", [""; 0]),
            new().part("tenant", "a:b").part("role", "c"),
            new().part("tenant", "a").part("role", "b:c"),
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(bytes(one), bytes(other));
            }
        }
        assert_eq!(new().set("a", ["c", "b", "c"]), new().set("a", ["b", "c"]));
    }

    #[test]
    fn debug_shows_no_part() {
        let text = format!("{:?}", Identity::new("n").part("subject", "xyzzy"));
        assert!(!text.contains("xyzzy"), "{text}");
    }
}
