//! [`Authorizer`]: what an adapter is configured with, the same for all of them.

use std::{borrow::Cow, fmt, sync::Arc};

use http::{Extensions, HeaderMap, HeaderName, StatusCode};

use super::{
    Target,
    absent::Absent,
    choices::{Choice, brought, choice},
    own::Own,
    withheld::Trace,
};
use crate::{
    Cached, Error, Keyed, Origin, Rejected, RequestHead,
    keyed::{Key, Keys},
    origin::Allowed,
    sharded::Sharded,
    target::ByRef,
};

/// A [`Cached`] credential and the rules for where it goes and what rejects it.
///
/// Every adapter holds one and asks it before a request and about each answer, so that all of
/// them keep one promise. Without [`origins`](Self::origins), those that the source names hold; if
/// it names none, the credential is bound to the first origin that it is used for.
///
/// A request may bring a [`Cached`] of its own among its extensions. Then that one's header, origins
/// and refusals hold, and of these rules what the user has set, except for the origins if the other
/// source names some. The same goes for one that is found [by the request's key](Self::keyed); where
/// nobody names origins, all keys are bound to the first origin that any of them is used for.
#[derive(Clone)]
pub struct Authorizer {
    /// One pointer, because every request takes a copy along.
    rules: Arc<Rules>,
}

#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches of the user's that have nothing to do with each other"
)]
pub(super) struct Rules {
    pub(super) cached: Cached,
    /// With these it has one for each key, and `cached` stands for none of them.
    keys: Option<Arc<dyn Keys>>,
    /// Without a source; `cached` stands for none then.
    is_absent: bool,
    pub(super) name: Option<Arc<str>>,
    origins: Origins,
    pub(super) at: Option<Origin>,
    pub(super) override_existing: bool,
    plaintext: bool,
    proxied: bool,
    pub(super) report: bool,
    pub(super) evidence: bool,
    /// The thumbprint of the certificate that the client presents.
    pub(super) certificate: Option<Arc<str>>,
    pub(super) rejected: Rejected,
    pub(super) trace: Arc<Trace>,
    /// Equal rules for each group of threads; emptied whenever the rules change.
    local: Sharded<Authorizer>,
}

/// What the user has said about origins.
#[derive(Debug, Clone)]
enum Origins {
    Unsaid,
    Only(Arc<[Origin]>),
    Any,
    /// Nobody can tell where a request goes.
    Unseen,
}

impl Authorizer {
    /// For this source or `Cached`, with the default rules.
    pub fn new(source: impl Into<Cached>) -> Self {
        Self::of(source.into(), None)
    }

    /// For this source or `Cached` if there is one, and else for none: then every request goes as it
    /// is, except one that brings a [`Cached`] of its own.
    ///
    /// For programs whose settings may name no credential, and whose client has one type all the
    /// same.
    ///
    /// ```
    /// use hallpass_core::{Authorizer, Credential};
    ///
    /// let token = std::env::var("EXAMPLE_TOKEN").ok();
    /// let source = token.map(|token| Credential::bearer(&token)).transpose()?;
    /// let authorizer = Authorizer::optional(source);
    /// # drop(authorizer);
    /// # Ok::<(), hallpass_core::Error>(())
    /// ```
    pub fn optional(source: Option<impl Into<Cached>>) -> Self {
        if let Some(source) = source {
            return Self::new(source);
        }
        let mut authorizer = Self::new(Absent);
        authorizer.edit().is_absent = true;
        authorizer
    }

    /// For one credential for each key; each request gets that of its own.
    ///
    /// A request whose key is missing or unknown is refused with a [typed
    /// error](Error::is_unknown_key), and nothing is sent.
    pub fn keyed<K: Key>(keyed: Keyed<K>) -> Self {
        let keys: Arc<dyn Keys> = Arc::new(keyed);
        Self::of(keys.nobody().clone(), Some(keys))
    }

    fn of(cached: Cached, keys: Option<Arc<dyn Keys>>) -> Self {
        Self {
            rules: Arc::new(Rules {
                cached,
                keys,
                is_absent: false,
                name: None,
                origins: Origins::Unsaid,
                at: None,
                override_existing: false,
                plaintext: false,
                proxied: false,
                report: false,
                evidence: false,
                certificate: None,
                rejected: Rejected::default(),
                trace: Arc::default(),
                local: Sharded::new(),
            }),
        }
    }

    fn edit(&mut self) -> &mut Rules {
        let rules = Arc::make_mut(&mut self.rules);
        rules.local = Sharded::new();
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

    /// Says where requests without an authority go, because a layer below completes their URI.
    ///
    /// Without this such a request is refused, since nothing else tells whether the credential may
    /// go along.
    ///
    /// # Errors
    /// If it is not an `http` or `https` URL with a host.
    pub fn at<O>(mut self, origin: O) -> Result<Self, Error>
    where
        O: TryInto<Origin>,
        Error: From<O::Error>,
    {
        self.edit().at = Some(origin.try_into()?);
        Ok(self)
    }

    /// Gives the layer a name, by which [`Choices`](crate::Choices) of single requests address it
    /// where several are stacked.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.edit().name = Some(name.into());
        self
    }

    /// Lets the credential go over plain `http` to other machines, where anyone on the way reads it.
    #[must_use]
    pub fn dangerously_allow_http(mut self) -> Self {
        self.edit().plaintext = true;
        self
    }

    /// Replaces headers that the caller has set, instead of leaving such a request alone.
    #[must_use]
    pub fn override_existing(mut self) -> Self {
        self.edit().override_existing = true;
        self
    }

    /// Also treats answers as a rejection for which this is true, such as a vendor's 419.
    #[must_use]
    pub fn rejected_when(
        mut self,
        predicate: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        let rules = self.edit();
        let before = std::mem::take(&mut rules.rejected);
        let earlier = before.clone();
        rules.rejected = before.when(move |status, headers| {
            predicate(status, headers) || earlier.by_head(status, headers)
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

    /// Says which certificate the client presents to servers, by its SHA-256 thumbprint in base64url
    /// (`x5t#S256`), as `hallpass_oauth2::certificate_thumbprint` and
    /// `hallpass_hyper::Builder::certificate_thumbprint` tell it.
    ///
    /// A token that is bound to a certificate (RFC 8705 §3) goes only where this is that one: any
    /// other sending would be refused by the server, with a 401 that does not say why.
    #[must_use]
    pub fn client_certificate(mut self, thumbprint: impl Into<Arc<str>>) -> Self {
        self.edit().certificate = Some(thumbprint.into());
        self
    }

    /// For adapters whose client may send requests through a proxy: then plain `http` to this very
    /// machine is not private either, because the proxy reads it.
    #[must_use]
    pub fn behind_proxy(mut self) -> Self {
        self.edit().proxied = true;
        self
    }

    /// For adapters that see the end of a gRPC call: puts an [`Evidence`](super::Evidence) on every
    /// response whose head leaves open what became of the call.
    #[must_use]
    pub fn report_evidence(mut self) -> Self {
        self.edit().evidence = true;
        self
    }

    /// For adapters that can't see where a request goes: it may go anywhere, whatever a source says.
    #[must_use]
    pub fn destination_unseen(mut self) -> Self {
        self.edit().origins = Origins::Unseen;
        self
    }

    /// Where a request without an authority may be presumed to go, for an adapter whose client leads
    /// to one place that it does not tell: what [`at`](Self::at) has said, or else the first of the
    /// origins that the user or the source has named for the credential of this request.
    pub fn presumed_origin<T: Target + ?Sized>(
        &self,
        target: &T,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Option<Cow<'_, Origin>> {
        let rules = &*self.rules;
        if let Some(at) = &rules.at {
            return Some(Cow::Borrowed(at));
        }
        match rules.own(target, headers, extensions) {
            Chosen::Own(own) => {
                let first = rules.allowed(Some(&own.cached)).first();
                first.cloned().map(Cow::Owned)
            }
            _ => rules.allowed(None).first().map(Cow::Borrowed),
        }
    }

    /// The names of all headers that the credential of this request, or one that it has brought for
    /// whichever layer, may go in. For what follows redirects: values of the caller's own that stand
    /// there are left behind at another origin.
    pub fn credential_headers<T: Target + ?Sized>(
        &self,
        target: &T,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Vec<HeaderName> {
        let own = match self.rules.own(target, headers, extensions) {
            Chosen::Own(own) if own.is_keyed => Some(own.cached),
            _ => None,
        };
        let credentials = std::iter::once(self.cached()).chain(&own);
        let credentials = credentials.chain(brought(extensions));
        credentials.flat_map(Cached::header_names).collect()
    }

    /// The credential. With [keys](Self::keyed) it is one that never has any: ask the [`Keyed`].
    #[inline]
    pub fn cached(&self) -> &Cached {
        &self.rules.cached
    }

    #[inline]
    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The same rules behind a pointer that only this thread's group shares.
    #[inline]
    pub(super) fn local(&self) -> &Self {
        self.rules.local.local(|| Self {
            rules: Arc::new(Rules::clone(&self.rules)),
        })
    }
}

/// Whose credential a request is to get.
pub(super) enum Chosen<'a> {
    /// The layer's only one.
    Layers,
    Own(Own),
    /// None, by its own wish.
    None,
    /// That of a key, and there is none.
    NoKey(NoKey<'a>),
}

/// A request without a key, or with one that is unknown for this reason.
pub(super) struct NoKey<'a> {
    keys: &'a dyn Keys,
    error: Option<Error>,
}

impl NoKey<'_> {
    /// Whether the request may go without a credential. With a key that is unknown it may not.
    pub(super) fn passes(&self) -> bool {
        self.error.is_none() && self.keys.is_optional()
    }

    /// Why the request is refused, which is counted.
    pub(super) fn refused(self) -> Error {
        self.keys.refused();
        self.error.unwrap_or_else(|| self.keys.missing())
    }
}

impl Rules {
    /// Whose credential a request is to get.
    #[inline]
    pub(super) fn own<T: Target + ?Sized>(
        &self,
        target: &T,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Chosen<'_> {
        match choice(extensions, self.name.as_deref()) {
            Choice::Default if self.is_absent => Chosen::None,
            Choice::Default => match &self.keys {
                None => Chosen::Layers,
                Some(keys) => {
                    let target = ByRef(target);
                    let request = RequestHead::new(&target, headers, extensions);
                    let error = match keys.find(&request) {
                        Ok(Some(cached)) => return Chosen::Own(Own::keyed(cached)),
                        Ok(None) => None,
                        Err(error) => Some(error),
                    };
                    let keys = &**keys;
                    Chosen::NoKey(NoKey { keys, error })
                }
            },
            Choice::Other(cached) => Chosen::Own(Own::brought(cached)),
            Choice::None => Chosen::None,
        }
    }

    /// Whether it is the same for all requests that don't choose another one.
    #[inline]
    pub(super) fn has_one_credential(&self) -> bool {
        self.keys.is_none() && !self.is_absent
    }

    /// Which one keeps the origin of the first use. One for all keys, because those that are evicted
    /// would forget theirs.
    #[inline]
    pub(super) fn binder<'a>(&'a self, own: Option<&'a Own>) -> &'a Cached {
        match own {
            Some(own) if !own.is_keyed => &own.cached,
            _ => &self.cached,
        }
    }

    /// Where a credential may go: the layer's own, or the one that a request has brought.
    #[inline]
    pub(super) fn allowed<'a>(&'a self, own: Option<&'a Cached>) -> Allowed<'a> {
        let said = match &self.origins {
            Origins::Unsaid => None,
            Origins::Only(set) => Some(Allowed::Only(set)),
            Origins::Any => Some(Allowed::Any),
            Origins::Unseen => return Allowed::Any,
        };
        match own {
            // What its source names says where this secret may go; the user spoke of the layer's.
            Some(own) => named(own).or(said),
            None => said.or_else(|| named(&self.cached)),
        }
        .unwrap_or(Allowed::FirstUsed)
    }

    /// Whether nobody on the way reads what goes there, or the user has allowed it.
    #[inline]
    pub(super) fn may_travel(&self, secure: bool, loopback: impl FnOnce() -> bool) -> bool {
        secure || self.plaintext || (!self.proxied && loopback())
    }

    pub(super) fn is_proxied(&self) -> bool {
        self.proxied
    }
}

/// The origins that a source names. An empty set would send every request without the credential.
#[inline]
fn named(cached: &Cached) -> Option<Allowed<'_>> {
    let set = cached.description().origins.as_deref()?;
    (!set.is_empty()).then_some(Allowed::Only(set))
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("cached", &self.rules.cached)
            .field("name", &self.rules.name)
            .field("origins", &self.rules.origins)
            .field("override_existing", &self.rules.override_existing)
            .finish_non_exhaustive()
    }
}
