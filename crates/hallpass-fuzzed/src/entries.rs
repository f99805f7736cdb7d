//! Entries of a shared store: what nobody has sealed is never used, what was sealed does no harm, and
//! what is taken over can be published again as it is.

use std::{sync::OnceLock, time::Duration};

use hallpass_core::{Credential, Error, Identity};
use hallpass_shared::{Key, Keys, MemoryStore, Name, Shared, SharedStore, store::Entry};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    digest::{SHA256, digest},
    hmac,
};

use crate::offline::{check_credential, check_error, fetch, run};

const KEY: [u8; 32] = [7; 32];
const GENERATION: u64 = 7;
const LEFT: Duration = Duration::from_secs(300);

/// An entry as the store has it, and what may have been sealed.
pub fn entries(bytes: &[u8]) {
    let own = own();
    let taken = taken_over(bytes.to_vec(), bytes).unwrap();
    assert!(taken.same_secret(&own), "nobody has sealed this");

    match taken_over(sealed(bytes), bytes) {
        Ok(taken) if !taken.same_secret(&own) => {
            check_credential(&taken, bytes);
            is_published_again(&taken);
        }
        Ok(_) => {}
        Err(error) => check_error(&error, bytes, &[]),
    }
}

fn own() -> Credential {
    static OWN: OnceLock<Credential> = OnceLock::new();
    let own = || {
        Credential::bearer("a-token-of-ones-own")
            .unwrap()
            .lives_for(LEFT)
    };
    OWN.get_or_init(own).clone()
}

fn identity() -> Identity {
    Identity::new("fuzzed")
}

/// What a process gets that finds this entry.
fn taken_over(sealed: Vec<u8>, bytes: &[u8]) -> Result<Credential, Error> {
    let store = run(async { MemoryStore::new() });
    let entry = Entry {
        generation: GENERATION,
        sealed,
        left: LEFT,
    };
    run(async { store.put(&Name::of(&identity()), entry) });
    let shared = shared(own(), &store);
    let outcome = fetch(&shared);
    assert!(format!("{shared:?}").len() <= 4096 + bytes.len());
    outcome
}

fn shared(source: Credential, store: &MemoryStore) -> Shared<hallpass_shared::Named<Credential>> {
    let store = SharedStore::new(store.clone());
    Shared::named(source, identity(), store, Keys::new(Key::new(&KEY)))
}

/// Published by one process, and taken over by the next.
fn is_published_again(taken: &Credential) {
    let store = run(async { MemoryStore::new() });
    let lasting = taken.clone().lives_for(LEFT);
    let published = fetch(&shared(lasting, &store)).unwrap();
    assert!(published.same_secret(taken));
    let again = fetch(&shared(own(), &store)).unwrap();
    assert!(again.same_secret(taken));
    assert_eq!(again.scope(), taken.scope());
    assert!(again.fields().eq(taken.fields()));
    assert!(again.default_headers().eq(taken.default_headers()));
    assert_eq!(
        again.certificate_thumbprint(),
        taken.certificate_thumbprint()
    );
}

/// As the documentation of the format says, by code of its own.
fn sealed(plain: &[u8]) -> Vec<u8> {
    let name = Name::of(&identity());
    let id = digest(&SHA256, &[b"hallpass key 1\0".as_slice(), &KEY].concat());
    let root = hmac::Key::new(hmac::HMAC_SHA256, &KEY);
    let labelled = [b"hallpass entry 1\0".as_slice(), name.as_bytes()].concat();
    let key = hmac::sign(&root, &labelled);
    let cipher = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).unwrap());
    let head = [&[1], &id.as_ref()[..8]].concat();
    let nonce = [3; 12];
    let associated = [&head, name.as_bytes(), &GENERATION.to_be_bytes()].concat();
    let mut text = plain.to_vec();
    let tag = cipher
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated),
            &mut text,
        )
        .unwrap();
    [head, nonce.to_vec(), text, tag.as_ref().to_vec()].concat()
}
