//! What the engine calls may call the engine: a subscriber, a clock and a proof of the user's.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

#[path = "it/common/mod.rs"]
mod common;

use std::{
    cell::Cell,
    io,
    sync::{Arc, OnceLock, mpsc},
    time::Duration,
};

use common::{HOUR, Hands, Source, flaky, secs, settle};
use hallpass_core::{Cached, Challenges, Clock, Credential, Error, Moment, Origin, Proof};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

/// Does what takes the engine's lock, unless it was called for that.
#[derive(Clone, Default)]
struct Nosy(Arc<OnceLock<Cached>>);

impl Nosy {
    fn look(&self) {
        thread_local!(static LOOKS: Cell<bool> = const { Cell::new(false) });
        if let Some(cached) = self.0.get()
            && !LOOKS.replace(true)
        {
            let _ = (cached.stats(), cached.try_get());
            cached.accept_generation(u64::MAX);
            LOOKS.set(false);
        }
    }
}

struct NosyClock(Hands, Nosy);

impl Clock for NosyClock {
    fn now(&self) -> Moment {
        self.1.look();
        self.0.now()
    }
}

struct NosyProof(Nosy);

impl Proof for NosyProof {
    fn header(&self) -> &HeaderName {
        static NAME: HeaderName = HeaderName::from_static("dpop");
        &NAME
    }

    fn prove(&self, _: &Method, _: &Uri) -> Result<HeaderValue, Error> {
        self.0.look();
        Ok(HeaderValue::from_static("proof"))
    }

    fn answered(&self, _: &HeaderValue, _: &Origin, _: StatusCode, _: &HeaderMap) -> bool {
        self.0.look();
        false
    }
}

impl Drop for NosyProof {
    fn drop(&mut self) {
        self.0.look();
    }
}

/// `clock_looks` hides what looks within: nobody looks while another one does.
async fn a_life(nosy: Nosy, clock_looks: bool) {
    let hands = Hands::new();
    let proofs = nosy.clone();
    let source = Source::new(move |n, _| {
        let bound = Credential::dpop(&format!("token-{n}"), NosyProof(proofs.clone()))?;
        Ok(bound.lives_for(secs(300)))
    });
    let builder = Cached::builder(source.clone());
    let builder = if clock_looks {
        builder.clock(NosyClock(hands.clone(), nosy.clone()))
    } else {
        builder.clock(hands.clone())
    };
    let cached = builder.build();
    assert!(nosy.0.set(cached.clone()).is_ok());
    let first = cached.get().await.unwrap();
    cached.accept(&first);
    hands.pass(secs(245));
    cached.get().await.unwrap();
    settle().await;
    let second = cached.get().await.unwrap();
    cached.reject(&second, &Challenges::default());
    cached.get().await.unwrap();
    // The engine has the last of them.
    drop((first, second));
    source.answer(|_, _| Err(flaky()));
    hands.pass(HOUR);
    cached
        .get_within(Duration::from_millis(10))
        .await
        .unwrap_err();
    cached.renew().await.unwrap_err();
}

#[test]
fn nothing_of_the_user_s_runs_under_the_lock() {
    for clock_looks in [true, false] {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            live(clock_looks);
            sender.send(()).unwrap();
        });
        let ended = receiver.recv_timeout(Duration::from_secs(20));
        ended.expect("it ends, and no lock is taken twice");
    }
}

/// Where the clock looks, a subscriber does too.
fn live(clock_looks: bool) {
    let nosy = Nosy::default();
    let writes = nosy.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || {
            if clock_looks {
                writes.look();
            }
            io::sink()
        })
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(a_life(nosy, clock_looks));
    });
}
