//! [`Credential`]: one header, built once, that says who the caller is and how long that holds.

mod parts;

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, Entry},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Error, Proof, binding::Binding};

/// A credential: the header that carries it, its lifetime, and what came with it.
///
/// Immutable and cheap to clone. The header value is built once, is marked sensitive (no `Debug`
/// prints it, HPACK never indexes it), and its memory is overwritten when the last copy goes.
/// `Debug` shows what it is, never what it says.
///
/// ```
/// use std::time::Duration;
/// use hallpass_core::Credential;
///
/// let credential = Credential::bearer("mF_9.B5f-4.1JqM")?.lives_for(Duration::from_secs(300));
/// assert!(!format!("{credential:?}").contains("mF_9"));
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Credential {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    name: HeaderName,
    value: HeaderValue,
    beside: Vec<(HeaderName, HeaderValue)>,
    /// For requests that have none of that name.
    defaults: Vec<(HeaderName, HeaderValue)>,
    life: Life,
    renew_in: Option<Duration>,
    scope: Option<Arc<str>>,
    fields: BTreeMap<String, String>,
    generation: u64,
    binding: Option<Box<Binding>>,
}

/// What a source said about a credential's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Unknown,
    Until {
        lifetime: Option<Duration>,
        instant: Option<SystemTime>,
    },
    Forever,
}

impl Credential {
    /// `Authorization: Bearer <token>` (RFC 6750 §2.1).
    ///
    /// # Errors
    /// If the token is not a `b64token`: letters, digits and `-._~+/`, then any number of `=`.
    /// The message names the position and the length, never the token.
    pub fn bearer(token: &str) -> Result<Self, Error> {
        Self::of_scheme("Bearer ", token)
    }

    /// `Authorization: DPoP <token>` (RFC 9449 §7.1), with a proof in every sending that the client
    /// holds the key which the token is bound to.
    ///
    /// `hallpass-oauth2` has such a proof, and makes such credentials of what token endpoints issue.
    ///
    /// # Errors
    /// As [`bearer`](Self::bearer).
    pub fn dpop(token: &str, proof: impl Proof) -> Result<Self, Error> {
        Ok(Self::of_scheme("DPoP ", token)?.with_proof(proof))
    }

    fn of_scheme(scheme: &str, token: &str) -> Result<Self, Error> {
        check_b64token(token)?;
        let mut value = Vec::with_capacity(scheme.len() + token.len());
        value.extend_from_slice(scheme.as_bytes());
        value.extend_from_slice(token.as_bytes());
        Self::from_bytes(AUTHORIZATION, value)
    }

    /// `Authorization: Basic <base64(user:password)>` in UTF-8 (RFC 7617), the two halves as they are.
    ///
    /// # Errors
    /// If the user holds a colon, which would end it, or either holds a control character.
    pub fn basic(user: &str, password: &str) -> Result<Self, Error> {
        if user.contains(':') {
            return Err(Error::configuration(
                "a user name for HTTP Basic can't hold a colon",
            ));
        }
        if user.chars().chain(password.chars()).any(char::is_control) {
            return Err(Error::configuration(
                "a user name or password for HTTP Basic holds a control character: look for a line break at its end",
            ));
        }
        let plain = Zeroizing::new(format!("{user}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(plain.as_bytes()));
        let mut value = Vec::with_capacity("Basic ".len() + encoded.len());
        value.extend_from_slice(b"Basic ");
        value.extend_from_slice(encoded.as_bytes());
        Self::from_bytes(AUTHORIZATION, value)
    }

    /// Any other header, such as an API key's, with visible ASCII and inner spaces as its value.
    ///
    /// # Errors
    /// If the value is empty, or holds anything but visible ASCII with spaces between. The message
    /// names the position and the length, never the value.
    pub fn header(name: HeaderName, value: &str) -> Result<Self, Error> {
        let outer_space = value.starts_with(' ') || value.ends_with(' ');
        let odd = value.bytes().position(|byte| !matches!(byte, b' '..=b'~'));
        if value.is_empty() {
            return Err(refused("header value", "is empty", value));
        }
        if let Some(at) = odd {
            return Err(refused(
                "header value",
                &format!("holds a byte outside visible ASCII at position {at}"),
                value,
            ));
        }
        if outer_space {
            return Err(refused(
                "header value",
                "begins or ends with a space",
                value,
            ));
        }
        Self::from_bytes(name, value.as_bytes().to_vec())
    }

    fn from_bytes(name: HeaderName, value: Vec<u8>) -> Result<Self, Error> {
        let value = sensitive(value)
            .ok_or_else(|| Error::configuration("a credential that no header can carry"))?;
        Ok(Self {
            inner: Arc::new(Inner {
                name,
                value,
                beside: Vec::new(),
                defaults: Vec::new(),
                life: Life::Unknown,
                renew_in: None,
                scope: None,
                fields: BTreeMap::new(),
                generation: 0,
                binding: None,
            }),
        })
    }

    /// Says how long it is good for, counted from when the request for it was sent.
    ///
    /// Zero, and what is hardly more, means: good for the callers that wait for it and for a second,
    /// not kept. Together with
    /// [`expires_at`](Self::expires_at) the earlier end holds.
    #[must_use]
    pub fn lives_for(mut self, lifetime: Duration) -> Self {
        let inner = self.edit();
        let instant = match inner.life {
            Life::Until { instant, .. } => instant,
            Life::Unknown | Life::Forever => None,
        };
        inner.life = Life::Until {
            lifetime: Some(lifetime),
            instant,
        };
        self
    }

    /// Says when it ends, on the wall clock.
    #[must_use]
    pub fn expires_at(mut self, instant: SystemTime) -> Self {
        let inner = self.edit();
        let lifetime = match inner.life {
            Life::Until { lifetime, .. } => lifetime,
            Life::Unknown | Life::Forever => None,
        };
        inner.life = Life::Until {
            lifetime,
            instant: Some(instant),
        };
        self
    }

    /// Says that it never ends by itself: a static key, a password.
    #[must_use]
    pub fn never_expires(mut self) -> Self {
        self.edit().life = Life::Forever;
        self
    }

    /// A server's own hint when to renew, counted like [`lives_for`](Self::lives_for).
    #[must_use]
    pub fn renew_in(mut self, delay: Duration) -> Self {
        self.edit().renew_in = Some(delay);
        self
    }

    /// The scope that was granted, if it is known.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<Arc<str>>) -> Self {
        self.edit().scope = Some(scope.into());
        self
    }

    /// A field that came with it and is not secret, such as the address of the API to call.
    #[must_use]
    pub fn with_field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.edit().fields.insert(name.into(), value.into());
        self
    }

    /// A header that goes along with it, such as an account's id beside a key.
    ///
    /// It belongs to the credential as much as the first one: a request that has either of its own
    /// is left alone, both are marked sensitive, and both go only where the credential may.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.edit().beside.push((name, value));
        self
    }

    /// A header for requests that have none of that name, such as `Accept` or the version of an API.
    ///
    /// It goes only where the credential may, but says nothing of whose the request is: one that has
    /// its own keeps that, and gets the credential all the same.
    #[must_use]
    pub fn with_default_header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.edit().defaults.push((name, value));
        self
    }

    /// Makes every sending carry a proof that the client holds the credential's key.
    #[must_use]
    pub fn with_proof(mut self, proof: impl Proof) -> Self {
        self.edit().binding.get_or_insert_default().proof = Some(Arc::new(proof));
        self
    }

    /// Says that it works only over a connection on which the client presents a certificate: the one
    /// with this SHA-256 thumbprint in base64url, which is called `x5t#S256` (RFC 8705 §3.1).
    ///
    /// A layer sends it only if it was told by
    /// [`client_certificate`](crate::Authorizer::client_certificate) that its client presents that
    /// one. Otherwise the request fails before it is sent, with an error that
    /// [says so](Error::is_possession).
    #[must_use]
    pub fn bound_to_certificate(mut self, thumbprint: impl Into<Arc<str>>) -> Self {
        self.edit().binding.get_or_insert_default().certificate = Some(thumbprint.into());
        self
    }

    fn edit(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.inner)
    }

    pub(crate) fn numbered(mut self, generation: u64) -> Self {
        self.edit().generation = generation;
        self
    }

    /// Puts the credential on a request: its headers replace any of their names, apart from
    /// [those](Self::with_default_header) that are for requests without one.
    ///
    /// # Errors
    /// If it has a [proof](Self::with_proof) to make, and none can be made.
    pub fn attach(&self, method: &Method, uri: &Uri, headers: &mut HeaderMap) -> Result<(), Error> {
        self.attach_value(&self.inner.value, headers, true);
        match self.proof() {
            None => Ok(()),
            Some(proof) => attach_proof(&**proof, method, uri, headers).map(drop),
        }
    }

    /// Whether it was attached: unless they may be replaced, one header of its set that is there
    /// already leaves the request alone.
    #[inline]
    pub(crate) fn attach_value(
        &self,
        value: &HeaderValue,
        headers: &mut HeaderMap,
        replace: bool,
    ) -> bool {
        let inner = &*self.inner;
        // A set of one, which nearly all are, is checked by the insertion itself.
        if !replace && self.has_more_headers() && self.is_on(headers) {
            return false;
        }
        let (name, value) = (inner.name.clone(), value.clone());
        if replace {
            headers.insert(name, value);
        } else if headers.append(name, value) {
            take_last(headers, &inner.name);
            return false;
        }
        if !(inner.beside.is_empty() && inner.defaults.is_empty()) {
            self.attach_rest(headers);
        }
        true
    }

    #[cold]
    fn attach_rest(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.inner.beside {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.inner.defaults {
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }

    #[inline]
    fn has_more_headers(&self) -> bool {
        !self.inner.beside.is_empty() || self.is_bound()
    }

    /// Whether a request has any header of its set, those for requests without one apart.
    pub fn is_on(&self, headers: &HeaderMap) -> bool {
        self.own_names().any(|name| headers.contains_key(name))
    }

    /// Takes the headers off a request that say whose it is. Defaults stay: they are no secret, and
    /// one may be the request's own.
    pub fn detach(&self, headers: &mut HeaderMap) {
        for name in self.own_names() {
            headers.remove(name);
        }
    }

    /// The names of all headers that it sets.
    pub fn header_names(&self) -> impl Iterator<Item = &HeaderName> {
        let defaults = self.inner.defaults.iter();
        self.own_names().chain(defaults.map(|(name, _)| name))
    }

    /// The names of those that say whose a request is.
    pub(crate) fn own_names(&self) -> impl Iterator<Item = &HeaderName> {
        let inner = &*self.inner;
        std::iter::once(&inner.name)
            .chain(inner.beside.iter().map(|(name, _)| name))
            .chain(self.proof().map(|proof| proof.header()))
    }

    /// Whether the client has to hold something else for it to work.
    #[inline]
    pub(crate) fn is_bound(&self) -> bool {
        self.inner.binding.is_some()
    }

    pub(crate) fn binding(&self) -> Option<&Binding> {
        self.inner.binding.as_deref()
    }

    pub(crate) fn proof(&self) -> Option<&Arc<dyn Proof>> {
        self.binding()?.proof.as_ref()
    }

    /// The thumbprint of the key that its [proof](Self::with_proof) shows (RFC 7638): `jkt`.
    pub fn key_thumbprint(&self) -> Option<&str> {
        self.proof()?.thumbprint()
    }

    /// The thumbprint of the certificate that it is [bound to](Self::bound_to_certificate):
    /// `x5t#S256`.
    pub fn certificate_thumbprint(&self) -> Option<&str> {
        self.binding()?.certificate.as_deref()
    }

    /// The header's value with memory of its own.
    pub(crate) fn copy_value(&self) -> HeaderValue {
        let value = &self.inner.value;
        sensitive(value.as_bytes().to_vec()).unwrap_or_else(|| value.clone())
    }

    /// The token itself, without the scheme before it: of `Authorization: Bearer <token>` and its
    /// kind; none for a password or another header.
    ///
    /// This is the secret in the clear. It is for handing on to what needs the bare token, such as
    /// the subject of a token exchange, and for nothing that is logged.
    pub fn token(&self) -> Option<&str> {
        if self.inner.name != AUTHORIZATION {
            return None;
        }
        let (scheme, token) = self.inner.value.to_str().ok()?.split_once(' ')?;
        let bare = ["bearer", "dpop"]
            .iter()
            .any(|one| scheme.eq_ignore_ascii_case(one));
        bare.then_some(token)
    }

    /// The name of the header it goes in.
    pub fn header_name(&self) -> &HeaderName {
        &self.inner.name
    }

    /// The header's value, marked sensitive.
    pub fn header_value(&self) -> &HeaderValue {
        &self.inner.value
    }

    /// The granted scope, as far as the source knows it. A token endpoint whose answer has none is
    /// taken to have granted what was asked for (RFC 6749 §5.1), which is no proof that it did.
    pub fn scope(&self) -> Option<&str> {
        self.inner.scope.as_deref()
    }

    /// A field captured from the answer that brought it.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.inner.fields.get(name).map(String::as_str)
    }

    /// Which one it is of those a [`Cached`](crate::Cached) has had: 1, 2, 3… and 0 outside one.
    pub fn generation(&self) -> u64 {
        self.inner.generation
    }

    /// How long the source said that it lives, from when the request for it was sent; none if it
    /// said nothing, or named an instant.
    pub fn lifetime(&self) -> Option<Duration> {
        match self.inner.life {
            Life::Until { lifetime, .. } => lifetime,
            Life::Unknown | Life::Forever => None,
        }
    }

    /// The instant on the wall clock at which its source said that it ends; none if it said nothing
    /// or a duration.
    pub fn expiry(&self) -> Option<SystemTime> {
        match self.inner.life {
            Life::Until { instant, .. } => instant,
            Life::Unknown | Life::Forever => None,
        }
    }

    pub(crate) fn life(&self) -> Life {
        self.inner.life
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("header", &self.inner.name)
            .field("life", &self.inner.life)
            .field("scope", &self.inner.scope)
            .field("fields", &self.inner.fields.keys())
            .field("generation", &self.inner.generation)
            .finish_non_exhaustive()
    }
}

/// A header value that no `Debug` prints, in memory that is overwritten at the end.
fn sensitive(value: Vec<u8>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Wiped(value))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Bytes that are overwritten when the last header value that shares them is dropped.
struct Wiped(Vec<u8>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Undoes an `append` to a header of the caller's own. To add to it and see is the only way to find
/// one with a single look at the map and without moving its entry, which takes as long again.
#[cold]
fn take_last(headers: &mut HeaderMap, name: &HeaderName) {
    let Entry::Occupied(mut entry) = headers.entry(name) else {
        return;
    };
    let mut own: Vec<HeaderValue> = entry.iter().cloned().collect();
    own.pop();
    let mut own = own.into_iter();
    if let Some(first) = own.next() {
        entry.insert(first);
    }
    for value in own {
        entry.append(value);
    }
}

/// RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn check_b64token(token: &str) -> Result<(), Error> {
    let body = token.trim_end_matches('=');
    if body.is_empty() {
        return Err(refused("bearer token", "is empty", token));
    }
    let odd = body
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)));
    match odd {
        None => Ok(()),
        Some(at) => Err(refused(
            "bearer token",
            &format!("holds a character that RFC 6750 does not allow at position {at}"),
            token,
        )),
    }
}

fn refused(what: &str, fault: &str, value: &str) -> Error {
    Error::configuration(format!("the {what} {fault} (length {})", value.len()))
}

/// Puts a new proof on a request, next to the credential that it is for, and returns it.
pub(crate) fn attach_proof(
    proof: &dyn Proof,
    method: &Method,
    uri: &Uri,
    headers: &mut HeaderMap,
) -> Result<HeaderValue, Error> {
    let mut value = proof.prove(method, uri)?;
    value.set_sensitive(true);
    headers.insert(proof.header().clone(), value.clone());
    Ok(value)
}
