//! [`FreshConnection`]: a request that must not meet an old connection.

/// Among a request's extensions: asks the client below for a connection that nothing was sent on.
///
/// A server that refuses a request before it has read the body closes the connection afterwards,
/// without saying so before. Whatever comes next on that connection is lost, and a replay is what
/// comes next. Over HTTP/1.1 a replay with a body therefore asks for a fresh connection;
/// `hallpass-hyper` knows this extension, and other clients do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshConnection;
