//! [`Watch`]: a refusal that comes at the end of an answer, in real trailers.

use hallpass_core::{Authorizer, Challenges, Verdict};
use http::{HeaderMap, StatusCode};

/// What an answer's body needs to judge its trailers.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) authorizer: Authorizer,
    /// That of the credential which the call carried.
    pub(crate) generation: u64,
}

impl Watch {
    pub(crate) fn ended(self, trailers: &HeaderMap) {
        if self.authorizer.judge(StatusCode::OK, trailers) == Verdict::Keep {
            return;
        }
        let challenges = Challenges::of(trailers);
        self.authorizer
            .cached()
            .reject_generation(self.generation, &challenges);
    }
}
