//! [`Name`]: under which a store keeps what belongs to one credential.

use std::fmt;

use hallpass_core::Identity;
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

/// Under which a store keeps what belongs to one credential: a digest of its [`Identity`].
///
/// It says nothing of what it was made from, so it may be logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name([u8; SHA256_OUTPUT_LEN]);

impl Name {
    /// The name for this identity.
    pub fn of(identity: &Identity) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(b"hallpass name 1\0");
        context.update(identity.as_bytes());
        let mut name = [0; SHA256_OUTPUT_LEN];
        name.copy_from_slice(context.finish().as_ref());
        Self(name)
    }

    /// The digest itself.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name that a store has written with [`Display`](fmt::Display), read again.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let mut name = [0; SHA256_OUTPUT_LEN];
        if text.len() != 2 * name.len() {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        for (byte, pair) in name.iter_mut().zip(text.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Some(Self(name))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}
