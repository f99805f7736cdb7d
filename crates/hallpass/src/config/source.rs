//! [`ClientSource`]: what a client's credential comes from.

use std::{future::Future, pin::Pin};

use hallpass_core::{
    Credential, CredentialSource, Description, Error, Fetch, Identified, Identity,
};
use hallpass_oauth2::{Basic, Discovered, Profile, Token, TokenSource};
use zeroize::Zeroizing;

use super::Reference;

/// The reference to a certificate, beside those that are settings for secrets.
pub(super) const CERTIFICATE: &str = "certificate";

/// What the credential of a [configured](super::ClientConfig) client comes from.
#[derive(Debug)]
pub struct ClientSource {
    kind: Kind,
    /// The settings, for where there is no request yet to tell one credential from another…
    identity: Identity,
    /// …and what the request will be made of.
    profile: Profile,
    /// Whose values tell credentials apart too: each may be another client's or another person's.
    references: Vec<(String, Reference)>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Endpoint(TokenSource),
    Discovered(Discovered),
    Token(Token),
    Basic(Basic),
}

macro_rules! each {
    ($self:expr, $source:ident => $does:expr) => {
        match &$self.kind {
            Kind::Endpoint($source) => $does,
            Kind::Discovered($source) => $does,
            Kind::Token($source) => $does,
            Kind::Basic($source) => $does,
        }
    };
}

impl ClientSource {
    pub(super) fn new(
        kind: Kind,
        identity: Identity,
        profile: Profile,
        references: Vec<(String, Reference)>,
    ) -> Self {
        Self {
            kind,
            identity,
            profile,
            references,
        }
    }
}

impl CredentialSource for ClientSource {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        each!(self, source => source.fetch(why).await)
    }

    fn description(&self) -> Description {
        each!(self, source => source.description())
    }

    fn version(&self) -> u64 {
        each!(self, source => source.version())
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        each!(self, source => source.news())
    }

    fn keeps_state(&self) -> bool {
        each!(self, source => source.keeps_state())
    }
}

impl Identified for ClientSource {
    /// The token request of an endpoint that is known, and the certificate that the token may be bound
    /// to; else the settings and what every reference of them holds now. An identity is confidential
    /// for that, and only a digest of it is kept. Where the endpoint is still to be found, a secret
    /// counts like everything else, so that a fleet which rotates it asks for tokens anew.
    ///
    /// # Errors
    /// As [`TokenSource`]'s, and if a reference can't be read.
    async fn identity(&self) -> Result<Identity, Error> {
        let (identity, only) = match &self.kind {
            Kind::Endpoint(source) => (source.identity().await?, Some(CERTIFICATE)),
            Kind::Discovered(source) if source.description().one_at_a_time => {
                return Err(Error::configuration(
                    "nothing tells whose token it gets, because its refresh token changes: give it a name with Shared::named",
                ));
            }
            _ => {
                let profile = self.profile.identity().await?;
                let identity = self.identity.clone();
                (identity.part("profile", profile.as_bytes()), None)
            }
        };
        let references = self.references.iter();
        references
            .filter(|(key, _)| only.is_none_or(|only| key == only))
            .try_fold(identity, |identity, (key, reference)| {
                Ok(identity.part(key, Zeroizing::new(reference.read()?)))
            })
    }
}
