//! What a server has not looked at fails with `UNAVAILABLE`, so that retries may send it again.

use std::{error::Error as StdError, iter, sync::Arc};

use h2::Reason;
use hallpass_core::BoxError;
use tonic::{Code, Status};

/// The status of a call that has no answer.
///
/// tonic's own depends on its features, and takes a GOAWAY without an error for an error of the
/// server's, and a connection that ended before a call went out for the caller's own leaving;
/// "HTTP/2 Transport Mapping" of gRPC has `UNAVAILABLE` for what was not processed.
pub(crate) fn status(error: BoxError) -> Status {
    let unprocessed = {
        let first: &(dyn StdError + 'static) = &*error;
        let mut causes = iter::successors(Some(first), |&cause| cause.source());
        causes.any(|cause| {
            let unsent = |error: &hyper::Error| error.is_canceled();
            cause.downcast_ref().is_some_and(is_unprocessed)
                || cause.downcast_ref().is_some_and(unsent)
        })
    };
    let told = Status::from_error(error);
    if !unprocessed || told.code() == Code::Unavailable {
        return told;
    }
    let mut status = Status::unavailable("the server has not looked at the call");
    status.set_source(Arc::new(told));
    status
}

/// The two ways in which a server says so (RFC 9113 §8.7).
fn is_unprocessed(error: &h2::Error) -> bool {
    let reason = error.reason();
    let gone = error.is_go_away() && error.is_remote() && reason == Some(Reason::NO_ERROR);
    gone || (error.is_reset() && reason == Some(Reason::REFUSED_STREAM))
}
