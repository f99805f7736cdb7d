//! [`Admission`]: what is to become of a request.

use http::{Extensions, HeaderMap};

use super::{
    Authorizer, Exchange, Target, Withheld,
    authorizer::{Chosen, NoKey, Rules},
    own::Own,
    place::{Place, bound_elsewhere},
    target::destination,
};
use crate::{
    Cached, Error, Origin,
    origin::{Allowed, Destination, USER_INFO},
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

/// Why a request has no place among ours.
enum NotPlaced {
    Passes(Withheld),
    Refused(Error),
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
    #[inline]
    pub fn admit<T: Target + ?Sized>(
        &self,
        target: &T,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Admission {
        let rules = self.rules();
        let own = match rules.own(target, headers, extensions) {
            Chosen::Layers => None,
            Chosen::Own(own) => Some(own),
            Chosen::None => return self.pass(&rules.cached, Withheld::OptedOut, target),
            Chosen::NoKey(no_key) => return self.admit_without_key(no_key, target, headers),
        };
        match rules.as_written(own.as_ref(), target) {
            Some(place) => Admission::Carry(Exchange::new(self.local(), own, place)),
            None => self.admit_slowly(own, target, headers),
        }
    }

    fn admit_slowly<T: Target + ?Sized>(
        &self,
        own: Option<Own>,
        target: &T,
        headers: &HeaderMap,
    ) -> Admission {
        let rules = self.rules();
        match self.placed(own.as_ref(), target, headers) {
            Ok(place) => Admission::Carry(Exchange::new(self.local(), own, place)),
            Err(NotPlaced::Passes(why)) => {
                let cached = own.as_ref().map_or(&rules.cached, |own| &own.cached);
                self.pass(cached, why, target)
            }
            Err(NotPlaced::Refused(error)) => Admission::Refuse(error),
        }
    }

    /// What isn't ours goes as it is, as if there were a key; the rest is refused for its sake.
    #[cold]
    fn admit_without_key<T: Target + ?Sized>(
        &self,
        NoKey { keys, error }: NoKey<'_>,
        target: &T,
        headers: &HeaderMap,
    ) -> Admission {
        let why = match self.placed(None, target, headers) {
            Err(NotPlaced::Passes(why)) => why,
            Err(NotPlaced::Refused(error)) => return Admission::Refuse(error),
            Ok(_) if error.is_none() && keys.is_optional() => Withheld::NoKey,
            Ok(_) => {
                keys.refused();
                return Admission::Refuse(error.unwrap_or_else(|| keys.missing()));
            }
        };
        self.pass(keys.nobody(), why, target)
    }

    fn placed<T: Target + ?Sized>(
        &self,
        own: Option<&Own>,
        target: &T,
        headers: &HeaderMap,
    ) -> Result<Place, NotPlaced> {
        let rules = self.rules();
        let cached = own.map_or(&rules.cached, |own| &own.cached);
        let header = &cached.description().header;
        if !rules.override_existing && headers.contains_key(header) {
            return Err(NotPlaced::Passes(Withheld::OwnHeader));
        }
        match rules.place(own, destination(target)) {
            Ok(Some(place)) => Ok(place),
            Ok(None) => Err(NotPlaced::Passes(Withheld::Elsewhere)),
            Err(_) if rules.is_left_alone(cached, headers) => {
                Err(NotPlaced::Passes(Withheld::OwnHeader))
            }
            Err(error) => Err(NotPlaced::Refused(error)),
        }
    }

    fn pass<T: Target + ?Sized>(&self, cached: &Cached, why: Withheld, target: &T) -> Admission {
        self.rules().trace.withheld(cached, why, target);
        Admission::Pass(why)
    }
}

impl Rules {
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
