//! [`Admission`]: what is to become of a request.

use http::{Extensions, HeaderMap};

use super::{
    Authorizer, Exchange, Target, Withheld,
    authorizer::{Chosen, NoKey, Rules},
    choices::{Choice, choice},
    own::Own,
    place::{Place, bound_elsewhere},
};
use crate::{
    Cached, Error, Origin,
    origin::{Allowed, Destination, USER_INFO},
    target::destination,
};

/// What is to become of a request.
#[derive(Debug)]
pub enum Admission {
    /// It goes as it is, and its answer is none of ours.
    Pass(Withheld),
    /// It must not be sent.
    Refuse(Error),
    /// It carries a credential, and its answer is judged.
    Carry(Exchange),
}

impl Authorizer {
    /// Decides whether a request gets a credential, and which.
    ///
    /// First whether the request is ours: by a header of its own, its choice among the extensions,
    /// and its origin. Only then whether it may carry a credential: what isn't ours is never an
    /// error. A header of the caller's own may also come to light in
    /// [`attach`](Exchange::attach), which knows all headers of the credential.
    ///
    /// A refusal is a [destination](Error::is_destination) error: plain `http` to another machine,
    /// user information in the URL, no authority, or a second origin where only the first one used
    /// is allowed.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "to move an exchange takes longer than to make it"
    )]
    pub fn admit<T: Target + ?Sized>(
        &self,
        target: &T,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Admission {
        match self.rules().usual(target, extensions) {
            Some(place) => Admission::Carry(Exchange::new(self.local(), None, place)),
            None => self.admit_unusual(target, headers, extensions),
        }
    }

    #[inline(never)]
    fn admit_unusual<T: Target + ?Sized>(
        &self,
        target: &T,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Admission {
        let rules = self.rules();
        let own = match rules.own(target, headers, extensions) {
            Chosen::Layers => return self.admit_slowly(None, target, headers),
            Chosen::Own(own) => own,
            Chosen::None => return self.pass(&rules.cached, Withheld::OptedOut, target),
            Chosen::NoKey(no_key) => return self.admit_without_key(no_key, target, headers),
        };
        match rules.as_written(Some(&own), target) {
            Some(place) => Admission::Carry(Exchange::new(self.local(), Some(own), place)),
            None => self.admit_slowly(Some(own), target, headers),
        }
    }

    /// Whether [`admit`](Self::admit) would let a request pass without a credential, for an adapter
    /// that has to know before it admits. Nothing is counted or traced.
    pub fn leaves_alone<T: Target + ?Sized>(
        &self,
        target: &T,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> bool {
        let rules = self.rules();
        let decision = match rules.own(target, headers, extensions) {
            Chosen::Layers => rules.decide(None, target, headers),
            Chosen::Own(own) => rules.decide(Some(&own), target, headers),
            Chosen::None => return true,
            Chosen::NoKey(no_key) => rules.decide_without_key(&no_key, target, headers),
        };
        matches!(decision, Decision::Withhold(_))
    }

    fn admit_slowly<T: Target + ?Sized>(
        &self,
        own: Option<Own>,
        target: &T,
        headers: &HeaderMap,
    ) -> Admission {
        match self.rules().decide(own.as_ref(), target, headers) {
            Decision::Carry(place) => Admission::Carry(Exchange::new(self.local(), own, place)),
            Decision::Withhold(why) => {
                let cached = own.as_ref().map_or(self.cached(), |own| &own.cached);
                if why == Withheld::OwnHeader {
                    self.rules().trace.own_header(cached, headers);
                }
                self.pass(cached, why, target)
            }
            Decision::Refuse(error) => Admission::Refuse(error),
        }
    }

    #[cold]
    fn admit_without_key<T: Target + ?Sized>(
        &self,
        no_key: NoKey<'_>,
        target: &T,
        headers: &HeaderMap,
    ) -> Admission {
        let why = match self.rules().decide_without_key(&no_key, target, headers) {
            Decision::Withhold(why) => why,
            Decision::Refuse(error) => return Admission::Refuse(error),
            Decision::Carry(_) => return Admission::Refuse(no_key.refused()),
        };
        self.pass(self.cached(), why, target)
    }

    fn pass<T: Target + ?Sized>(&self, cached: &Cached, why: Withheld, target: &T) -> Admission {
        self.rules().trace.withheld(cached, why, target);
        Admission::Pass(why)
    }
}

enum Decision {
    Carry(Place),
    Withhold(Withheld),
    Refuse(Error),
}

impl Rules {
    fn decide<T: Target + ?Sized>(
        &self,
        own: Option<&Own>,
        target: &T,
        headers: &HeaderMap,
    ) -> Decision {
        let cached = own.map_or(&self.cached, |own| &own.cached);
        if !self.override_existing && cached.description().is_on(headers) {
            return Decision::Withhold(Withheld::OwnHeader);
        }
        match self.place(own, destination(target)) {
            Ok(Some(place)) => Decision::Carry(place),
            Ok(None) => Decision::Withhold(Withheld::Elsewhere),
            Err(_) if self.is_left_alone(cached, headers) => {
                Decision::Withhold(Withheld::OwnHeader)
            }
            Err(error) => Decision::Refuse(error),
        }
    }

    /// What isn't ours goes as it is, as if there were a key. What would carry one can't.
    fn decide_without_key<T: Target + ?Sized>(
        &self,
        no_key: &NoKey<'_>,
        target: &T,
        headers: &HeaderMap,
    ) -> Decision {
        match self.decide(None, target, headers) {
            Decision::Carry(_) if no_key.passes() => Decision::Withhold(Withheld::NoKey),
            decision => decision,
        }
    }

    /// The place of a request that gets the layer's only credential, if it is found at once.
    #[inline]
    fn usual<T: Target + ?Sized>(&self, target: &T, extensions: &Extensions) -> Option<Place> {
        let is_layers = self.has_one_credential()
            && matches!(choice(extensions, self.name.as_deref()), Choice::Default);
        if is_layers {
            self.as_written(None, target)
        } else {
            None
        }
    }

    /// Found at the price of two comparisons: scheme and authority are written just as those of an
    /// allowed origin, as with nearly every request.
    #[inline]
    fn as_written<T: Target + ?Sized>(&self, own: Option<&Own>, target: &T) -> Option<Place> {
        let (scheme, authority) = (target.scheme()?, target.authority()?);
        let fits = |origin: &Origin| {
            origin.is_written(scheme, authority)
                && self.may_travel(origin.is_secure(), || origin.is_loopback())
        };
        match self.allowed(own.map(|own| &own.cached)) {
            Allowed::Only(set) => set.iter().position(fits).map(Place::listed),
            Allowed::FirstUsed => {
                let bound = self.binder(own).bound_to();
                bound.iter().any(fits).then_some(Place::Bound)
            }
            Allowed::Any => None,
        }
    }

    /// The place of ours that a request goes to, or none if it goes elsewhere.
    fn place(
        &self,
        own: Option<&Own>,
        destination: Destination<'_>,
    ) -> Result<Option<Place>, Error> {
        let allowed = self.allowed(own.map(|own| &own.cached));
        let (parts, stated) = match (destination, &self.at) {
            (Destination::Known(parts), _) => (parts, true),
            (Destination::Unstated, Some(at)) => (at.parts(), false),
            (Destination::Unstated, None) if matches!(allowed, Allowed::Any) => {
                return Ok(Some(Place::Unknown));
            }
            (Destination::Unstated, None) => {
                return Err(Error::destination(
                    "a request without an authority does not tell where the credential would go: put the layer below the one that completes its URI, or say at(origin)",
                ));
            }
            (Destination::Foreign(_), _) if matches!(allowed, Allowed::Only(_)) => return Ok(None),
            (Destination::Foreign(reason), _) => return Err(Error::destination(reason)),
        };
        let place = match allowed {
            Allowed::Only(set) => match set.iter().position(|origin| origin.is(&parts)) {
                Some(at) => Place::listed(at),
                None => return Ok(None),
            },
            Allowed::FirstUsed => match self.binder(own).bound_to().first() {
                Some(bound) if bound.is(&parts) => Place::Bound,
                Some(bound) => return Err(bound_elsewhere(bound, &parts)),
                None => Place::Unbound,
            },
            Allowed::Any => Place::hashed(&parts),
        };
        if parts.user_info {
            return Err(Error::destination(USER_INFO));
        }
        if !self.may_travel(parts.is_secure(), || parts.is_loopback()) {
            let why = if self.is_proxied() && parts.is_loopback() {
                "a proxy may stand in between; use https, or exempt this machine from the proxy"
            } else {
                "use https"
            };
            return Err(Error::destination(format!(
                "{} would carry the credential in the clear: {why}",
                parts.to_origin()
            )));
        }
        Ok(Some(if stated { place } else { Place::at(place) }))
    }

    /// Whether the request has a header of the caller's own, as far as that is known by now.
    fn is_left_alone(&self, cached: &Cached, headers: &HeaderMap) -> bool {
        !self.override_existing
            && cached
                .with_current(|current| current.credential.is_on(headers))
                .unwrap_or(false)
    }
}
