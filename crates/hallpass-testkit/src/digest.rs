//! A digest to compare bodies by, without a cryptography crate.

/// FNV-1a over 64 bits, the `body_fnv1a64` of the API's echo (there as sixteen hex digits).
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    let mut digest = Fnv::default();
    digest.update(bytes);
    digest.0
}

pub(crate) struct Fnv(pub(crate) u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
