//! [`Exchange`]: one request's way through an adapter: attach, judge, renew and send again.

mod attach;
mod judge;
mod prove;

use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
};

use http::Extensions;

use super::{
    Acquired, Attempt, Authorizer, Demand, Evidence, Renewal, bound::Bound, own::Own, place::Place,
};
use crate::{Cached, Rejected, observe::ReplayCause};

/// The protocol state of one request that [may carry](super::Admission::Carry) a credential.
///
/// It owns all that it needs: the rules, the credential's identity, and what was spent of its
/// budgets. A request is sent three times at most: again at most once because an earlier credential
/// serves again, and once with a new proof. The refusal of a replacement that was fetched for it
/// is the last word.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about one request, any of which may be true of it"
)]
pub struct Exchange {
    authorizer: Authorizer,
    /// The credential that the request has in place of the layer's.
    own: Option<Own>,
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
    /// Why it is sent again, if it is.
    cause: ReplayCause,
    /// How often a credential of ours was put on it.
    sent: u8,
}

#[derive(Debug, Default)]
struct Rare {
    bound: Option<Bound>,
    /// The generation of the credential that was dropped because of what it is bound to.
    dropped: Option<u64>,
    demand: Option<Demand>,
}

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

/// What an adapter does with an answer: nearly always the first, which the other two are boxed for.
#[derive(Debug)]
pub enum Next {
    /// Hand it to the caller, after [`report`](Exchange::report).
    Return,
    /// Wait for another credential with [`renewed`](Exchange::renewed). With one, send the request again, after
    /// [`attach_again`](Exchange::attach_again); without, this answer is the caller's.
    Renew(Box<Renewal>),
    /// Send the request again with the same credential and a new proof.
    Again(Box<Acquired>),
}

impl Exchange {
    #[inline]
    pub(super) fn new(authorizer: &Authorizer, own: Option<Own>, place: Place) -> Self {
        Self {
            authorizer: authorizer.clone(),
            own,
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
            cause: ReplayCause::Renewed,
            sent: 0,
        }
    }

    /// The credential's keeper: the layer's, that of the request's key, or the one that it has
    /// brought.
    #[inline]
    pub fn cached(&self) -> &Cached {
        self.own().unwrap_or(self.authorizer.cached())
    }

    #[inline]
    fn own(&self) -> Option<&Cached> {
        self.own.as_ref().map(|own| &own.cached)
    }

    /// Which one keeps the origin of the first use.
    fn binder(&self) -> &Cached {
        self.authorizer.rules().binder(self.own.as_ref())
    }

    /// What else than the usual answers refuses the credential by its source's word. An adapter that
    /// looks at bodies asks it.
    pub fn rejected(&self) -> &Rejected {
        &self.cached().description().rejected
    }

    /// Waits for another credential than the refused one. Brings none if there is none to be had; then
    /// the answer that refused it is the caller's.
    ///
    /// # Cancel safety
    /// Dropping the future only stops the waiting. The fetch goes on and serves others.
    pub async fn renewed(&mut self, mut renewal: Box<Renewal>) -> Option<Acquired> {
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
            let bound = self.rare.as_mut().and_then(|rare| rare.bound.take());
            extensions.insert(Evidence::new(
                &self.authorizer,
                self.own(),
                self.generation,
                self.reports,
                bound,
            ));
        }
        if let Some(rare) = &mut self.rare
            && let Some(demand) = rare.demand.take()
        {
            extensions.insert(demand);
        }
    }
}
