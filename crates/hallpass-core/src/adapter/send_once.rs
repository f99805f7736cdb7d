//! [`SendOnce`]: a request that no client may repeat by itself.

/// Among a token request's extensions: a transport must not send this request again by itself, not
/// even over a connection that turned out to be dead.
///
/// It carries something that a server may take once only, such as a proof of possession. Whoever has
/// made it makes another request instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendOnce;
