//! What an observer is told, and when.

use std::sync::{Arc, Mutex};

use hallpass_core::{
    Cached, Challenges, Error,
    observe::{Event, Observer, Roster, Watched},
};

use crate::common::{Hands, SECOND, Source, secs, token};

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    watched: Mutex<Option<Watched>>,
    roster: Roster,
}

impl Observer for Log {
    fn observe(&self, source: &str, event: &Event<'_>) {
        let line = match event {
            Event::Built { watched, .. } => {
                self.roster.add(source, watched.clone());
                *self.watched.lock().unwrap() = Some(watched.clone());
                "built".to_owned()
            }
            Event::Fetched {
                reason,
                duration,
                error,
                ..
            } => {
                let outcome = error.map_or("ok", Error::error_type);
                format!("{} {} s: {outcome}", reason.name(), duration.as_secs())
            }
            Event::Waited { duration, .. } => format!("waited {} s", duration.as_secs()),
            Event::Rejected { .. } => "rejected".to_owned(),
            Event::Replayed { cause, .. } => cause.name().to_owned(),
            _ => "other".to_owned(),
        };
        self.lines.lock().unwrap().push(line);
    }
}

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

fn observed(source: &Source) -> (Cached, Arc<Log>, Hands) {
    let (log, hands) = (Arc::new(Log::default()), Hands::new());
    let observer: Arc<dyn Observer> = Arc::clone(&log) as _;
    let cached = Cached::builder(source.clone()).clock(hands.clone());
    (cached.observer(observer).build(), log, hands)
}

#[tokio::test(start_paused = true)]
async fn each_fetch_wait_and_rejection_is_told_once() {
    let source = Source::tokens(secs(300)).taking(secs(2));
    let (cached, log, _) = observed(&source);
    assert_eq!(log.take(), ["built"]);
    let (one, other) = tokio::join!(cached.get(), cached.get());
    assert_eq!(one.unwrap().generation(), other.unwrap().generation());
    assert_eq!(log.take(), ["first 2 s: ok", "waited 2 s", "waited 2 s"]);
    for _ in 0..100 {
        cached.get().await.unwrap();
    }
    assert_eq!(log.take(), [""; 0]);

    let refused = cached.get().await.unwrap();
    for _ in 0..100 {
        cached.reject(&refused, &Challenges::default());
    }
    cached.get().await.unwrap();
    let told = log.take();
    assert_eq!(
        told.iter().filter(|line| *line == "rejected").count(),
        1,
        "{told:?}"
    );
    assert!(told.contains(&"rejected 2 s: ok".to_owned()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_with_its_type_and_a_caller_that_leaves_with_its_wait() {
    let source = Source::new(|_, _| Err(Error::permanent("no").with_type("invalid_client")));
    let (cached, log, _) = observed(&source);
    for _ in 0..3 {
        cached.get().await.unwrap_err();
    }
    let told = log.take();
    assert_eq!(told, ["built", "first 0 s: invalid_client", "waited 0 s"]);

    let source = Source::new(|n, _| Ok(token(n, secs(300)))).taking(secs(10));
    let (cached, log, _) = observed(&source);
    let leaves = tokio::time::timeout(SECOND, cached.get());
    leaves.await.unwrap_err();
    assert_eq!(log.take(), ["built", "waited 1 s"]);
}

#[tokio::test(start_paused = true)]
async fn a_look_does_not_keep_a_credential_alive() {
    let (cached, log, hands) = observed(&Source::tokens(secs(300)));
    assert_eq!(log.roster.remaining().len(), 0, "nothing was fetched");
    cached.get().await.unwrap();
    let watched = log.watched.lock().unwrap().clone().unwrap();
    assert_eq!(watched.stats().unwrap().fetches, 1);
    let before: Vec<_> = log.roster.remaining().into_values().collect();
    hands.pass(secs(100));
    let after: Vec<_> = log.roster.remaining().into_values().collect();
    assert_eq!(before[0], after[0] + secs(100));
    drop(cached);
    assert_eq!(watched.stats(), None);
    assert_eq!(log.roster.remaining().len(), 0);
}

#[test]
fn every_kind_of_error_has_a_type() {
    for (error, expected) in [
        (Error::timeout("late"), "timeout"),
        (Error::destination("elsewhere"), "destination"),
        (Error::possession("no key"), "possession"),
        (Error::unknown_key("who"), "unknown_key"),
        (Error::transient("a secret word"), "_OTHER"),
        (Error::configuration("wrong"), "_OTHER"),
        (
            Error::permanent("no")
                .with_type("http_403")
                .context("asking"),
            "http_403",
        ),
        (
            Error::transient(Error::timeout("late")).context("around"),
            "timeout",
        ),
    ] {
        assert_eq!(error.error_type(), expected, "{error:?}");
    }
}
