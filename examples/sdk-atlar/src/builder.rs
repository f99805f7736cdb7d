//! [`Builder`]: who asks, and where.

use std::{fmt, sync::Arc, time::Duration};

use hallpass::{Basic, BearerLayer, Cached, Profile, Secret};
use tower::Layer as _;

use crate::{
    Atlar, Error,
    client::{Http, Inner},
};

const PRODUCTION: &str = "https://api.atlar.com";

/// How long a call may take, its retries and the wait for a token included.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Settings for an [`Atlar`].
///
/// Its `Debug` tells where the secret comes from and never what it is.
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    base_url: String,
    access_key: Option<Secret>,
    secret: Option<Secret>,
    basic: bool,
    timeout: Duration,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            base_url: PRODUCTION.to_owned(),
            access_key: None,
            secret: None,
            basic: false,
            timeout: TIMEOUT,
        }
    }

    /// The access key and secret of a programmatic access user: texts, or places such as
    /// `Secret::env("ATLAR_SECRET")` that are read again for each token.
    pub fn credentials(mut self, access_key: impl Into<Secret>, secret: impl Into<Secret>) -> Self {
        self.access_key = Some(access_key.into());
        self.secret = Some(secret.into());
        self
    }

    /// Another server than production, such as the sandbox or a test's. Credentials go nowhere else.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        url.trim_end_matches('/').clone_into(&mut self.base_url);
        self
    }

    /// Sends access key and secret with each call in place of a token, for quick tests.
    pub fn basic(mut self) -> Self {
        self.basic = true;
        self
    }

    /// How long a call may take in all: 30 seconds unless set.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Builds the client. Nothing is sent before its first call.
    ///
    /// # Errors
    /// If there are no credentials, or the URL is none that they may go to.
    pub fn build(self) -> Result<Atlar, Error> {
        let credential = self.credential()?;
        let layer = BearerLayer::new(credential.clone()).origins([self.base_url.as_str()])?;
        let http: Http = layer.layer(hallpass::hyper::client()?);
        Ok(Atlar {
            inner: Arc::new(Inner {
                base_url: self.base_url,
                credential,
                http,
                timeout: self.timeout,
            }),
        })
    }

    fn credential(&self) -> Result<Cached, Error> {
        let (Some(access_key), Some(secret)) = (self.access_key.clone(), self.secret.clone())
        else {
            return Err(Error::unset("no credentials are set: call credentials"));
        };
        if self.basic {
            return Ok(Basic::new(access_key, secret).into());
        }
        let source = Profile::named("atlar")?
            .token_url(format!("{}/iam/v2beta/oauth2/token", self.base_url))
            .origins([self.base_url.as_str()])
            .client(access_key, secret)
            .build(hallpass::hyper::transport()?)?;
        Ok(source.into())
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("base_url", &self.base_url)
            .field("secret", &self.secret)
            .field("basic", &self.basic)
            .finish_non_exhaustive()
    }
}
