//! [`SelfSigned`]: a JWT of one's own that is the token itself.

use std::{fmt, time::Duration};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};
use http::{HeaderName, HeaderValue};

use super::header::Placed;
use crate::{Jwt, Key};

/// A JWT that the client signs and sends to the API as it is; no token endpoint is asked.
///
/// ```
/// use hallpass_oauth2::{Key, Secret, SelfSigned};
///
/// let key = Key::read(Secret::file("/run/secrets/AuthKey_2X9R4HXF34.p8"));
/// let source = SelfSigned::app_store_connect("57246542-96fe-1a63-e053-0824d011072a", "2X9R4HXF34", key)
///     .origins(["https://api.appstoreconnect.apple.com"])?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct SelfSigned {
    jwt: Jwt,
    placed: Placed,
    beside: Vec<(HeaderName, HeaderValue)>,
}

impl SelfSigned {
    /// Signs this at each fetch and sends it as a bearer token. It is used for as long as
    /// [it lives](Jwt::lifetime).
    pub fn new(jwt: Jwt) -> Self {
        Self {
            jwt,
            placed: Placed::bearer("self-signed"),
            beside: Vec::new(),
        }
    }

    /// Snowflake's key-pair authentication. The account's name goes without region and cloud, and
    /// one of a replicated account (`acme-x.global`) without what comes after its first hyphen.
    pub fn snowflake(account: &str, user: &str, key: Key) -> Self {
        // Snowflake takes an hour at most, from `iat`.
        const LIFETIME: Duration = Duration::from_secs(58 * 60);
        let end = if account.contains(".global") {
            '-'
        } else {
            '.'
        };
        let account = account.split(end).next().unwrap_or_default();
        let subject = format!("{account}.{user}").to_uppercase();
        let jwt = Jwt::signed_by(key)
            .issuer(subject.as_str())
            .subject(subject)
            .fingerprint_in_issuer()
            .lifetime(LIFETIME);
        let mut source = Self::new(jwt).name("snowflake");
        let kind = HeaderName::from_static("x-snowflake-authorization-token-type");
        source.placed.description.beside.push(kind.clone());
        source
            .beside
            .push((kind, HeaderValue::from_static("KEYPAIR_JWT")));
        source
    }

    /// Apple's App Store Connect, with the team's issuer id and the key's id.
    pub fn app_store_connect(
        issuer_id: impl Into<String>,
        key_id: impl Into<String>,
        key: Key,
    ) -> Self {
        // Apple takes twenty minutes at most.
        const LIFETIME: Duration = Duration::from_secs(15 * 60);
        let jwt = Jwt::signed_by(key.kid(key_id))
            .issuer(issuer_id)
            .audience("appstoreconnect-v1")
            .lifetime(LIFETIME);
        Self::new(jwt).name("app-store-connect")
    }

    /// How it is called in events and messages.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.placed.description.name = name.into();
        self
    }

    /// Sends the token in this header, in this form: `Bearer {token}` in `Authorization` unless
    /// set.
    ///
    /// # Errors
    /// If the name is not a header's, or there is no `{token}` in the form.
    pub fn attach(mut self, header: &str, form: impl Into<String>) -> Result<Self, Error> {
        self.placed.attach(header, form.into())?;
        Ok(self)
    }

    /// The origins that it is for.
    ///
    /// # Errors
    /// If one is not an origin, such as `https://api.example.com`.
    pub fn origins<I>(mut self, origins: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.placed.origins(origins)?;
        Ok(self)
    }
}

impl CredentialSource for SelfSigned {
    /// # Cancel safety
    /// Nothing is kept between calls.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let jwt = self.jwt.ready(&self.placed.description.name).await?;
        why.sending()?;
        let token = jwt.sign()?;
        let credential = self.placed.credential(&token)?.lives_for(jwt.lifetime());
        let beside = self.beside.iter().cloned();
        Ok(beside.fold(credential, |credential, (name, value)| {
            credential.with_header(name, value)
        }))
    }

    fn description(&self) -> Description {
        self.placed.description.clone()
    }

    fn version(&self) -> u64 {
        self.jwt.key().version()
    }
}

impl fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfSigned")
            .field("name", &self.placed.description.name)
            .field("jwt", &self.jwt)
            .finish_non_exhaustive()
    }
}
