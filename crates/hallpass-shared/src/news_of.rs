//! Waiting for a newer entry than the one that was seen.

use std::time::Duration;

use tokio::time::sleep;

use crate::{common::Common, open::open_entry};

/// After news that were none, so that a store which is always in doubt is not asked in a loop.
const PAUSE: Duration = Duration::from_secs(1);

/// Ends once there is a newer entry that can be used. It has looked, so that nobody is sent for
/// nothing.
pub(crate) async fn newer(common: &Common) {
    let Some(place) = common.known.place() else {
        return std::future::pending().await;
    };
    let mut seen = common.known.highest();
    loop {
        common.store.watch(&place.name, seen).await;
        // The fetch that is under way may have brought it.
        seen = seen.max(common.known.highest());
        if let Ok(snapshot) = common.store.get(&place.name).await
            && let Some(entry) = &snapshot.entry
            && entry.generation > seen
            && entry.generation > snapshot.refused
        {
            if open_entry(common, &place, entry).is_some_and(|unpacked| !unpacked.is_over()) {
                return;
            }
            seen = entry.generation;
        }
        sleep(PAUSE).await;
    }
}
