//! Which public types may cross threads, and which may move while they are polled.

use hallpass_core::{
    Attempt, Authorizer, Cached, Challenge, Challenges, Choices, Clock, Credential, Demand,
    Description, Error, Fetch, Get, Moment, Origin, Policy, Proof, Reason, Rejection, Resend,
    Stats, SystemClock,
    adapter::{
        Acquired, Admission, AnsweredBy, CallError, Evidence, Exchange, FreshProof, Processed,
        Sharded, Snapshot, Verdict,
    },
    cached::{Builder, KeepWarm},
};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn lasting<T: 'static>() {}

macro_rules! shared {
    ($($type:ty),+ $(,)?) => {$(
        send::<$type>();
        sync::<$type>();
        unpin::<$type>();
        lasting::<$type>();
    )+};
}

#[test]
fn all_but_the_future_are_shared() {
    shared!(
        Acquired,
        AnsweredBy,
        Attempt,
        Authorizer,
        Builder,
        Cached,
        Challenge,
        Challenges,
        Credential,
        Description,
        Error,
        CallError<Error>,
        Choices,
        Demand,
        Evidence,
        Fetch,
        FreshProof,
        KeepWarm,
        Moment,
        Origin,
        Policy,
        Processed,
        Reason,
        Rejection,
        Stats,
        SystemClock,
        Resend,
        Sharded<Cached>,
        Snapshot,
        Verdict,
        Box<dyn Clock>,
        Box<dyn Proof>,
    );
}

#[test]
fn the_future_may_go_to_another_thread_and_needs_no_pin() {
    send::<Get>();
    unpin::<Get>();
    lasting::<Get>();
    send::<Admission>();
    send::<Exchange>();
    unpin::<Exchange>();
    lasting::<Exchange>();
}

#[test]
fn an_error_is_one_for_everybody() {
    fn futures_are_send<F: Future + Send>(_: &F) {}
    fn boxed(error: Error) -> Box<dyn std::error::Error + Send + Sync> {
        error.into()
    }
    assert!(boxed(Error::timeout("late")).is::<Error>());
    let cached = Cached::new(
        Credential::bearer("token")
            .expect("a token")
            .never_expires(),
    );
    futures_are_send(&cached.get_within(std::time::Duration::ZERO));
}
