//! What scenes are made of: an issuer, threads with runtimes, and what must hold when all is over.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Waker},
    time::Duration,
};

use super::super::Cached;
use crate::{
    Credential, CredentialSource, Error, Fetch,
    sync::{Handle, model::time::ModelClock},
};

/// Gives a new token at each request, good for five minutes.
#[derive(Clone, Default)]
pub(super) struct Issuer(Arc<Counts>);

#[derive(Default)]
struct Counts {
    asked: AtomicU64,
    requests: AtomicU64,
}

impl Issuer {
    /// How many requests have left.
    pub(super) fn requests(&self) -> u64 {
        self.0.requests.load(SeqCst)
    }
}

impl CredentialSource for Issuer {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        self.0.asked.fetch_add(1, SeqCst);
        shuttle::future::yield_now().await;
        why.sending()?;
        let n = self.0.requests.fetch_add(1, SeqCst) + 1;
        shuttle::future::yield_now().await;
        Ok(Credential::bearer(&format!("token-{n}"))?.lives_for(Duration::from_secs(300)))
    }
}

pub(super) fn cold() -> (Cached, Issuer) {
    let issuer = Issuer::default();
    let cached = Cached::builder(issuer.clone()).clock(ModelClock).build();
    (cached, issuer)
}

/// With a first token, which an answer has accepted.
pub(super) fn warm() -> (Cached, Issuer) {
    let (cached, issuer) = cold();
    let first = Handle::new().block_on(cached.get()).unwrap();
    cached.accept(&first);
    (cached, issuer)
}

/// A thread that drives a runtime.
pub(super) fn thread<F>(
    runtime: &Handle,
    future: impl FnOnce() -> F + Send + 'static,
) -> shuttle::thread::JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static>,
{
    let runtime = runtime.clone();
    shuttle::thread::spawn(move || runtime.block_on(future()))
}

/// Asks for a credential and goes away before it comes.
pub(super) fn ask_and_leave(runtime: &Handle, cached: &Cached) {
    let entered = runtime.enter();
    let mut get = Box::pin(cached.get());
    let polled = get.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop((polled, get, entered));
}

/// The engine is in order, and serves whoever comes next.
pub(super) fn is_in_order(cached: &Cached) {
    let last = Handle::new().block_on(cached.get()).unwrap();
    let shared = &cached.shared;
    assert_eq!(shared.waiting.load(SeqCst), 0, "somebody is still counted");
    let state = shared.lock();
    let visible = state.machine.visible().map(|one| one.generation());
    let slot = shared.slot.load_full().map(|one| one.generation());
    assert_eq!(slot, visible, "readers see what the machine says");
    assert!(visible.is_none_or(|visible| visible >= last.generation()));
    let pending = state.pending.as_ref().map(|pending| pending.number());
    assert!(
        state
            .machine
            .pending()
            .is_none_or(|number| pending == Some(number)),
        "a fetch that nobody can give up"
    );
}
