//! Holding the lease: fetch, keep the lease meanwhile, publish.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use hallpass_core::{Credential, Error, Identified};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    entry::pack,
    fetch::SharedFetch,
    known::Given,
    seal::seal,
    store::{LONGEST_TERM, Lease, LeaseRequest, Leased, Outcome, Published},
};

/// For how long nobody asks again after a transient failure without a hint of the issuer's: 1 s.
const PAUSE: Duration = Duration::from_secs(1);

/// A lease by this process's clock.
#[derive(Debug, Clone, Copy)]
struct HeldLease {
    lease: Lease,
    /// When the grant arrived.
    since: Instant,
    /// When it ends unless it is renewed: counted from when it was asked for, so never too late.
    ends: Instant,
}

impl HeldLease {
    fn new(lease: Lease, asked: Instant, term: Duration) -> Self {
        Self {
            lease,
            since: Instant::now(),
            ends: asked.checked_add(term).unwrap_or(asked),
        }
    }

    /// The moment in so long, by the store's clock. Counted from when the grant arrived, so never
    /// too late.
    fn store_time_in(&self, time: Duration) -> u64 {
        let passed = self.since.elapsed().saturating_add(time).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.lease.now.saturating_add(passed)
    }
}

impl<S: Identified> SharedFetch<'_, S> {
    /// Fetches on behalf of the fleet.
    ///
    /// `asked` says when the lease was asked for.
    pub(crate) async fn hold(
        &mut self,
        request: &LeaseRequest,
        lease: Lease,
        asked: Instant,
    ) -> Result<Credential, Error> {
        self.common.count(|counters| &counters.leased);
        tracing::debug!(target: "hallpass", name = %self.place.name, fence = lease.fence, "fetching for the fleet");
        let held = Mutex::new(HeldLease::new(lease, asked, request.term));
        let fetched = tokio::select! {
            biased;
            () = self.keep(request, &held) => None,
            outcome = self.ask() => Some(outcome),
        };
        let held = *held.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Some(Ok((credential, asked))) => self.publish(&held, credential, asked.elapsed()).await,
            Some(Err(error)) => {
                let pause = pause_after(&error);
                drop(self.end(&held, &Outcome::Failure(pause)).await);
                Err(error)
            }
            // Only one may ask, and that is another now, or may be.
            None => Err(Error::transient(
                "the lease of the shared credential was lost, and this issuer lets one process at a time ask",
            )),
        }
    }

    /// Asks the source; returns when that began, too.
    async fn ask(&self) -> Result<(Credential, Instant), Error> {
        self.why.take_turn().await;
        self.why.sending()?;
        let asked = Instant::now();
        let credential = self.source.fetch(self.why).await?;
        Ok((credential, asked))
    }

    /// Keeps the lease. Ends only where one that is lost, or has run out, forbids to go on.
    async fn keep(&self, request: &LeaseRequest, held: &Mutex<HeldLease>) {
        if !self.settings.only_through_store {
            return self.renew(request, held).await;
        }
        let ends = || held.lock().unwrap_or_else(PoisonError::into_inner).ends;
        let run_out = async {
            while Instant::now() < ends() {
                sleep_until(ends()).await;
            }
        };
        tokio::select! {
            biased;
            // Nothing was heard of the store for a whole term: another process may have it by now.
            () = run_out => {}
            () = self.renew(request, held) => {}
        }
    }

    /// Renews the lease at each third of its term. Ends only where a lost one forbids to go on.
    async fn renew(&self, request: &LeaseRequest, held: &Mutex<HeldLease>) {
        loop {
            sleep(request.term / 3).await;
            let asked = Instant::now();
            match self.common.store.lease(&self.place.name, request).await {
                Ok(Leased::Granted(lease)) => {
                    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                    // A lease that is granted anew has another number. If an entry has come between,
                    // what this fetch brings is older than that: its own number says so.
                    if lease.fence == held.lease.fence || lease.generation <= held.lease.fence {
                        *held = HeldLease::new(lease, asked, request.term);
                    }
                }
                Ok(Leased::Newer(_) | Leased::Held(_) | Leased::Paused(_))
                    if self.settings.only_through_store =>
                {
                    return;
                }
                // It goes on: what it brings is refused if it comes too late.
                Ok(_) | Err(_) => {}
            }
        }
    }

    async fn publish(
        &mut self,
        held: &HeldLease,
        credential: Credential,
        age: Duration,
    ) -> Result<Credential, Error> {
        let fence = held.lease.fence;
        let packed = pack(
            &credential,
            self.place.key.as_deref(),
            age,
            SystemTime::now(),
            self.wanted.refused_up_to,
        );
        let sealed = packed.and_then(|packed| {
            let sealed = seal(&self.common.keys, &self.place.name, fence, &packed.plain).ok()?;
            Some((sealed, packed.left))
        });
        let Some((sealed, left)) = sealed else {
            drop(self.end(held, &Outcome::Failure(Duration::ZERO)).await);
            return Ok(self.unpublished(credential));
        };
        let ends = held.store_time_in(left);
        match self.end(held, &Outcome::Entry { sealed, ends }).await {
            Ok(Published::Done) => {
                let known = &self.common.known;
                known.saw(fence);
                known.give(Given::new(&credential, fence, true, Some(left)));
                Ok(credential)
            }
            Ok(Published::Refused(snapshot)) => {
                // Another process has taken its place meanwhile.
                self.wanted.newer_than = self.wanted.newer_than.max(fence);
                let newer = snapshot
                    .entry
                    .as_ref()
                    .filter(|entry| entry.generation > fence)
                    .and_then(|entry| self.usable(entry, snapshot.refused));
                match newer {
                    Some(newer) => {
                        self.common.count(|counters| &counters.superseded);
                        Ok(newer)
                    }
                    None => Ok(self.unpublished(credential)),
                }
            }
            Err(_) => Ok(self.unpublished(credential)),
        }
    }

    fn end(
        &self,
        held: &HeldLease,
        outcome: &Outcome,
    ) -> impl Future<Output = Result<Published, Error>> + Send {
        let store = &self.common.store;
        store.publish(&self.place.name, held.lease.fence, outcome)
    }

    fn unpublished(&self, credential: Credential) -> Credential {
        self.common.count(|counters| &counters.unpublished);
        self.give_own(&credential);
        credential
    }
}

/// How long the fleet leaves the issuer alone after a failure. A permanent one may be this process's
/// own, such as a wrong secret, and holds nobody else up. However long a pause the issuer hints at,
/// the next process to ask after [`LONGEST_TERM`] learns whether it goes on.
fn pause_after(error: &Error) -> Duration {
    if error.is_permanent() {
        return Duration::ZERO;
    }
    error.retry_after().unwrap_or(PAUSE).min(LONGEST_TERM)
}
