//! Puts a credential on a request: the one in hand, one that the request has waited for, or another
//! one because a server has refused the first.

use http::{Extensions, HeaderMap, Method, Request};

use super::{Attached, Exchange};
use crate::{
    Challenges, Error,
    adapter::{
        Acquire, Acquired, Resend, Target, Withheld,
        bound::Bound,
        place::{Place, bound_elsewhere},
    },
    origin::Destination,
    target::destination,
};

impl Exchange {
    /// Puts the credential in hand on a request that was not sent yet, if there is one; copies
    /// nothing but the header.
    ///
    /// # Errors
    /// If the credential is bound to another origin by now, has a proof to make and can't, or works
    /// only with a certificate that the client is [not known](crate::Authorizer::client_certificate) to
    /// present.
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
        let attached = self.settle(attached, &method, &uri, request.headers_mut())?;
        self.offer_proofs(request.extensions_mut());
        Ok(attached)
    }

    /// Attaches all of the credential but its proof; what is bound stays behind for that.
    #[inline]
    fn attach_in_hand(&mut self, safe: bool, headers: &mut HeaderMap) -> Attached {
        let cached = self
            .own
            .as_ref()
            .map_or(self.authorizer.cached(), |own| &own.cached);
        let rules = self.authorizer.rules();
        let replace = rules.override_existing;
        let description = cached.description();
        let attached = cached.with_current(|current| {
            let credential = &current.credential;
            let announced = &description.header;
            let own = !replace
                && (credential.header_name() != announced && headers.contains_key(announced)
                    || description
                        .beside
                        .iter()
                        .any(|name| headers.contains_key(name)));
            if own || !current.attach(headers, replace) {
                return false;
            }
            self.generation = current.generation();
            self.reports = current.reports();
            if credential.is_bound() {
                self.rare.get_or_insert_default().bound = Some(credential.clone().into());
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
            None if replace || !description.is_on(headers) => Attached::NoneInHand,
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
            Attached::LeftAlone => return Ok(self.left_alone(target, headers)),
            Attached::Yes => self.bind(target)?,
        }
        let bound = self.rare.as_mut().and_then(|rare| rare.bound.take());
        if let Some(credential) = bound.map(Bound::into_credential) {
            if self.outlived_its_certificate(&credential) {
                credential.detach(headers);
                return Ok(Attached::NoneInHand);
            }
            self.show(credential, method, target, headers)?;
        }
        Ok(attached)
    }

    /// Waits for a credential, after [`Attached::NoneInHand`]. A request that can be replayed may be
    /// given one under suspicion, to find out whether it still works.
    pub fn acquire(&self, replayable: bool) -> Acquire {
        // Others may go with what this one has dropped.
        if let Some(dropped) = self.dropped() {
            return Acquire::new(self.cached().get_other_than(dropped));
        }
        // What is bound to another certificate by now is under suspicion without a server's word; to
        // try it would find nothing out.
        let tries = replayable && self.outlived_in_hand().is_none();
        Acquire::new(self.cached().acquire(tries))
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
            && (self.cached().description().is_on(headers) || credential.is_on(headers))
        {
            return Ok(self.left_alone(target, headers));
        }
        self.bind(target)?;
        credential.attach_value(credential.header_value(), headers, true);
        let generation = credential.generation();
        if credential.is_bound() {
            // If that fails, nothing is sent, and what was sent before is still what is reported.
            let shown = self.show(credential, method, target, headers);
            if shown.is_err() && self.dropped().is_some() {
                self.cached()
                    .replacement_refused(generation, &Challenges::default());
            }
            shown?;
        } else if let Some(rare) = &mut self.rare {
            rare.bound = None;
        }
        self.authorizer.rules().trace.attached();
        self.generation = generation;
        // Nobody has told yet whether it is new; to report an acceptance once too often costs one
        // lock.
        self.reports = true;
        self.safe = method.is_safe();
        self.sent += 1;
        Ok(Attached::Yes)
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
        cached.replayed(self.cause);
        tracing::debug!(target: "hallpass", source = %cached.description().name, generation = self.generation, "replaying");
        true
    }

    #[cold]
    fn left_alone<T: Target + ?Sized>(&self, target: &T, headers: &HeaderMap) -> Attached {
        let trace = &self.authorizer.rules().trace;
        trace.own_header(self.cached(), headers);
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
}
