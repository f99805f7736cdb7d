//! Calls that failed, and why the first of them did.

use http::StatusCode;

use crate::Outcome;

#[derive(Debug, Default, Clone)]
pub(crate) struct Failures {
    pub(crate) count: usize,
    pub(crate) first: Option<String>,
}

impl Failures {
    /// Any answer but 200 is a failure. Says whether this was one.
    pub(crate) fn note(&mut self, outcome: Outcome<StatusCode>) -> bool {
        let reason = match outcome {
            Ok(StatusCode::OK) => return false,
            Ok(status) => format!("answered with {status}"),
            Err(error) => format!("{error:?}"),
        };
        self.count += 1;
        self.first.get_or_insert(reason);
        true
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.take().or(other.first);
    }
}
