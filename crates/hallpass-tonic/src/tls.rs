//! Whether tonic can speak TLS at all.

use std::any::TypeId;

/// Stands in where tonic has no type of this name.
struct ClientTlsConfig;

/// Whether one of tonic's TLS features is on, in whichever crate of the build that was asked for.
///
/// Without them tonic speaks plain HTTP/2 to an `https` endpoint, and says nothing. There is no
/// way to ask it; but only with them it exports `ClientTlsConfig`, and what the inner import
/// brings hides the stand-in.
pub(crate) fn is_compiled_in() -> bool {
    #[allow(
        clippy::wildcard_imports,
        reason = "to name it would need it to be there"
    )]
    #[allow(unused_imports, reason = "nothing is used if it is not there")]
    use tonic::transport::*;

    #[allow(unused_qualifications, reason = "it is needed if it is there")]
    let stand_in = TypeId::of::<self::ClientTlsConfig>();
    TypeId::of::<ClientTlsConfig>() != stand_in
}
