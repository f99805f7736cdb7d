//! [`Keys`]: the keys that entries are sealed with.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass_core::Error;
use ring::{
    digest::{SHA256, digest},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use zeroize::Zeroizing;

use crate::Name;

/// How many bytes a key has.
pub const KEY_LEN: usize = 32;

/// How many bytes of a key's digest name it in an entry.
pub(crate) const KEY_ID_LEN: usize = 8;

/// A key of 32 random bytes that entries are sealed with. `Debug` shows which one it is, not what.
#[derive(Clone)]
pub struct Key {
    id: [u8; KEY_ID_LEN],
    /// From which each name has a key of its own, so that no key seals too much.
    root: Arc<hmac::Key>,
}

impl Key {
    /// A key of these bytes, which have to be random: no password, and nothing derived from one.
    pub fn new(bytes: &[u8; KEY_LEN]) -> Self {
        let labelled = Zeroizing::new([b"hallpass key 1\0".as_slice(), bytes].concat());
        let mut id = [0; KEY_ID_LEN];
        id.copy_from_slice(&digest(&SHA256, &labelled).as_ref()[..KEY_ID_LEN]);
        Self {
            id,
            root: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)),
        }
    }

    /// A key written in base64, as `openssl rand -base64 32` prints one. White space around it is
    /// left out.
    ///
    /// # Errors
    /// If it is no base64 of 32 bytes. The message has no part of it.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let decoded = STANDARD.decode(text.trim()).map(Zeroizing::new);
        let decoded = decoded.map_err(|_| {
            Error::configuration("the key of the shared store is not written in base64")
        })?;
        let bytes: Option<&[u8; KEY_LEN]> = decoded.as_slice().try_into().ok();
        bytes.map(Self::new).ok_or_else(|| {
            Error::configuration(format!(
                "the key of the shared store has {} bytes instead of {KEY_LEN}: make one with `openssl rand -base64 32`",
                decoded.len()
            ))
        })
    }

    /// A new random key, for tests and for processes that start each other.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        SystemRandom::new()
            .fill(&mut *bytes)
            .map_err(|_| Error::transient("the system gives no random numbers"))?;
        Ok(Self::new(&bytes))
    }

    pub(crate) fn id(&self) -> [u8; KEY_ID_LEN] {
        self.id
    }

    /// The key for the entries of this name.
    pub(crate) fn of_name(&self, name: &Name) -> Zeroizing<[u8; KEY_LEN]> {
        let mut message = b"hallpass entry 1\0".to_vec();
        message.extend_from_slice(name.as_bytes());
        let mut key = Zeroizing::new([0; KEY_LEN]);
        key.copy_from_slice(hmac::sign(&self.root, &message).as_ref());
        key
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:016x})", u64::from_be_bytes(self.id))
    }
}

/// A ring of keys: the first seals, and each opens. Cheap to clone.
///
/// To change the key of a running fleet, give every process the new one as a further key, then make
/// it the first one everywhere, and then take the old one away. Entries that a process can't open
/// are counted and never used.
///
/// ```
/// use hallpass_shared::{Key, Keys};
///
/// let (old, new) = (Key::random()?, Key::random()?);
/// let keys = Keys::new(old.clone()).also(new.clone()); // first rollout
/// let keys = Keys::new(new.clone()).also(old); // second rollout
/// let keys = Keys::new(new); // third rollout
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Keys {
    keys: Arc<Vec<Key>>,
}

impl Keys {
    /// A ring of one key.
    pub fn new(key: Key) -> Self {
        Self {
            keys: Arc::new(vec![key]),
        }
    }

    /// A further key, which only opens.
    #[must_use]
    pub fn also(mut self, key: Key) -> Self {
        Arc::make_mut(&mut self.keys).push(key);
        self
    }

    pub(crate) fn first(&self) -> Option<&Key> {
        self.keys.first()
    }

    pub(crate) fn find(&self, id: &[u8]) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl From<Key> for Keys {
    fn from(key: Key) -> Self {
        Self::new(key)
    }
}
