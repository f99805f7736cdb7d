//! [`Deadline`]: one timeout for a request, however often it is sent.

use std::{future::Future, time::Duration};

use hallpass_core::Error;
use reqwest::Request;
use tokio::time::Instant;

/// The end of the time that this one request has, if that is limited.
///
/// The wait for a credential counts, and each further sending gets what is left. A timeout of the
/// whole client cannot be seen from a middleware; reqwest applies it to each sending by itself.
pub(crate) struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    /// By the timeout of the request's own, or else the usual one.
    pub(crate) fn of(request: &Request, usual: Option<Duration>) -> Self {
        let timeout = request.timeout().copied().or(usual);
        // One too long to be counted is none.
        Self(timeout.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit))))
    }

    /// Waits for a credential, until the end of the request's time at most.
    pub(crate) async fn wait<T>(
        &self,
        outcome: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some((end, limit)) = self.0 else {
            return outcome.await;
        };
        match tokio::time::timeout_at(end, outcome).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::timeout(format!(
                "no credential within the request's timeout of {} s",
                limit.as_secs_f64()
            ))),
        }
    }

    /// Leaves a request that is about to be sent as much time as there is.
    pub(crate) fn apply(&self, request: &mut Request) {
        if let Some((end, _)) = self.0 {
            *request.timeout_mut() = Some(end.saturating_duration_since(Instant::now()));
        }
    }
}
