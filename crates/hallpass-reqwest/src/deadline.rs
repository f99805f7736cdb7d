//! [`Deadline`]: one timeout for a request, however often it is sent.

use std::{future::Future, time::Duration};

use hallpass_core::Error;
use reqwest::Request;
use tokio::time::Instant;

/// The end of the timeout that the caller gave this one request, if any.
///
/// The wait for a credential counts, and a replay gets what is left. A timeout of the whole client
/// cannot be seen from a middleware; reqwest applies it to each sending by itself.
pub(crate) struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    pub(crate) fn of(request: &Request) -> Self {
        let timeout = request.timeout().copied();
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
                "no credential within the request's own timeout of {} s",
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
