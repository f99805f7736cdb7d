//! Sealing: what makes an entry unreadable and unchangeable outside the fleet.
//!
//! ```text
//! schema (1) | key id (8) | nonce (12) | ciphertext, tag (16)
//! ```
//!
//! ChaCha20-Poly1305 with a key of the name's own. The schema, the key's id, the name and the
//! generation are authenticated with it, so an entry that stands under another name or generation
//! does not open.

use hallpass_core::Error;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};
use zeroize::Zeroizing;

use crate::{
    Keys, Name,
    keys::{KEY_ID_LEN, Key},
};

const SCHEMA: u8 = 1;
const HEAD_LEN: usize = 1 + KEY_ID_LEN;

/// The largest entry that is opened. A token of 64 KiB is beyond every header limit.
const LONGEST: usize = 256 * 1024;

/// An entry that does not open: edited, moved, of another generation, or under an unknown key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// Seals a text as the entry of this name and generation.
pub(crate) fn seal(
    keys: &Keys,
    name: &Name,
    generation: u64,
    plain: &[u8],
) -> Result<Vec<u8>, Error> {
    let failed = || Error::transient("a credential could not be sealed for the shared store");
    let key = keys.first().ok_or_else(failed)?;
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| failed())?;
    let mut sealed = Vec::with_capacity(HEAD_LEN + NONCE_LEN + plain.len() + 16);
    sealed.push(SCHEMA);
    sealed.extend_from_slice(&key.id());
    sealed.extend_from_slice(&nonce);
    let start = sealed.len();
    sealed.extend_from_slice(plain);
    let aad = Aad::from(associated(&sealed[..HEAD_LEN], name, generation));
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = cipher(key, name)
        .and_then(|cipher| {
            let text = &mut sealed[start..];
            cipher.seal_in_place_separate_tag(nonce, aad, text).ok()
        })
        .ok_or_else(failed)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens the entry of this name and generation.
pub(crate) fn open(
    keys: &Keys,
    name: &Name,
    generation: u64,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Damaged> {
    if sealed.len() > LONGEST {
        return Err(Damaged);
    }
    let (head, rest) = sealed.split_at_checked(HEAD_LEN).ok_or(Damaged)?;
    let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(Damaged)?;
    if head[0] != SCHEMA {
        return Err(Damaged);
    }
    let key = keys.find(&head[1..]).ok_or(Damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Damaged)?;
    let aad = Aad::from(associated(head, name, generation));
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(key, name)
        .and_then(|cipher| cipher.open_in_place(nonce, aad, &mut text).ok())
        .map(|plain| plain.len())
        .ok_or(Damaged)?;
    text.truncate(length);
    Ok(text)
}

fn cipher(key: &Key, name: &Name) -> Option<LessSafeKey> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, &*key.of_name(name)).ok()?;
    Some(LessSafeKey::new(key))
}

fn associated(head: &[u8], name: &Name, generation: u64) -> Vec<u8> {
    [head, name.as_bytes(), &generation.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use hallpass_core::Identity;

    use super::*;

    fn name(text: &str) -> Name {
        Name::of(&Identity::new(text))
    }

    #[test]
    fn an_entry_opens_only_where_it_was_sealed() {
        let keys = Keys::new(Key::new(&[7; 32]));
        let (here, there) = (name("a"), name("b"));
        let sealed = seal(&keys, &here, 7, b"the token").unwrap();
        assert_eq!(
            open(&keys, &here, 7, &sealed).unwrap().as_slice(),
            b"the token"
        );
        assert_eq!(open(&keys, &there, 7, &sealed), Err(Damaged));
        assert_eq!(open(&keys, &here, 8, &sealed), Err(Damaged));
        let other = Keys::new(Key::new(&[8; 32]));
        assert_eq!(open(&other, &here, 7, &sealed), Err(Damaged));
        for at in 0..sealed.len() {
            let mut edited = sealed.clone();
            edited[at] ^= 1;
            assert_eq!(open(&keys, &here, 7, &edited), Err(Damaged), "byte {at}");
            assert_eq!(open(&keys, &here, 7, &sealed[..at]), Err(Damaged));
        }
    }

    #[test]
    fn a_ring_opens_with_each_of_its_keys() {
        let (old, new) = (Key::new(&[1; 32]), Key::new(&[2; 32]));
        let by_old = seal(&Keys::new(old.clone()), &name("a"), 1, b"x").unwrap();
        let ring = Keys::new(new.clone()).also(old);
        assert!(open(&ring, &name("a"), 1, &by_old).is_ok());
        let by_ring = seal(&ring, &name("a"), 2, b"x").unwrap();
        assert!(open(&Keys::new(new), &name("a"), 2, &by_ring).is_ok());
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        let keys = Keys::new(Key::new(&[7; 32]));
        let seal = || seal(&keys, &name("a"), 1, b"x").unwrap();
        assert_ne!(seal(), seal());
    }
}
