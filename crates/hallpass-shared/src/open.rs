//! Opening entries.

use std::time::SystemTime;

use crate::{
    common::Common,
    entry::{Unpacked, unpack},
    known::Place,
    seal::open,
    store::Entry,
};

/// Opens an entry. None if it is not one of ours, for which it is counted.
pub(crate) fn open_entry(common: &Common, place: &Place, entry: &Entry) -> Option<Unpacked> {
    let Place { name, key } = place;
    let plain = open(&common.keys, name, entry.generation, &entry.sealed).ok();
    let unpacked = plain.and_then(|plain| {
        let unpacked = unpack(&plain, entry.left, SystemTime::now()).ok()?;
        unpacked.bound_by(key.as_deref()).ok()
    });
    if unpacked.is_none() {
        common.count(|counters| &counters.damaged);
        tracing::warn!(
            target: "hallpass", %name, generation = entry.generation,
            "an entry of the shared store does not open: it was changed or moved, or its key is unknown"
        );
    }
    unpacked
}
