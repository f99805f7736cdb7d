//! [`TokenSource`]: asks a token endpoint, and tries again where that is right.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch, Rejected};
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    answer,
    body::peek,
    dialect::Judge,
    grants::{Rotation, Turn},
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
    /// Before then no token is asked for.
    closed_until: Arc<Mutex<Option<Instant>>>,
}

/// A try that brought no credential.
struct Failure {
    error: Error,
    /// Whether another try makes sense right away.
    quick: bool,
    /// Whether the server refused what it was sent.
    refused: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            quick: false,
            refused: false,
        }
    }
}

impl TokenSource {
    pub(crate) fn new(plan: Plan, transport: impl DynTransport) -> Self {
        Self {
            plan: Arc::new(plan),
            transport: Arc::new(transport),
            closed_until: Arc::default(),
        }
    }

    pub(crate) fn rotation(&self) -> Option<&Rotation> {
        self.plan.grant.rotation.as_ref()
    }

    /// Takes over the refresh token of the source that this one replaces.
    pub(crate) fn succeed(&mut self, before: &Self) {
        if let Some(plan) = Arc::get_mut(&mut self.plan)
            && before.rotation().is_some()
        {
            plan.grant.rotation = before.rotation().cloned();
        }
    }

    /// Some vendors refuse who asks too soon, or lock them out.
    fn check_interval(&self) -> Result<(), Error> {
        let until = *self.lock_interval();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if !left.is_zero() => Err(Error::transient("asked too soon")
                .context(format!(
                    "{} issues one token in {} s",
                    self.plan.url.origin(),
                    self.plan.dialect.renewal.interval.as_secs()
                ))
                .after(left)),
            _ => Ok(()),
        }
    }

    fn begin_interval(&self, asked: Instant, credential: &Credential) {
        let wait = self.plan.dialect.renewal.closed_for(credential.lifetime());
        if !wait.is_zero() {
            *self.lock_interval() = asked.checked_add(wait);
        }
    }

    fn lock_interval(&self) -> MutexGuard<'_, Option<Instant>> {
        let locked = self.closed_until.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    async fn attempt(
        &self,
        client: &Client,
        turn: Option<&Turn>,
        why: &Fetch,
    ) -> Result<(Credential, Instant), Failure> {
        let left = why.deadline().saturating_duration_since(Instant::now());
        let limit = self.plan.attempt_deadline.min(left);
        if limit.is_zero() {
            return Err(self.too_late(why.limit(), None).into());
        }
        let request = self.plan.request(client)?;
        why.sending();
        let start = Instant::now();
        let sent = match turn {
            None => self.send(request, limit).await,
            // An answer may bring the next refresh token, so it is read even if the fetch is not
            // there to see it.
            Some(turn) => {
                let (source, turn) = (self.clone(), turn.clone());
                let exchange = tokio::spawn(async move {
                    let sent = source.send(request, limit).await;
                    if let (Some(Ok(answer)), Some(rotation)) = (&sent, &source.plan.grant.rotation)
                    {
                        rotation.learn(answer);
                    }
                    drop(turn);
                    sent
                });
                exchange.await.map_err(|error| {
                    Error::transient(error).context("the token request was interrupted")
                })?
            }
        };
        let answer = match sent {
            None => return Err(self.too_late(limit, None).into()),
            Some(Err(error)) => return Err(self.unanswered(error, limit)),
            Some(Ok(answer)) => answer,
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
        let read = answer::read(&self.plan, client, &answer);
        let read = read.and_then(|credential| {
            let origin = self.plan.url.origin();
            self.plan.grant.finish(credential, &answer, origin)
        });
        let credential = read.map_err(|error| Failure {
            quick: error.retry_after().is_none() && is_gateway_trouble(answer.status()),
            refused: error.is_permanent() && !answer.status().is_success(),
            error,
        })?;
        Ok((credential, start))
    }

    /// None if time ran out without a word from the transport.
    async fn send(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Option<Result<Response<Bytes>, TransportError>> {
        let sent = timeout(limit + GRACE, self.transport.send(request, limit)).await;
        sent.ok()
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
        // The transport's own words for the phase would say the same again.
        let cause = error.into_cause().unwrap_or_else(|| {
            let nothing_more = match phase {
                Phase::TooLarge => "nothing of it was used",
                _ => "the transport gives no reason",
            };
            nothing_more.into()
        });
        Failure {
            error: Error::transient(cause).context(message),
            quick: phase == Phase::Exchange,
            refused: false,
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

fn rejected(judges: &[Judge]) -> Rejected {
    let (body, head): (Vec<_>, Vec<_>) = judges
        .iter()
        .cloned()
        .partition(|judge| judge.path().is_some());
    let mut rejected = Rejected::default();
    if !head.is_empty() {
        rejected = rejected
            .when(move |status, headers| head.iter().any(|judge| judge.by_head(status, headers)));
    }
    if !body.is_empty() {
        rejected = rejected.when_body(move |start| {
            body.iter().any(|judge| {
                let top = judge.path().and_then(|path| peek(start, path.top()));
                judge.by_body(|_| top.as_ref())
            })
        });
    }
    rejected
}

fn is_gateway_trouble(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}

impl CredentialSource for TokenSource {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        self.check_interval()?;
        let turn = match &self.plan.grant.rotation {
            Some(rotation) => Some(rotation.turn().await),
            None => None,
        };
        let mut client = self.plan.client().await?;
        let mut pauses = QUICK_RETRIES.into_iter();
        let mut reread = false;
        loop {
            let failure = match self.attempt(&client, turn.as_ref(), why).await {
                Ok((credential, asked)) => {
                    self.begin_interval(asked, &credential);
                    return Ok(credential);
                }
                Err(failure) => failure,
            };
            if failure.refused && !reread {
                reread = true;
                // A secret that was rotated meanwhile gets its chance at once.
                match self.plan.client().await {
                    Ok(now) if !now.same(&client) => {
                        client = now;
                        continue;
                    }
                    _ => return Err(failure.error),
                }
            }
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
        description.rejected = rejected(&self.plan.dialect.rejected);
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
