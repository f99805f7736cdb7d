//! What a credential consists of, for whoever keeps it outside the process or shows it.

use http::{HeaderName, HeaderValue};

use super::{Credential, Life};

impl Credential {
    /// Its headers with their values, but without the [default ones](Self::default_headers), and without
    /// the one of a [proof](Self::with_proof), which is made anew for each sending. The values are the secret in the clear.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let inner = &*self.inner;
        let beside = inner.beside.iter().map(|(name, value)| (name, value));
        std::iter::once((&inner.name, &inner.value)).chain(beside)
    }

    /// Its headers for requests that have [none of that name](Self::with_default_header).
    pub fn default_headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let defaults = self.inner.defaults.iter();
        defaults.map(|(name, value)| (name, value))
    }

    /// The fields that came with it, in the order of their names.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.inner.fields.iter();
        fields.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The hint when to [renew](Self::renew_in) it, if there is one.
    pub fn renewal_hint(&self) -> Option<std::time::Duration> {
        self.inner.renew_in
    }

    /// Whether it [never ends](Self::never_expires) by itself.
    pub fn is_unending(&self) -> bool {
        self.inner.life == Life::Forever
    }

    /// Whether each sending carries a [proof](Self::with_proof) that the client holds a key.
    pub fn has_proof(&self) -> bool {
        self.proof().is_some()
    }

    /// Whether it is the same secret, whatever else was said of the two.
    pub fn same_secret(&self, other: &Self) -> bool {
        let keys = (self.key_thumbprint(), other.key_thumbprint());
        let (one, other) = (&*self.inner, &*other.inner);
        one.name == other.name
            && one.value == other.value
            && one.beside == other.beside
            // Bound to another key it is worth something else.
            && keys.0 == keys.1
    }
}
