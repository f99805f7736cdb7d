//! The challenge that a refusal carries.

/// The `WWW-Authenticate` header of a 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// `Bearer error="invalid_token"`; plain `Bearer` for a request without credentials (RFC 6750 §3.1).
    InvalidToken,
    /// `Bearer`, saying nothing of the reason.
    Bare,
    /// No header at all.
    None,
    /// This text, literally.
    Custom(String),
}
