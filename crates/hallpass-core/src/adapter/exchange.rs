//! [`Exchange`]: one request's way through an adapter: attach, judge, renew and send again.

use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
};

use http::{Extensions, HeaderMap, Method, Request, StatusCode};

use super::{
    Acquire, Acquired, Answer, Authorizer, Demand, Evidence, Hop, Renewal, Target, Withheld,
    evidence::judge,
    own::Own,
    place::{Place, bound_elsewhere},
    target::destination,
};
use crate::{
    Cached, Challenges, Credential, Error, Origin, Rejected, Rejection,
    credential::attach_proof,
    origin::{Allowed, Destination},
    verdict::{GRPC_STATUS, Verdict, accepts, is_grpc},
};

/// The protocol state of one request that [may carry](super::Admission::Carry) a credential.
///
/// It owns all that it needs: the rules, the credential's identity, and what was spent of its
/// budgets. A request is sent again at most once because an earlier credential serves again, once
/// with a replacement, once with a new proof, and three times in all.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about one request, any of which may be true of it"
)]
pub struct Exchange {
    authorizer: Authorizer,
    /// The credential that the request has in place of the layer's.
    own: Option<Cached>,
    /// Whether it was found by the request's key.
    is_keyed: bool,
    place: Place,
    generation: u64,
    /// What hardly any request has.
    rare: Option<Box<Rare>>,
    /// Whether an acceptance of the credential is worth reporting.
    reports: bool,
    waited: bool,
    /// Whether the method is one that changes nothing (RFC 9110 §9.2.1).
    safe: bool,
    /// Whether the answer's head leaves open what became of the call.
    open: bool,
    fell_back: bool,
    replaced: bool,
    proved_again: bool,
    /// How often a credential of ours was put on it.
    sent: u8,
}

#[derive(Debug, Default)]
struct Rare {
    /// Of a credential with a proof: itself, and where the request goes.
    bound: Option<(Credential, Option<Origin>)>,
    demand: Option<Demand>,
}

/// Three sends: more never helped where these did not.
const MOST_SENDS: u8 = 3;

/// What became of an attempt to attach a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// It is on the request.
    Yes,
    /// The request has a header of the caller's own, which stays. It goes as it is, and its answer
    /// is none of ours.
    LeftAlone,
    /// There is none in hand: wait for one.
    NoneInHand,
}

/// What an adapter does with an answer.
#[derive(Debug)]
pub enum Next {
    /// Hand it to the caller, after [`report`](Exchange::report).
    Return,
    /// Wait for another credential with [`renewed`](Exchange::renewed). With one, send the request again, after
    /// [`attach_again`](Exchange::attach_again); without, this answer is the caller's.
    Renew(Renewal),
    /// Send the request again with the same credential and a new proof.
    Again(Acquired),
}

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
    /// Whether the request was sent more than once.
    pub replayed: bool,
}

/// Found among the extensions of a request that is sent again: how often it was sent before, for
/// `http.request.resend_count` of a span below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resend(pub u32);

impl Exchange {
    #[inline]
    pub(super) fn new(authorizer: &Authorizer, own: Option<Own>, place: Place) -> Self {
        let is_keyed = own.as_ref().is_some_and(|own| own.is_keyed);
        Self {
            authorizer: authorizer.clone(),
            own: own.map(|own| own.cached),
            is_keyed,
            place,
            generation: 0,
            rare: None,
            reports: false,
            waited: false,
            safe: false,
            open: false,
            fell_back: false,
            replaced: false,
            proved_again: false,
            sent: 0,
        }
    }

    /// The credential's keeper: the layer's, that of the request's key, or the one that it has
    /// brought.
    #[inline]
    pub fn cached(&self) -> &Cached {
        self.own.as_ref().unwrap_or(self.authorizer.cached())
    }

    /// What else than the usual answers refuses the credential by its source's word. An adapter that
    /// looks at bodies asks it.
    pub fn rejected(&self) -> &Rejected {
        &self.cached().description().rejected
    }

    /// Puts the credential in hand on a request that was not sent yet, if there is one; copies
    /// nothing but the header.
    ///
    /// # Errors
    /// If the credential is bound to another origin by now, or has a proof to make and can't.
    #[inline]
    pub fn attach<T: Target + ?Sized>(
        &mut self,
        method: &Method,
        target: &T,
        headers: &mut HeaderMap,
    ) -> Result<Attached, Error> {
        let attached = self.attach_in_hand(method.is_safe(), headers);
        if self.is_settled(attached) {
            return Ok(attached);
        }
        self.settle(attached, method, target, headers)
    }

    /// [`attach`](Self::attach) to a whole request, which is not taken apart: to move its parts
    /// would cost more than all the rest.
    ///
    /// # Errors
    /// As `attach`.
    #[inline]
    pub fn attach_to<B>(&mut self, request: &mut Request<B>) -> Result<Attached, Error> {
        let safe = request.method().is_safe();
        let attached = self.attach_in_hand(safe, request.headers_mut());
        if self.is_settled(attached) {
            return Ok(attached);
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        self.settle(attached, &method, &uri, request.headers_mut())
    }

    /// Attaches all of the credential but its proof, to which the credential itself stays behind.
    #[inline]
    fn attach_in_hand(&mut self, safe: bool, headers: &mut HeaderMap) -> Attached {
        let cached = self.own.as_ref().unwrap_or(self.authorizer.cached());
        let rules = self.authorizer.rules();
        let replace = rules.override_existing;
        let announced = &cached.description().header;
        let attached = cached.with_current(|current| {
            let credential = &current.credential;
            let own = !replace
                && credential.header_name() != announced
                && headers.contains_key(announced);
            if own || !current.attach(headers, replace) {
                return false;
            }
            self.generation = current.generation();
            self.reports = current.reports();
            if credential.proof().is_some() {
                self.rare.get_or_insert_default().bound = Some((credential.clone(), None));
            }
            true
        });
        match attached {
            Some(true) => {
                rules.trace.attached();
                self.safe = safe;
                self.sent = 1;
                Attached::Yes
            }
            None if replace || !headers.contains_key(announced) => Attached::NoneInHand,
            None | Some(false) => Attached::LeftAlone,
        }
    }

    /// Whether nothing is left to do: neither a binding nor a proof, as with nearly every request.
    #[inline]
    fn is_settled(&self, attached: Attached) -> bool {
        attached == Attached::Yes && !self.place.binds() && self.rare.is_none()
    }

    #[cold]
    fn settle<T: Target + ?Sized>(
        &mut self,
        attached: Attached,
        method: &Method,
        target: &T,
        headers: &mut HeaderMap,
    ) -> Result<Attached, Error> {
        match attached {
            Attached::NoneInHand => return Ok(attached),
            Attached::LeftAlone => return Ok(self.left_alone(target)),
            Attached::Yes => self.bind(target)?,
        }
        let bound = self.rare.as_mut().and_then(|rare| rare.bound.take());
        if let Some((credential, _)) = bound {
            self.prove(credential, method, target, headers)?;
        }
        Ok(attached)
    }

    /// Waits for a credential, after [`Attached::NoneInHand`]. A request that can be replayed may be
    /// given one under suspicion, to find out whether it still works.
    pub fn acquire(&self, replayable: bool) -> Acquire {
        Acquire::new(self.cached().acquire(replayable))
    }

    /// Puts the credential that a request has waited for on it. It is never
    /// [`NoneInHand`](Attached::NoneInHand).
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    pub fn attach_acquired<T: Target + ?Sized>(
        &mut self,
        acquired: Acquired,
        method: &Method,
        target: &T,
        headers: &mut HeaderMap,
    ) -> Result<Attached, Error> {
        let Acquired { credential, waited } = acquired;
        let rules = self.authorizer.rules();
        self.waited |= waited;
        if !rules.override_existing
            && (headers.contains_key(&self.cached().description().header)
                || credential.is_on(headers))
        {
            return Ok(self.left_alone(target));
        }
        self.bind(target)?;
        credential.attach_value(credential.header_value(), headers, true);
        self.authorizer.rules().trace.attached();
        self.generation = credential.generation();
        // Nobody has told yet whether it is new; to report an acceptance once too often costs one
        // lock.
        self.reports = true;
        self.safe = method.is_safe();
        self.sent += 1;
        if credential.proof().is_some() {
            self.prove(credential, method, target, headers)?;
        }
        Ok(Attached::Yes)
    }

    /// Waits for another credential than the refused one. Brings none if there is none to be had; then
    /// the answer that refused it is the caller's.
    ///
    /// # Cancel safety
    /// Dropping the future only stops the waiting. The fetch goes on and serves others.
    pub async fn renewed(&mut self, mut renewal: Renewal) -> Option<Acquired> {
        poll_fn(|context| self.poll_renewed(&mut renewal, context)).await
    }

    /// The same for futures that are polled by hand.
    pub fn poll_renewed(
        &mut self,
        renewal: &mut Renewal,
        context: &mut Context<'_>,
    ) -> Poll<Option<Acquired>> {
        let (acquired, waited) = ready!(renewal.poll(context));
        self.waited |= waited;
        Poll::Ready(acquired)
    }

    /// Puts a credential on the request once more, which has to be as bare as it came, and its
    /// ordinal into its extensions. If it says no, the answer in hand is the caller's.
    #[must_use]
    pub fn attach_again<T: Target + ?Sized>(
        &mut self,
        acquired: Acquired,
        method: &Method,
        target: &T,
        headers: &mut HeaderMap,
        extensions: &mut Extensions,
    ) -> bool {
        let before = self.sent;
        let attached = self.attach_acquired(acquired, method, target, headers);
        if !matches!(attached, Ok(Attached::Yes)) {
            return false;
        }
        extensions.insert(Resend(u32::from(before)));
        let cached = self.cached();
        cached.counters().replays.add();
        tracing::debug!(target: "hallpass", source = %cached.description().name, generation = self.generation, "replaying");
        true
    }

    /// Which one keeps the origin of the first use.
    fn binder(&self) -> &Cached {
        let own = self.own.as_ref().filter(|_| !self.is_keyed);
        own.unwrap_or(self.authorizer.cached())
    }

    #[cold]
    fn left_alone<T: Target + ?Sized>(&self, target: &T) -> Attached {
        let trace = &self.authorizer.rules().trace;
        trace.withheld(self.cached(), Withheld::OwnHeader, target);
        Attached::LeftAlone
    }

    /// The first request that carries a credential binds it, and no request that only meant to.
    #[cold]
    fn bind<T: Target + ?Sized>(&mut self, target: &T) -> Result<(), Error> {
        let parts = match (self.place, destination(target)) {
            (Place::Unbound, Destination::Known(parts)) => parts,
            (Place::At { binds: true }, _) => match &self.authorizer.rules().at {
                Some(at) => at.parts(),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        let bound = self.binder().first_used(|| parts.to_origin());
        if !bound.is(&parts) {
            return Err(bound_elsewhere(bound, &parts));
        }
        self.place = match self.place {
            Place::Unbound => Place::Bound,
            place => Place::at(place),
        };
        Ok(())
    }

    #[cold]
    fn prove<T: Target + ?Sized>(
        &mut self,
        credential: Credential,
        method: &Method,
        target: &T,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        let uri = target.to_uri()?;
        let Some(proof) = credential.proof() else {
            return Ok(());
        };
        let proved = match (&self.authorizer.rules().at, uri.authority()) {
            // The server checks the URI that it sees, with scheme and host.
            (Some(at), None) => proof.prove(method, &at.complete(&uri)?)?,
            _ => proof.prove(method, &uri)?,
        };
        attach_proof(&**proof, proved, headers);
        let origin = match (destination(target), &self.authorizer.rules().at) {
            (Destination::Known(parts), _) => Some(parts.to_origin()),
            (Destination::Unstated, at) => at.clone(),
            (Destination::Foreign(_), _) => None,
        };
        self.rare.get_or_insert_default().bound = Some((credential, origin));
        Ok(())
    }

    /// Which hop gave an answer that something below says to come from this URI, after it has
    /// followed redirects or not.
    pub fn hop<T: Target + ?Sized>(&self, answered: &T) -> Hop {
        let parts = match destination(answered) {
            Destination::Known(parts) => parts,
            Destination::Unstated => return Hop::Followed,
            Destination::Foreign(_) => return Hop::Elsewhere,
        };
        let rules = self.authorizer.rules();
        let ours = match (self.place, rules.allowed(self.own.as_ref())) {
            (Place::Listed(at), Allowed::Only(set)) => {
                set.get(at as usize).is_some_and(|origin| origin.is(&parts))
            }
            (Place::At { .. }, _) => rules.at.as_ref().is_some_and(|at| at.is(&parts)),
            (Place::Hashed(_), _) => self.place == Place::hashed(&parts),
            (Place::Unknown, _) => true,
            _ => self.binder().bound_to().iter().any(|one| one.is(&parts)),
        };
        if ours { Hop::Followed } else { Hop::Elsewhere }
    }

    /// Judges an answer, and tells the engine. `replayable` says whether the adapter could send the
    /// request again; it is only asked if that matters.
    #[inline]
    pub fn answered(&mut self, answer: &Answer<'_>, replayable: impl FnOnce() -> bool) -> Next {
        // Nothing of ours was on it: it was left alone, or its client did not send it at all.
        let verdict = if answer.hop == Hop::Elsewhere || self.sent == 0 {
            return Next::Return;
        } else if answer.refused_by_body {
            Verdict::Reject
        } else {
            let Answer {
                status, headers, ..
            } = *answer;
            judge(&self.authorizer, self.own.as_ref(), status, headers)
        };
        // Every answer may bring what the next proof needs.
        let can_prove = self.rare.is_some() && self.observed(answer);
        match verdict {
            Verdict::Keep => {
                let rules = self.authorizer.rules();
                if self.reports || rules.evidence || answer.status.is_client_error() {
                    self.kept(answer);
                }
                Next::Return
            }
            Verdict::ProveAgain if can_prove => self.prove_again(answer, replayable),
            Verdict::ProveAgain => Next::Return,
            Verdict::Reject => self.refused(answer, replayable),
        }
    }

    /// What else a good answer tells; most tell nothing.
    #[cold]
    fn kept(&mut self, answer: &Answer<'_>) {
        let Answer {
            status, headers, ..
        } = *answer;
        if self.reports && accepts(status, headers) {
            self.cached().accept_generation(self.generation);
        }
        if self.authorizer.rules().evidence {
            self.open =
                status == StatusCode::OK && is_grpc(headers) && !headers.contains_key(GRPC_STATUS);
        }
        if status.is_client_error()
            && let Some(demand) = Demand::of(status, headers)
        {
            self.rare.get_or_insert_default().demand = Some(demand);
        }
    }

    #[cold]
    fn observed(&self, answer: &Answer<'_>) -> bool {
        let bound = self.rare.as_ref().and_then(|rare| rare.bound.as_ref());
        let Some((credential, Some(origin))) = bound else {
            return false;
        };
        credential
            .proof()
            .is_some_and(|proof| proof.answered(origin, answer.status, answer.headers))
    }

    #[cold]
    fn prove_again(&mut self, answer: &Answer<'_>, replayable: impl FnOnce() -> bool) -> Next {
        let bound = self.rare.as_ref().and_then(|rare| rare.bound.as_ref());
        let Some((credential, _)) = bound else {
            return Next::Return;
        };
        let credential = credential.clone();
        if self.proved_again || !self.may_send_again(answer, replayable) {
            return Next::Return;
        }
        self.proved_again = true;
        Next::Again(Acquired {
            credential,
            waited: false,
        })
    }

    #[cold]
    fn refused(&mut self, answer: &Answer<'_>, replayable: impl FnOnce() -> bool) -> Next {
        if self.replaced {
            // The refusal of a replay drops nothing: the fault may well be the request's own.
            self.cached().replacement_refused(self.generation);
            return Next::Return;
        }
        let challenges = Challenges::of(answer.headers);
        let rejection = self
            .cached()
            .reject_generation(self.generation, &challenges);
        let spent = match rejection {
            Rejection::Kept => return Next::Return,
            Rejection::FellBack => self.fell_back,
            Rejection::Suspected | Rejection::Superseded => false,
        };
        if spent || !self.may_send_again(answer, replayable) {
            return Next::Return;
        }
        match rejection {
            Rejection::FellBack => self.fell_back = true,
            _ => self.replaced = true,
        }
        Next::Renew(Renewal::of(self.cached(), self.generation))
    }

    /// Only the hop that answered says that it did nothing. Behind a follower it need not be the one
    /// that would be sent to again.
    fn may_send_again(&self, answer: &Answer<'_>, replayable: impl FnOnce() -> bool) -> bool {
        self.sent < MOST_SENDS && (self.safe || answer.hop == Hop::Sent) && replayable()
    }

    /// Puts what the caller is to know into the extensions of the response that it gets.
    #[inline]
    pub fn report(&mut self, extensions: &mut Extensions) {
        let attempt = self.waited || self.sent > 1 || self.authorizer.rules().report;
        if self.sent > 0 && (attempt || self.open || self.rare.is_some()) {
            self.report_to(extensions, attempt);
        }
    }

    #[cold]
    fn report_to(&mut self, extensions: &mut Extensions, attempt: bool) {
        if attempt {
            extensions.insert(Attempt {
                generation: self.generation,
                waited: self.waited,
                replayed: self.sent > 1,
            });
        }
        if self.open {
            extensions.insert(Evidence::new(
                &self.authorizer,
                self.own.as_ref(),
                self.generation,
                self.reports,
            ));
        }
        if let Some(rare) = &mut self.rare
            && let Some(demand) = rare.demand.take()
        {
            extensions.insert(demand);
        }
    }
}
