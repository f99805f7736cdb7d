//! [`Authorizer`]: what an adapter is configured with, the same for all of them.

use std::{borrow::Cow, fmt, sync::Arc};

use http::{Extensions, HeaderMap, StatusCode, Uri};

use crate::{
    Cached, Error, Origin, Origins, Rejected, Verdict, copies::Copies, origin::Target, verdict,
};

/// A [`Cached`] credential and the rules for where it goes and what rejects it.
///
/// Every adapter holds one and asks it before a request and about each answer, so that all of
/// them keep one promise. Without [`origins`](Self::origins), those that the source names hold; if
/// it names none, the credential is bound to the first origin that it is used for.
#[derive(Clone)]
pub struct Authorizer {
    /// One pointer, because adapters clone it for every request.
    rules: Arc<Rules>,
}

#[derive(Clone)]
struct Rules {
    cached: Cached,
    origins: Origins,
    overriding: bool,
    plaintext: bool,
    report: bool,
    rejected: Rejected,
    /// Equal rules for each group of threads; emptied whenever the rules change.
    copies: Copies<Authorizer>,
}

/// Put into a request's extensions: this request goes without a credential, and its answer is
/// none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCredential;

/// What is to become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It gets the credential, and its answer is judged.
    Attach,
    /// It goes as it is, and its answer is none of ours.
    Pass,
}

impl Authorizer {
    /// For this source or `Cached`, with the default rules.
    pub fn new(source: impl Into<Cached>) -> Self {
        let cached = source.into();
        let origins = named_origins(&cached).unwrap_or_default();
        let rejected = cached.description().rejected.clone();
        Self {
            rules: Arc::new(Rules {
                cached,
                origins,
                overriding: false,
                plaintext: false,
                report: false,
                rejected,
                copies: Copies::new(),
            }),
        }
    }

    fn edit(&mut self) -> &mut Rules {
        let rules = Arc::make_mut(&mut self.rules);
        rules.copies = Copies::new();
        rules
    }

    /// Binds the credential to these origins; requests to any other go without it.
    ///
    /// # Errors
    /// If one is not an `http` or `https` URL with a host, or there is none at all.
    pub fn origins<O>(mut self, origins: impl IntoIterator<Item = O>) -> Result<Self, Error>
    where
        O: TryInto<Origin>,
        Error: From<O::Error>,
    {
        let set: Vec<Origin> = origins
            .into_iter()
            .map(|origin| Ok(origin.try_into()?))
            .collect::<Result<_, Error>>()?;
        if set.is_empty() {
            return Err(Error::configuration(
                "a credential needs at least one origin to go to",
            ));
        }
        self.edit().origins = Origins::Only(set.into());
        Ok(self)
    }

    /// Lets the credential go anywhere. Only for a client that can reach nothing else.
    #[must_use]
    pub fn any_origin(mut self) -> Self {
        self.edit().origins = Origins::Any;
        self
    }

    /// Lets the credential go over plain `http` to other machines, where anyone on the way reads it.
    #[must_use]
    pub fn dangerously_allow_http(mut self) -> Self {
        self.edit().plaintext = true;
        self
    }

    /// Replaces a header that the caller has set, instead of leaving such a request alone.
    #[must_use]
    pub fn overriding(mut self) -> Self {
        self.edit().overriding = true;
        self
    }

    /// Also treats answers as a rejection for which this is true, such as a vendor's 419.
    #[must_use]
    pub fn rejected_when(
        mut self,
        predicate: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        let own = std::mem::take(&mut self.edit().rejected);
        let source = own.clone();
        self.edit().rejected = own.when(move |status, headers| {
            predicate(status, headers) || source.by_head(status, headers)
        });
        self
    }

    /// Puts an [`Attempt`](crate::Attempt) on every response, also on those that the credential in
    /// hand served at the first try. That costs up to three allocations a response.
    #[must_use]
    pub fn report_attempts(mut self) -> Self {
        self.edit().report = true;
        self
    }

    /// Whether somebody has said where the credential may go: the user, or its source.
    pub fn names_origins(&self) -> bool {
        !matches!(self.rules.origins, Origins::FirstUsed)
    }

    /// The credential.
    #[inline]
    pub fn cached(&self) -> &Cached {
        &self.rules.cached
    }

    /// The same rules behind a pointer that only this thread's group shares.
    #[inline]
    fn mine(&self) -> &Self {
        self.rules.copies.mine(|| Self {
            rules: Arc::new(Rules::clone(&self.rules)),
        })
    }

    /// The rules for one request: a [`Cached`] among its extensions takes the place of the
    /// configured one, [`NoCredential`] takes it out.
    #[inline]
    pub fn for_request(&self, extensions: &Extensions) -> Option<Cow<'_, Self>> {
        if extensions.is_empty() {
            return Some(Cow::Borrowed(self.mine()));
        }
        if extensions.get::<NoCredential>().is_some() {
            return None;
        }
        Some(match extensions.get::<Cached>() {
            None => Cow::Borrowed(self.mine()),
            Some(cached) => {
                let mut other = self.clone();
                let rules = other.edit();
                rules.cached = cached.clone();
                // Its own origins, if it names some: they say where its secret may go.
                if let Some(origins) = named_origins(cached) {
                    rules.origins = origins;
                }
                Cow::Owned(other)
            }
        })
    }

    /// Decides whether a request gets the credential.
    ///
    /// # Errors
    /// A [destination](Error::is_destination) error, before anything is sent: plain `http` to
    /// another machine, user information in the URL, or a second origin where only the first one
    /// used is allowed.
    pub fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<Admission, Error> {
        if self.leaves_alone(headers) {
            return Ok(Admission::Pass);
        }
        self.admit_to(uri)
    }

    /// Whether a request carries a header of the caller's own that stays.
    pub fn leaves_alone(&self, headers: &HeaderMap) -> bool {
        !self.rules.overriding && headers.contains_key(&self.rules.cached.description().header)
    }

    /// [`admit`](Self::admit) by the destination alone. What the caller's own header means,
    /// [`Exchange::attach_unless_present`](crate::Exchange::attach_unless_present) finds out by the way.
    ///
    /// # Errors
    /// As `admit`.
    #[inline]
    pub fn admit_to(&self, uri: &Uri) -> Result<Admission, Error> {
        if let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority())
            && self.goes_to(scheme, authority.as_str())
        {
            return Ok(Admission::Attach);
        }
        let Some(target) = Target::of(uri)? else {
            return Ok(Admission::Attach);
        };
        if let Origins::Only(set) = &self.rules.origins
            && !Origins::contain(set, &target)
        {
            return Ok(Admission::Pass);
        }
        if !(target.is_private() || self.rules.plaintext) {
            return Err(Error::destination(format!(
                "{} would carry the credential in the clear: use https",
                target.to_origin()
            )));
        }
        if matches!(self.rules.origins, Origins::FirstUsed) {
            let bound = self.rules.cached.first_used(|| target.to_origin());
            if !Origins::contain(std::slice::from_ref(bound), &target) {
                return Err(Error::destination(format!(
                    "this credential is bound to {bound}, where it was first used; configure the origins that it may go to, {} among them",
                    target.to_origin()
                )));
            }
        }
        Ok(Admission::Attach)
    }

    /// Whether [`admit_to`](Self::admit_to) attaches, found at the price of two comparisons: scheme
    /// and authority are written just as those of an allowed origin, as with nearly every request.
    /// If not, only `admit_to` can tell.
    #[inline]
    pub fn goes_to(&self, scheme: &str, authority: &str) -> bool {
        let allowed = match &self.rules.origins {
            Origins::Only(set) => set,
            Origins::FirstUsed => self.rules.cached.bound_to(),
            Origins::Any => &[],
        };
        allowed
            .iter()
            .filter(|origin| origin.is_written(scheme, authority))
            .any(|origin| origin.is_private() || self.rules.plaintext)
    }

    /// Judges an answer by its head: what the source and the user add, and [`verdict`].
    #[inline]
    pub fn judge(&self, status: StatusCode, headers: &HeaderMap) -> Verdict {
        if self.rules.rejected.by_head(status, headers) {
            Verdict::Reject
        } else {
            verdict(status, headers)
        }
    }

    /// The answers beyond the usual that reject a credential: the source's and the user's.
    pub fn rejected(&self) -> &Rejected {
        &self.rules.rejected
    }

    #[inline]
    pub(crate) fn overrides(&self) -> bool {
        self.rules.overriding
    }

    #[inline]
    pub(crate) fn reports_all(&self) -> bool {
        self.rules.report
    }
}

/// The origins that a source names. An empty set would send every request without the credential.
fn named_origins(cached: &Cached) -> Option<Origins> {
    let named = cached.description().origins.as_deref()?;
    (!named.is_empty()).then(|| Origins::Only(named.into()))
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("cached", &self.rules.cached)
            .field("origins", &self.rules.origins)
            .field("overriding", &self.rules.overriding)
            .finish_non_exhaustive()
    }
}
