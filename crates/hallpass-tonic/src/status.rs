//! What becomes of a credential error in gRPC's words.

use std::{error::Error as StdError, fmt::Write as _, io, sync::Arc};

use hallpass_core::Error;
use tonic::{Code, Status};

/// The status of a call that could not be made for want of a credential, the error as its source.
///
/// | error | code |
/// |---|---|
/// | may pass: network, overload, 429, a file that is not there | `UNAVAILABLE` |
/// | [permanent](Error::is_permanent): the client was refused, a setting is wrong | `UNAUTHENTICATED` |
/// | [destination](Error::is_destination): the credential may not go there | `FAILED_PRECONDITION` |
/// | [possession](Error::is_possession): the client lacks what it is bound to | `FAILED_PRECONDITION` |
/// | [unknown key](Error::is_unknown_key): there is none for this call | `FAILED_PRECONDITION` |
///
/// The last three are not `UNAUTHENTICATED`, as in some other gRPC stacks, because no server has refused
/// anything and no other credential would help: the program has to be changed.
pub(crate) fn status(error: Error) -> Status {
    let code = if error.is_destination() || error.is_possession() || error.is_unknown_key() {
        Code::FailedPrecondition
    } else if error.is_transient() || is_local(&error) {
        Code::Unavailable
    } else {
        Code::Unauthenticated
    };
    coded(code, error)
}

/// The call's own deadline came first.
pub(crate) fn deadline(error: Error) -> Status {
    coded(Code::DeadlineExceeded, error)
}

/// No server has refused a client whose token file, say, is not there.
fn is_local(error: &Error) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<io::Error>().is_some())
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// A status travels through logs without its source, so that it says the causes itself, as far as
/// an event would.
fn coded(code: Code, error: Error) -> Status {
    let mut message = error.to_string();
    for cause in error.known_causes() {
        if !message.contains(&cause) {
            // Writing to a string can't fail.
            let _ = write!(message, ": {cause}");
        }
    }
    let mut status = Status::new(code, message);
    status.set_source(Arc::new(error));
    status
}
