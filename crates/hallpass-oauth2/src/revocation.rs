//! [`Revocation`]: giving tokens back when the program ends (RFC 7009).

use std::{fmt, sync::Arc, time::Duration};

use hallpass_core::{Cached, Credential, Error};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::{
    TokenRequest, TokenSource, Transport,
    grants::GrantPlan,
    plan, refusal,
    request::Plan,
    transport::{DynTransport, Phase},
};

/// How long a revocation may take: the program is about to end.
pub const REVOCATION_DEADLINE: Duration = Duration::from_secs(3);

/// A server's revocation endpoint, asked as the client of a [`TokenRequest`].
///
/// Best effort: nothing is tried twice, and everything ends at a deadline of
/// [`REVOCATION_DEADLINE`] unless another is set. Many servers leave an access token that is a JWT
/// valid until its end, revoked or not.
///
/// ```
/// use hallpass_core::{Cached, Error};
/// use hallpass_oauth2::{ClientCredentials, Secret, Transport};
///
/// # async fn example(transport: impl Transport + Clone) -> Result<(), Error> {
/// let builder = ClientCredentials::at("https://auth.example.com/token")
///     .basic("my-client", Secret::env("EXAMPLE_SECRET"));
/// let revocation = builder.revocation("https://auth.example.com/revoke", transport.clone())?;
/// let cached = Cached::new(builder.build(transport)?);
/// // …
/// if let Err(error) = revocation.shutdown(&cached).await {
///     tracing::info!(%error, "the token lives on to its end");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Revocation {
    plan: Arc<Plan>,
    transport: Arc<dyn DynTransport>,
    deadline: Duration,
}

impl<G> TokenRequest<G> {
    /// A way to revoke tokens at this URL, authenticated as this builder's client.
    ///
    /// # Errors
    /// As [`build`](Self::build), for this URL.
    pub fn revocation(
        &self,
        url: impl Into<String>,
        transport: impl Transport,
    ) -> Result<Revocation, Error> {
        // An empty grant_type is left out.
        let mut request = Self::new(url, GrantPlan::of(""));
        request.name.clone_from(&self.name);
        request.auth = self.auth;
        request.id.clone_from(&self.id);
        request.secret.clone_from(&self.secret);
        request.send_client_id = self.send_client_id;
        request.assertion = self.assertion.clone();
        request.allow_http = self.allow_http;
        request.fault.clone_from(&self.fault);
        Ok(Revocation {
            plan: Arc::new(plan::of(request)?),
            transport: Arc::new(transport),
            deadline: REVOCATION_DEADLINE,
        })
    }
}

impl Revocation {
    /// How long a revocation may take.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Revokes what `cached` holds, if it holds anything. It is not told: end its use first.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    ///
    /// # Cancel safety
    /// Dropping the future ends the exchange; the token may or may not be revoked.
    pub async fn shutdown(&self, cached: &Cached) -> Result<(), Error> {
        match cached.try_get() {
            Some(credential) => self.revoke(&credential).await,
            None => Ok(()),
        }
    }

    /// Revokes a bearer token. A server says yes to one that it doesn't know, too.
    ///
    /// # Errors
    /// If the credential is no bearer token, the server can't be reached in time, or says no.
    ///
    /// # Cancel safety
    /// Dropping the future ends the exchange; the token may or may not be revoked.
    pub async fn revoke(&self, credential: &Credential) -> Result<(), Error> {
        let value = credential.header_value().as_bytes();
        let token = value
            .strip_prefix(b"Bearer ")
            .and_then(|token| std::str::from_utf8(token).ok())
            .ok_or_else(|| Error::configuration("only a bearer token can be revoked"))?;
        self.ask(Zeroizing::new(token.to_owned()), "access_token")
            .await
    }

    /// Revokes the present refresh token of a source, and with it, at most servers, the access
    /// tokens that came of it. The source can't fetch any more then.
    ///
    /// # Errors
    /// If the source has no refresh token, the server can't be reached in time, or says no.
    ///
    /// # Cancel safety
    /// Dropping the future ends the exchange; the token may or may not be revoked.
    pub async fn revoke_refresh_token(&self, source: &TokenSource) -> Result<(), Error> {
        let rotation = source
            .rotation()
            .ok_or_else(|| Error::configuration("the source has no refresh token"))?;
        let token = rotation.read(&self.plan.name).await?;
        self.ask(token, "refresh_token").await
    }

    async fn ask(&self, token: Zeroizing<String>, hint: &str) -> Result<(), Error> {
        let origin = self.plan.url.origin();
        let late = || {
            let seconds = self.deadline.as_secs_f64();
            Error::timeout(format!("{origin} revoked nothing within {seconds} s"))
        };
        let exchange = async {
            let hint = Zeroizing::new(hint.to_owned());
            let client = self.plan.client().await?;
            let client = client
                .saying("token", token)
                .saying("token_type_hint", hint);
            let request = self.plan.request(&client)?;
            let answer = self.transport.send(request, self.deadline).await;
            let answer = answer.map_err(|error| match error.phase() {
                Phase::ConnectTimeout | Phase::ExchangeTimeout => late(),
                _ => Error::transient(error)
                    .context(format!("no answer from {origin} to a revocation")),
            })?;
            if answer.status().is_success() {
                return Ok(());
            }
            Err(refusal::of(&self.plan, &client, &answer))
        };
        let outcome = timeout(self.deadline, exchange).await;
        outcome.unwrap_or_else(|_| Err(late()))
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("endpoint", &self.plan.url.place())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
