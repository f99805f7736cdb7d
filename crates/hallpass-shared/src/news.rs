//! [`News`]: who in this process waits for which name, for stores that are told of publications.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::Name;

/// Who in this process waits for which name: what a [`Store`](crate::Store) is told by its server
/// goes in, and [`Store::watch`](crate::Store::watch) comes out.
#[derive(Debug, Default)]
pub struct News {
    names: Mutex<HashMap<Name, watch::Sender<u64>>>,
}

impl News {
    /// Ends once a generation higher than `seen` was told of for this name, or a doubt.
    ///
    /// # Cancel safety
    /// Only the waiting ends.
    pub async fn wait(&self, name: &Name, seen: u64) {
        let mut told = {
            let mut names = self.lock();
            let sender = names.entry(*name).or_insert_with(|| watch::Sender::new(0));
            sender.subscribe()
        };
        // Dropped before the receiver, which it counts.
        let _forget = Forget { news: self, name };
        // An end of the channel is a doubt.
        let _ = told.wait_for(|generation| *generation > seen).await;
    }

    /// An entry of this generation was published.
    pub fn tell(&self, name: &Name, generation: u64) {
        if let Some(sender) = self.lock().get(name) {
            sender.send_if_modified(|known| {
                let newer = generation > *known;
                *known = generation.max(*known);
                newer
            });
        }
    }

    /// Publications may have been missed: everybody is to look.
    pub fn doubt(&self) {
        // Whoever waits next begins anew, with nothing known.
        for (_, sender) in self.lock().drain() {
            sender.send_replace(u64::MAX);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, watch::Sender<u64>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets a name once nobody waits for it.
struct Forget<'a> {
    news: &'a News,
    name: &'a Name,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        let mut names = self.news.lock();
        // The one that is leaving still counts.
        if names
            .get(self.name)
            .is_some_and(|sender| sender.receiver_count() <= 1)
        {
            names.remove(self.name);
        }
    }
}
