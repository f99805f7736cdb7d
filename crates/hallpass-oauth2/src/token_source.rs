//! [`TokenSource`]: asks a token endpoint, and tries again where that is right.

use std::{fmt, sync::Arc, time::Duration};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};
use http::StatusCode;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    answer,
    request::{Client, Plan},
    transport::{BODY_LIMIT, DynTransport, Phase, TransportError},
};

/// How long one try may take. Token endpoints answer within a second; ten leave room for a bad day
/// and let three tries fit in half a minute.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(10);

/// The pauses before the quick retries of one fetch. A kept-alive connection that the server has
/// closed is the usual cause, so the first comes soon.
pub const QUICK_RETRIES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(300)];

/// What a transport gets beyond its limit to say itself in which phase time ran out.
const GRACE: Duration = Duration::from_millis(100);

/// A token endpoint as a [`CredentialSource`]; built by
/// [`ClientCredentials`](crate::ClientCredentials). Cheap to clone.
#[derive(Clone)]
pub struct TokenSource {
    plan: Arc<Plan>,
    transport: Arc<dyn DynTransport>,
}

/// A try that brought no credential.
struct Failure {
    error: Error,
    /// Whether another try makes sense right away.
    quick: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            quick: false,
        }
    }
}

impl TokenSource {
    pub(crate) fn new(plan: Plan, transport: impl DynTransport) -> Self {
        Self {
            plan: Arc::new(plan),
            transport: Arc::new(transport),
        }
    }

    async fn attempt(&self, client: &Client, why: &Fetch) -> Result<Credential, Failure> {
        let left = why.deadline().saturating_duration_since(Instant::now());
        let limit = self.plan.attempt_deadline.min(left);
        if limit.is_zero() {
            return Err(self.too_late(why.limit(), None).into());
        }
        let request = self.plan.request(client)?;
        why.sending();
        let sent = timeout(limit + GRACE, self.transport.send(request, limit)).await;
        let answer = match sent {
            Err(_) => return Err(self.too_late(limit, None).into()),
            Ok(Err(error)) => return Err(self.unanswered(error, limit)),
            Ok(Ok(answer)) => answer,
        };
        // A transport stops reading there; one that forgets to gains nothing.
        if answer.body().len() > BODY_LIMIT {
            return Err(self.unanswered(TransportError::new(Phase::TooLarge), limit));
        }
        tracing::debug!(
            target: "hallpass",
            source = self.plan.name,
            origin = %self.plan.url.origin(),
            status = answer.status().as_u16(),
            "token endpoint answered"
        );
        answer::read(&self.plan, client, &answer).map_err(|error| Failure {
            quick: error.retry_after().is_none() && is_gateway_trouble(answer.status()),
            error,
        })
    }

    fn unanswered(&self, error: TransportError, limit: Duration) -> Failure {
        let origin = self.plan.url.origin();
        let phase = error.phase();
        let message = match phase {
            Phase::ConnectTimeout => return self.too_late(limit, Some("connect")).into(),
            Phase::ExchangeTimeout => return self.too_late(limit, Some("answer")).into(),
            Phase::Connect => format!("no connection to {origin}"),
            Phase::Exchange => {
                format!("the connection to {origin} ended before its answer was whole")
            }
            Phase::TooLarge => format!("{origin} answered with more than 1 MiB"),
        };
        Failure {
            error: Error::transient(error).context(message),
            quick: phase == Phase::Exchange,
        }
    }

    fn too_late(&self, limit: Duration, phase: Option<&str>) -> Error {
        let seconds = (limit.as_secs_f64() * 100.0).round() / 100.0;
        let phase = phase.map_or_else(String::new, |phase| format!(" ({phase})"));
        Error::timeout(format!(
            "no token from {} within {seconds} s{phase}",
            self.plan.url.origin()
        ))
    }
}

fn is_gateway_trouble(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}

impl CredentialSource for TokenSource {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let client = self.plan.client()?;
        let mut pauses = QUICK_RETRIES.into_iter();
        loop {
            let failure = match self.attempt(&client, why).await {
                Ok(credential) => return Ok(credential),
                Err(failure) => failure,
            };
            let Some(pause) = pauses.next().filter(|_| failure.quick) else {
                return Err(failure.error);
            };
            if Instant::now() + pause >= why.deadline() {
                return Err(failure.error);
            }
            tracing::debug!(
                target: "hallpass",
                source = self.plan.name,
                error = %failure.error,
                "token request failed, trying again at once"
            );
            sleep(pause).await;
        }
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.name.clone_from(&self.plan.name);
        description.header = self.plan.attach.header.clone();
        description.origins.clone_from(&self.plan.origins);
        description
    }

    fn version(&self) -> u64 {
        self.plan.version()
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("name", &self.plan.name)
            .field("endpoint", &self.plan.url.place())
            .field("client_auth", &self.plan.auth)
            .finish_non_exhaustive()
    }
}
