//! [`Answer`]: what an adapter knows of an answer, and which [`Hop`] gave it.

use http::{HeaderMap, StatusCode, Uri};

/// Which hop gave an answer, as far as an adapter can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hop {
    /// The one that the request was sent to; nothing below follows redirects.
    #[default]
    Sent,
    /// One of the same origin: something below follows redirects. What was sent first may have been
    /// done by then, so a method that changes anything is not sent again.
    Followed,
    /// Another origin, which was not sent our credential and says nothing about it.
    Elsewhere,
}

/// Put into a response's extensions by what follows redirects below an adapter: the URI that gave
/// the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredBy(pub Uri);

/// Put into a response's extensions by what knows below an adapter that the server has taken the
/// request up, so that it must not be sent again, whatever the answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processed;

/// An answer, as far as it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) hop: Hop,
    pub(super) refused_by_body: bool,
}

impl<'a> Answer<'a> {
    /// Of the hop that the request was sent to.
    #[inline]
    pub fn new(status: StatusCode, headers: &'a HeaderMap) -> Self {
        Self {
            status,
            headers,
            hop: Hop::Sent,
            refused_by_body: false,
        }
    }

    /// Says which hop it comes from.
    #[must_use]
    #[inline]
    pub fn from_hop(mut self, hop: Hop) -> Self {
        self.hop = hop;
        self
    }

    /// Says that its body refuses the credential, which the source's
    /// [`Rejected`](crate::Rejected) has found out.
    #[must_use]
    #[inline]
    pub fn refused_by_body(mut self, refused: bool) -> Self {
        self.refused_by_body = refused;
        self
    }
}
