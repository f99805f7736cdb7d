//! [`Revocation`]: giving tokens back when the program ends (RFC 7009).

use std::{fmt, sync::Arc, time::Duration};

use hallpass_core::{Cached, Credential, Error};
use tokio::{
    sync::RwLock,
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

use crate::{
    Encoding, Grant, Profile, TokenRequest, TokenSource, Transport,
    plan::{GrantInputs, Plan, Settings, compile},
    response::{Answer, Asked, Redactor, classify, error},
    template::literal,
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
    /// Held for reading by the fetches of the builder's sources.
    under_way: Arc<RwLock<()>>,
}

/// What a fetch that has just ended gets to hand its credential over.
const HANDOVER: Duration = Duration::from_millis(5);

impl TokenRequest {
    /// A way to revoke tokens at this URL, authenticated as this builder's client.
    ///
    /// # Errors
    /// As [`build`](Self::build), for this URL.
    pub fn revocation(
        &self,
        url: impl Into<String>,
        transport: impl Transport,
    ) -> Result<Revocation, Error> {
        let own = self.clone().settings()?;
        let under_way = own.under_way.clone();
        let profile = Profile {
            name: own.profile.name,
            token_url: literal(&url.into()),
            grant: Grant::ClientCredentials,
            encoding: Encoding::Form,
            client_auth: own.profile.client_auth,
            issuer: own.profile.issuer,
            assertion_for_token_url: own.profile.assertion_for_token_url,
            assertion_kid: own.profile.assertion_kid,
            assertion_alg: own.profile.assertion_alg,
            assertion_typ: own.profile.assertion_typ,
            assertion_lifetime: own.profile.assertion_lifetime,
            assertion_backdated: own.profile.assertion_backdated,
            // An empty one is left out.
            params: vec![("grant_type".to_owned(), "".into())],
            send_client_id: own.profile.send_client_id,
            variables: own.profile.variables,
            values: own.profile.values,
            ..Profile::default()
        };
        let plan = compile(&Settings {
            profile,
            grant: GrantInputs::default(),
            ..own
        })?;
        Ok(Revocation {
            plan: Arc::new(plan),
            transport: Arc::new(transport),
            deadline: REVOCATION_DEADLINE,
            under_way,
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
    /// A fetch that is under way in a source of the same builder is waited for, within the deadline:
    /// what it brings would live on. None begins before the revocation has ended.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    ///
    /// # Cancel safety
    /// Dropping the future ends the exchange; the token may or may not be revoked.
    pub async fn shutdown(&self, cached: &Cached) -> Result<(), Error> {
        self.in_time(async {
            let _alone = self.alone().await;
            match cached.try_get() {
                Some(credential) => self.ask(access_token(&credential)?, "access_token").await,
                None => Ok(()),
            }
        })
        .await
    }

    /// Revokes an access token, bound to a key or not. A server says yes to one that it doesn't know, too.
    ///
    /// A fetch that is under way in a source of the same builder is waited for, as by
    /// [`shutdown`](Self::shutdown), which revokes what that brings.
    ///
    /// # Errors
    /// If the credential is no access token, the server can't be reached in time, or says no.
    ///
    /// # Cancel safety
    /// Dropping the future ends the exchange; the token may or may not be revoked.
    pub async fn revoke(&self, credential: &Credential) -> Result<(), Error> {
        let token = access_token(credential)?;
        self.in_time(async {
            let _alone = self.under_way.write().await;
            self.ask(token, "access_token").await
        })
        .await
    }

    /// Revokes the present refresh token of a source, and with it, at most servers, the access
    /// tokens that came of it. A refresh that is under way is waited for, within the deadline. The
    /// source can't fetch any more then.
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
        self.in_time(async {
            // A request that has left may bring another token in this one's place.
            let _turn = rotation.turn().await;
            let token = rotation.current(&self.plan.name).await?;
            self.ask(token.clone(), "refresh_token").await?;
            rotation.spend(&token);
            Ok(())
        })
        .await
    }

    async fn in_time(&self, work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let outcome = timeout(self.deadline, work).await;
        outcome.unwrap_or_else(|_| Err(self.late()))
    }

    /// Waits for the fetches that are under way, and until what they brought is in its place.
    async fn alone(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        let waited = self.under_way.try_write().is_err();
        let alone = self.under_way.write().await;
        if waited {
            sleep(HANDOVER).await;
        }
        alone
    }

    fn late(&self) -> Error {
        let origin = self.plan.url.origin();
        let seconds = self.deadline.as_secs_f64();
        Error::timeout(format!("{origin} revoked nothing within {seconds} s"))
    }

    /// Within the caller's deadline.
    async fn ask(&self, token: Zeroizing<String>, hint: &str) -> Result<(), Error> {
        let origin = self.plan.url.origin();
        let hint = Zeroizing::new(hint.to_owned());
        let inputs = self.plan.inputs.resolve(&self.plan.name).await?;
        let inputs = inputs
            .saying("token", token)
            .saying("token_type_hint", hint);
        let prepared = self.plan.request.prepare(&self.plan.url, &inputs)?;
        let response = self.transport.send(prepared.request, self.deadline).await;
        let response = response.map_err(|failed| match failed.phase() {
            Phase::ConnectTimeout | Phase::ExchangeTimeout => self.late(),
            _ => {
                Error::transient(failed).context(format!("no answer from {origin} to a revocation"))
            }
        })?;
        if response.status().is_success() {
            return Ok(());
        }
        let asked = Asked {
            plan: &self.plan,
            inputs: &inputs,
            redactor: &Redactor::of(&prepared.secrets, &inputs),
        };
        let answer = Answer::read(&self.plan.response, &response);
        let verdict = classify(&self.plan.response, &answer);
        Err(error(&asked, &answer, verdict))
    }
}

/// The token of a credential, bound to a key or not.
fn access_token(credential: &Credential) -> Result<Zeroizing<String>, Error> {
    let plain = || {
        let value = credential.header_value().to_str().ok()?;
        value.strip_prefix("Bearer ")
    };
    let token = credential.token().or_else(plain);
    token
        .map(|token| Zeroizing::new(token.to_owned()))
        .ok_or_else(|| Error::configuration("only an access token can be revoked"))
}

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("endpoint", &self.plan.url.place())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
