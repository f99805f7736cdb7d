//! What becomes of a credential error in gRPC's words.

use std::sync::Arc;

use hallpass_core::Error;
use tonic::{Code, Status};

/// The status of a call that could not be made for want of a credential, the error as its source.
///
/// | error | code |
/// |---|---|
/// | may pass: network, overload, 429 | `UNAVAILABLE` |
/// | [permanent](Error::is_permanent): the client was refused, a setting is wrong | `UNAUTHENTICATED` |
/// | [destination](Error::is_destination): the credential may not go there | `FAILED_PRECONDITION` |
///
/// The last is not `UNAUTHENTICATED`, as in some other gRPC stacks, because no server has refused
/// anything and no other credential would help: the program has to be changed.
pub(crate) fn status(error: Error) -> Status {
    let code = if error.is_destination() {
        Code::FailedPrecondition
    } else if error.is_transient() {
        Code::Unavailable
    } else {
        Code::Unauthenticated
    };
    coded(code, error)
}

/// The call may not be made this way, whatever kind of error says so.
pub(crate) fn refused(error: Error) -> Status {
    coded(Code::FailedPrecondition, error)
}

/// The call's own deadline came before a credential.
pub(crate) fn deadline(error: Error) -> Status {
    coded(Code::DeadlineExceeded, error)
}

fn coded(code: Code, error: Error) -> Status {
    let mut status = Status::new(code, error.to_string());
    status.set_source(Arc::new(error));
    status
}
