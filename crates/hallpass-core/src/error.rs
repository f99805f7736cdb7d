//! [`Error`]: why a credential could not be had, or may not be sent.

use std::{
    borrow::Cow, convert::Infallible, error::Error as StdError, fmt, io, sync::Arc, time::Duration,
};

/// A boxed error, as tower names it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a credential could not be had, or may not be sent where the request goes.
///
/// Opaque and cheap to clone, because every caller that waits for one fetch gets the same error.
/// Ask it what to do with the predicates; read what happened with `Display`, which is one sentence
/// and never repeats its [`source`](StdError::source). No message of this crate holds a token, a
/// secret, a response body or the query of a URL.
///
/// ```
/// use hallpass_core::Error;
///
/// let error = Error::transient(std::io::Error::other("socket closed"))
///     .context("reading the lease from the vault");
/// assert_eq!(error.to_string(), "reading the lease from the vault");
/// assert!(error.is_transient() && !error.is_permanent());
/// ```
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
    retry_after: Option<Duration>,
}

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    code: Option<Cow<'static, str>>,
    error_type: Option<Cow<'static, str>>,
    /// Whether the message is all of the cause, so that it must not be lost to another message.
    is_cause: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Transient,
    Timeout,
    Interrupted,
    Permanent,
    Destination,
    Possession,
    UnknownKey,
}

impl Error {
    /// A failure that may pass by itself: network, overload, a malformed answer.
    ///
    /// Fits `map_err(Error::transient)`. Add what was being done with [`context`](Self::context).
    pub fn transient(source: impl Into<BoxError>) -> Self {
        Self::caused(
            Kind::Transient,
            "the credential source failed for now",
            source.into(),
        )
    }

    /// A failure that stays until somebody changes something: a refused client, a wrong setting.
    ///
    /// Fits `map_err(Error::permanent)`. Add what was being done with [`context`](Self::context).
    pub fn permanent(source: impl Into<BoxError>) -> Self {
        Self::caused(
            Kind::Permanent,
            "the credential source failed",
            source.into(),
        )
    }

    /// A failure to answer in time; also [transient](Self::is_transient).
    pub fn timeout(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Timeout, message)
    }

    /// A wrong setting, found before anything was sent; [permanent](Self::is_permanent).
    pub fn configuration(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Permanent, message)
    }

    /// A request whose destination may not see the credential; [permanent](Self::is_permanent).
    pub fn destination(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Destination, message)
    }

    /// A client that lacks the key or certificate which the credential is bound to;
    /// [permanent](Self::is_permanent).
    pub fn possession(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Possession, message)
    }

    /// A key for which a [`Keyed`](crate::Keyed) has no credential, or none at all;
    /// [permanent](Self::is_permanent). Don't quote the key: it may be somebody's name.
    pub fn unknown_key(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::UnknownKey, message)
    }

    /// A fetch that ended without an outcome: its task panicked or its runtime went away.
    pub(crate) fn interrupted(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Interrupted, message)
    }

    fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                kind,
                message: message.into(),
                code: None,
                error_type: None,
                is_cause: false,
                source: None,
            }),
            retry_after: None,
        }
    }

    /// An error made from a text says that text; any other cause keeps its own words to itself.
    fn caused(kind: Kind, message: &'static str, source: BoxError) -> Self {
        // The type that the standard library makes of a text can't be named; it shows as the text.
        let text = source.to_string();
        let is_cause = source.source().is_none() && format!("{source:?}") == format!("{text:?}");
        if is_cause {
            let mut error = Self::new(kind, text);
            Arc::make_mut(&mut error.inner).is_cause = true;
            return error;
        }
        let mut error = Self::new(kind, message);
        Arc::make_mut(&mut error.inner).source = Some(Arc::from(source));
        error
    }

    /// Replaces the sentence that `Display` writes; the source stays, and a text that the error was
    /// made from becomes it.
    #[must_use]
    pub fn context(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        let inner = Arc::make_mut(&mut self.inner);
        let before = std::mem::replace(&mut inner.message, message.into());
        if std::mem::take(&mut inner.is_cause) {
            inner.source = Some(Arc::from(BoxError::from(before)));
        }
        self
    }

    /// Says by which code the server refused; see [`code`](Self::code).
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        Arc::make_mut(&mut self.inner).code = Some(code.into());
        self
    }

    /// Says what kind of failure it is; see [`error_type`](Self::error_type). Of a small set.
    #[must_use]
    pub fn with_type(mut self, error_type: impl Into<Cow<'static, str>>) -> Self {
        Arc::make_mut(&mut self.inner).error_type = Some(error_type.into());
        self
    }

    /// Says when another attempt makes sense; see [`retry_after`](Self::retry_after).
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Whether the failure stays until somebody changes something.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self.inner.kind,
            Kind::Permanent | Kind::Destination | Kind::Possession | Kind::UnknownKey
        )
    }

    /// Whether the same call may work later.
    pub fn is_transient(&self) -> bool {
        !self.is_permanent()
    }

    /// The server's own code for a refusal, such as `invalid_grant` (RFC 6749 §5.2), if it gave one.
    pub fn code(&self) -> Option<&str> {
        self.inner.code.as_deref()
    }

    /// What kind of failure it is, for `error.type` of metrics and spans: one of few, and never part of
    /// what somebody has said.
    ///
    /// Token endpoints fail with a code of the standards such as `invalid_client`, with `http_503` and
    /// the like, `connect`, `exchange` or `malformed`. Beside those there are `timeout`, `interrupted`,
    /// `destination`, `possession`, `unknown_key`, and `_OTHER`.
    pub fn error_type(&self) -> &str {
        if let Some(error_type) = &self.inner.error_type {
            return error_type;
        }
        match self.inner.kind {
            Kind::Timeout => "timeout",
            Kind::Interrupted => "interrupted",
            Kind::Destination => "destination",
            Kind::Possession => "possession",
            Kind::UnknownKey => "unknown_key",
            // A source that wraps another has the other's error behind its own.
            Kind::Transient | Kind::Permanent => match self.inner.source.as_deref() {
                Some(source) => match source.downcast_ref::<Self>() {
                    Some(error) => error.error_type(),
                    None => "_OTHER",
                },
                None => "_OTHER",
            },
        }
    }

    /// Whether time ran out.
    pub fn is_timeout(&self) -> bool {
        self.inner.kind == Kind::Timeout
    }

    /// Whether the request was refused because of where it goes: plain `http`, an origin that the
    /// credential is not bound to, a URI with user information. Nothing was sent.
    pub fn is_destination(&self) -> bool {
        self.inner.kind == Kind::Destination
    }

    /// Whether the client can't show that it holds what the credential is bound to, such as a client
    /// certificate (RFC 8705). Nothing was sent.
    pub fn is_possession(&self) -> bool {
        self.inner.kind == Kind::Possession
    }

    /// Whether the request had no key, or one for which there is no credential. Nothing was sent.
    pub fn is_unknown_key(&self) -> bool {
        self.inner.kind == Kind::UnknownKey
    }

    /// How long to wait before another attempt makes sense, when that is known.
    ///
    /// From a source: the server's `Retry-After`. From the engine while it cools down after a
    /// failure: what is left of the gap.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What is behind the error, as far as it may be shown: our own sentences, and kinds of I/O
    /// errors. What other errors say may hold a secret, and stays behind [`source`](StdError::source).
    pub fn known_causes(&self) -> impl Iterator<Item = String> {
        std::iter::successors(self.source(), |&cause| cause.source()).filter_map(|cause| {
            let ours = cause.downcast_ref::<Self>().map(ToString::to_string);
            ours.or_else(|| Some(cause.downcast_ref::<io::Error>()?.kind().to_string()))
        })
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.inner.kind == Kind::Interrupted
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        match self.retry_after {
            // Less than a second is no news.
            Some(delay) if delay >= Duration::from_secs(1) => {
                write!(f, "; next attempt in {} s", delay.as_secs_f64().ceil())
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("message", &self.inner.message)
            .field("code", &self.inner.code)
            .field("retry_after", &self.retry_after)
            .field("source", &self.inner.source)
            .finish()
    }
}

impl From<Infallible> for Error {
    /// For conversions that are generic over their error, such as an origin into itself.
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
