//! [`NoCredential`] and [`Choices`]: what one request asks of the layers that it passes.

use std::sync::Arc;

use http::Extensions;

use crate::Cached;

/// Put into a request's extensions: this request goes without a credential, and its answer is
/// none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoCredential;

/// Put into a request's extensions: which credential it gets from which layer.
///
/// Where one layer stands alone, a [`Cached`] among the extensions takes the place of its
/// credential, and [`NoCredential`] takes it out. Where two are stacked, that would mean both. A
/// layer that has a [name](crate::Authorizer::named) listens to what is addressed to it
/// and to nothing else; one without a name listens to a bare `Cached` or `NoCredential`.
///
/// ```
/// use hallpass_core::{Cached, Choices, Credential};
/// use http::Request;
///
/// let tenant = Cached::new(Credential::bearer("a-tenant")?);
/// let request = Request::get("https://api.example.com/items")
///     .extension(Choices::new().credential("api", tenant).no_credential("gateway"))
///     .body(())
///     .unwrap();
/// # drop(request);
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Choices(Vec<(Arc<str>, Choice<Cached>)>);

/// What one request asks of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice<C> {
    /// Its own credential.
    Default,
    Other(C),
    None,
}

impl Choices {
    /// Without any yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The layer of this name attaches this credential.
    #[must_use]
    pub fn credential(self, layer: impl Into<Arc<str>>, cached: impl Into<Cached>) -> Self {
        self.with(layer.into(), Choice::Other(cached.into()))
    }

    /// The layer of this name attaches none.
    #[must_use]
    pub fn no_credential(self, layer: impl Into<Arc<str>>) -> Self {
        self.with(layer.into(), Choice::None)
    }

    fn with(mut self, layer: Arc<str>, choice: Choice<Cached>) -> Self {
        self.0.retain(|(name, _)| *name != layer);
        self.0.push((layer, choice));
        self
    }
}

/// What a request asks of the layer of this name.
#[inline]
pub(super) fn choice<'a>(extensions: &'a Extensions, layer: Option<&str>) -> Choice<&'a Cached> {
    if extensions.is_empty() {
        return Choice::Default;
    }
    match layer {
        Some(layer) => addressed(extensions, layer),
        None if extensions.get::<NoCredential>().is_some() => Choice::None,
        None => extensions
            .get::<Cached>()
            .map_or(Choice::Default, Choice::Other),
    }
}

/// Every credential that a request has brought, whichever layer it is for.
pub(super) fn brought(extensions: &Extensions) -> impl Iterator<Item = &Cached> {
    let choices = extensions.get::<Choices>();
    let addressed = choices.into_iter().flat_map(|choices| &choices.0);
    let addressed = addressed.filter_map(|(_, choice)| match choice {
        Choice::Other(cached) => Some(cached),
        Choice::Default | Choice::None => None,
    });
    extensions.get::<Cached>().into_iter().chain(addressed)
}

fn addressed<'a>(extensions: &'a Extensions, layer: &str) -> Choice<&'a Cached> {
    let choices = extensions.get::<Choices>();
    let mut all = choices.into_iter().flat_map(|choices| &choices.0);
    match all.find(|(name, _)| **name == *layer) {
        None | Some((_, Choice::Default)) => Choice::Default,
        Some((_, Choice::Other(cached))) => Choice::Other(cached),
        Some((_, Choice::None)) => Choice::None,
    }
}
