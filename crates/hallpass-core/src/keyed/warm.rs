//! [`Keyed::warm`]: credentials for a list of keys before anybody asks for them.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use super::{Key, Keyed};
use crate::{Error, Get};

/// More than run at once against one endpoint, so that several endpoints get on side by side.
const AT_ONCE: usize = 256;

impl<K: Key> Keyed<K> {
    /// Fetches a credential for each of these keys that has none in hand: at a start, or before a
    /// batch. They are fetched side by side, as many at once as may be. Once fetched they are
    /// renewed when they are used, and may be evicted like any other.
    ///
    /// # Errors
    /// The keys that have none now, each with the reason.
    ///
    /// # Cancel safety
    /// Dropping the future stops the waiting and starts no more fetches. Those that have begun go
    /// on.
    pub async fn warm(&self, keys: impl IntoIterator<Item = K>) -> Result<(), Vec<(K, Error)>> {
        let mut keys = keys.into_iter();
        let mut waiting: Vec<(K, Get)> = Vec::new();
        let mut failed = Vec::new();
        loop {
            while waiting.len() < AT_ONCE
                && let Some(key) = keys.next()
            {
                match self.get(&key) {
                    Ok(cached) => waiting.push((key, cached.get())),
                    Err(error) => failed.push((key, error)),
                }
            }
            if waiting.is_empty() {
                break;
            }
            poll_fn(|context| poll_any(&mut waiting, &mut failed, context)).await;
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(failed)
        }
    }
}

/// Takes out all that are over; ready if any is.
fn poll_any<K>(
    waiting: &mut Vec<(K, Get)>,
    failed: &mut Vec<(K, Error)>,
    context: &mut Context<'_>,
) -> Poll<()> {
    let before = waiting.len();
    let mut at = 0;
    while let Some((_, get)) = waiting.get_mut(at) {
        let Poll::Ready(outcome) = Pin::new(get).poll(context) else {
            at += 1;
            continue;
        };
        let (key, _) = waiting.swap_remove(at);
        if let Err(error) = outcome {
            failed.push((key, error));
        }
    }
    if waiting.len() < before {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}
