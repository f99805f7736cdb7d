//! The in-memory store keeps the contract.

use hallpass_core::Identity;
use hallpass_shared::{MemoryStore, Name, Store as _, contract};

#[tokio::test(start_paused = true)]
async fn the_memory_store_keeps_the_contract() {
    let store = MemoryStore::new();
    contract::all(&store).await;
    contract::watchers_are_told(&store).await;
    contract::fences_survive_an_emptying(&store, async { store.clear() }).await;
}

#[tokio::test(start_paused = true)]
async fn names_end_by_themselves() {
    let store = MemoryStore::new();
    for one in 0_u32..10_000 {
        let name = Name::of(&Identity::new("n").part("i", one.to_be_bytes()));
        store.lease(&name, &contract::request(0)).await.unwrap();
        tokio::time::advance(std::time::Duration::from_millis(60)).await;
    }
    // A lease lasts a minute, so a thousand are live at a time.
    assert!(store.len() < 3000, "{}", store.len());
}
