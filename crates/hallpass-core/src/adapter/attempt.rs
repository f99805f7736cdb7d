//! [`Attempt`] and [`Resend`]: what a request's caller, and what stands below, is told of its
//! sendings.

/// What a request needs to know about its own credential, found among the response's extensions.
///
/// A response that took more than the credential in hand always has one; see
/// [`Authorizer::report_attempts`](crate::Authorizer::report_attempts) to have one on every response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The generation of the credential that the answered request carried.
    pub generation: u64,
    /// Whether the request waited for a credential.
    pub waited: bool,
    /// Whether the request was sent more than once.
    pub replayed: bool,
}

/// Found among the extensions of a request that is sent again: how often it was sent before, for
/// `http.request.resend_count` of a span below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resend(pub u32);
