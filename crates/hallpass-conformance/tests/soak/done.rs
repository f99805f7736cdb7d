//! [`Done`]: which actions an API has done, a bit for each, so that a long run needs little room.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

#[derive(Debug, Default)]
pub(crate) struct Done {
    bits: Mutex<Vec<u64>>,
    twice: AtomicUsize,
}

impl Done {
    pub(crate) fn with_room() -> Self {
        Self {
            bits: Mutex::new(vec![0; 1 << 16]),
            ..Self::default()
        }
    }

    pub(crate) fn note(&self, action: usize) {
        let (word, bit) = (action / 64, 1 << (action % 64));
        let mut bits = self.bits.lock().unwrap();
        if bits.len() <= word {
            bits.resize(2 * word, 0);
        }
        if bits[word] & bit != 0 {
            self.twice.fetch_add(1, Ordering::Relaxed);
        }
        bits[word] |= bit;
    }

    pub(crate) fn twice(&self) -> usize {
        self.twice.load(Ordering::Relaxed)
    }
}
