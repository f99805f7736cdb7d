//! [`Exchange`]: one request's way through an adapter: attach, judge, renew and replay at most once.

use http::{HeaderMap, Method, StatusCode, Uri};

use crate::{Authorizer, Challenges, Credential, Rejection, Verdict, cached::Current};

/// What a request needs to know about its own credential, found among the response's extensions.
///
/// A response that took more than the credential in hand always has one; see
/// [`Authorizer::report_attempts`] to have one on every response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The generation of the credential that the answered request carried.
    pub generation: u64,
    /// Whether the request waited for a credential.
    pub waited: bool,
    /// Whether the request was sent a second time.
    pub replayed: bool,
}

/// The protocol state of one request. Adapters drive it; it decides.
///
/// ```text
/// attach ──▶ send ──▶ answered ──▶ Next::Return
///                         └──────▶ Next::Renew: wait for a credential; is_news?
///                                  attach_again, send, answered ──▶ Next::Return
/// ```
#[derive(Debug, Default)]
pub struct Exchange {
    generation: u64,
    probation: bool,
    waited: bool,
    replayed: bool,
}

/// Whether a server that looked at the credential gave this answer, rather than something before it.
fn reached_the_api(status: StatusCode) -> bool {
    use StatusCode as S;
    let before = [S::PROXY_AUTHENTICATION_REQUIRED, S::TOO_MANY_REQUESTS];
    !(status.is_server_error() || before.contains(&status))
}

/// What became of an attempt to attach the credential in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// It is on the request.
    Yes,
    /// The request has a header of the caller's own, which stays.
    LeftAlone,
    /// There is none in hand: wait for one.
    NoneInHand,
}

/// What an adapter does with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Hand it to the caller.
    Return,
    /// Get a credential, and if [it is news](Exchange::is_news) send the request once more.
    Renew,
}

impl Exchange {
    /// A request that has not been sent yet.
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the credential in hand on a request, if there is one; copies nothing but the header.
    pub fn attach_current(&mut self, authorizer: &Authorizer, headers: &mut HeaderMap) -> bool {
        self.attach_in_hand(authorizer, headers, true) == Attached::Yes
    }

    /// The same for a request that only [`Authorizer::admit_to`] has looked at: finds a header of
    /// the caller's own by the way.
    #[inline]
    pub fn attach_unless_present(
        &mut self,
        authorizer: &Authorizer,
        headers: &mut HeaderMap,
    ) -> Attached {
        self.attach_in_hand(authorizer, headers, authorizer.overrides())
    }

    #[inline]
    fn attach_in_hand(
        &mut self,
        authorizer: &Authorizer,
        headers: &mut HeaderMap,
        replace: bool,
    ) -> Attached {
        let attached = authorizer.cached().with_current(|current| {
            self.carries(current);
            current.attach(headers, replace)
        });
        match attached {
            Some(true) => Attached::Yes,
            Some(false) => Attached::LeftAlone,
            None => Attached::NoneInHand,
        }
    }

    #[inline]
    fn carries(&mut self, current: &Current) {
        self.generation = current.generation();
        self.probation = current.reports();
    }

    /// Puts a credential that the request waited for on it.
    pub fn attach(
        &mut self,
        credential: &Credential,
        method: &Method,
        uri: &Uri,
        headers: &mut HeaderMap,
    ) {
        credential.attach(method, uri, headers);
        self.generation = credential.generation();
        // It may be the first after a rejection; to say so once too often costs one lock.
        self.probation = true;
    }

    /// Notes that the request had to wait for a credential.
    pub fn waited(&mut self) {
        self.waited = true;
    }

    /// Judges an answer, and tells the engine. `replayable` says whether the adapter could send
    /// the request again.
    #[inline]
    pub fn answered(
        &mut self,
        authorizer: &Authorizer,
        status: StatusCode,
        headers: &HeaderMap,
        replayable: bool,
    ) -> Next {
        if authorizer.judge(status, headers) == Verdict::Keep {
            if self.probation && reached_the_api(status) {
                authorizer.cached().accept_generation(self.generation);
            }
            return Next::Return;
        }
        self.refused(authorizer, headers, replayable)
    }

    /// An answer that refuses the credential in a way that only the adapter could see, such as
    /// within its body.
    pub fn refused(
        &mut self,
        authorizer: &Authorizer,
        headers: &HeaderMap,
        replayable: bool,
    ) -> Next {
        let challenges = Challenges::of(headers);
        let rejection = authorizer
            .cached()
            .reject_generation(self.generation, &challenges);
        if rejection == Rejection::Kept || self.replayed || !replayable {
            return Next::Return;
        }
        Next::Renew
    }

    /// Whether this credential is worth a second try. One of the generation that was refused is
    /// not: then the first answer stands.
    pub fn is_news(&self, credential: &Credential) -> bool {
        credential.generation() != self.generation
    }

    /// Puts another credential on the request, in place of the refused one, for its replay.
    pub fn attach_again(
        &mut self,
        authorizer: &Authorizer,
        credential: &Credential,
        method: &Method,
        uri: &Uri,
        headers: &mut HeaderMap,
    ) {
        self.attach(credential, method, uri, headers);
        self.replayed = true;
        let cached = authorizer.cached();
        cached.counters().replays.add();
        tracing::debug!(target: "hallpass", source = %cached.description().name, generation = self.generation, "replaying");
    }

    /// What to tell the caller, if the authorizer wants it told.
    #[inline]
    pub fn report(&self, authorizer: &Authorizer) -> Option<Attempt> {
        (self.waited || self.replayed || authorizer.reports_all()).then_some(Attempt {
            generation: self.generation,
            waited: self.waited,
            replayed: self.replayed,
        })
    }
}
