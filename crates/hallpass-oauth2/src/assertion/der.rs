//! The little DER that is written here: wrapping keys in what says of which kind they are.

use zeroize::Zeroizing;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;

/// `AlgorithmIdentifier` of `rsaEncryption` with its NULL (RFC 8017 appendix C).
const RSA: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// `AlgorithmIdentifier` of `ecPublicKey` on `prime256v1` (RFC 5480 §2.1.1).
const P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07,
];
/// `AlgorithmIdentifier` of `ecPublicKey` on `secp384r1`.
const P384: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
    0x00, 0x22,
];
/// `AlgorithmIdentifier` of Ed25519 (RFC 8410 §3).
const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// The kinds of keys that have a public half.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    fn algorithm(self) -> &'static [u8] {
        match self {
            Self::Rsa => RSA,
            Self::P256 => P256,
            Self::P384 => P384,
            Self::Ed25519 => ED25519,
        }
    }
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1) of a public key as *ring* gives it.
pub(super) fn public_key_info(kind: Kind, public: &[u8]) -> Vec<u8> {
    let mut bits = vec![0];
    bits.extend_from_slice(public);
    let bits = element(BIT_STRING, &[&bits]);
    element(SEQUENCE, &[kind.algorithm(), &bits]).to_vec()
}

/// PKCS#8 (RFC 5208 §5) around an `ECPrivateKey` (RFC 5915 §3), which *ring* does not take bare.
pub(super) fn pkcs8_of_sec1(curve: Kind, sec1: &[u8]) -> Zeroizing<Vec<u8>> {
    const VERSION_0: &[u8] = &[0x02, 0x01, 0x00];
    let key = element(OCTET_STRING, &[sec1]);
    element(SEQUENCE, &[VERSION_0, curve.algorithm(), &key])
}

fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length + 2 + size_of::<usize>()));
    out.push(tag);
    let bytes = length.to_be_bytes();
    let used = bytes.iter().skip_while(|byte| **byte == 0);
    if length >= 0x80 {
        out.push(0x80 | used.clone().count() as u8);
        out.extend(used);
    } else {
        out.push(length as u8);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}
