//! The assertion that a client authenticates with (RFC 7523 §2.2).

use hallpass_core::Error;
use serde_json::Map;

use super::{
    Key,
    jwt::{ReadyJwt, Validity},
    key::ReadyKey,
};
use crate::{ClientAuth, token_url::TokenUrl};

/// The header that keeps such an assertion from being taken for anything else.
const TYP: &str = "client-authentication+jwt";

/// What the builder knows of it.
#[derive(Clone)]
pub(crate) struct ClientAssertion {
    pub(crate) key: Option<Key>,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Audience,
    pub(crate) validity: Validity,
    pub(crate) typ: Option<String>,
}

/// For whom the assertion is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Issuer,
    TokenUrl,
}

/// The same with nothing left to be said.
pub(crate) struct SettledAssertion {
    /// None if the client secret signs.
    key: Option<Key>,
    audience: String,
    validity: Validity,
    typ: String,
}

impl Default for ClientAssertion {
    fn default() -> Self {
        Self {
            key: None,
            issuer: None,
            audience: Audience::Issuer,
            validity: Validity::default(),
            typ: None,
        }
    }
}

impl ClientAssertion {
    /// None if the client authenticates in another way.
    pub(crate) fn settled(
        &self,
        auth: ClientAuth,
        url: &TokenUrl,
    ) -> Result<Option<SettledAssertion>, Error> {
        let key = match auth {
            ClientAuth::ClientSecretJwt => None,
            ClientAuth::PrivateKeyJwt => Some(self.key.clone().ok_or_else(|| {
                Error::configuration("no private key is set: call private_key_jwt")
            })?),
            _ => return Ok(None),
        };
        let audience = match (self.audience, &self.issuer) {
            (Audience::TokenUrl, _) => url.uri().to_string(),
            (Audience::Issuer, Some(issuer)) => issuer.clone(),
            (Audience::Issuer, None) => {
                return Err(Error::configuration(
                    "the client's assertion needs to say for whom it is: call issuer with the server's issuer identifier, or assertion_for_token_url",
                ));
            }
        };
        Ok(Some(SettledAssertion {
            key,
            audience,
            validity: self.validity,
            typ: self.typ.clone().unwrap_or_else(|| TYP.to_owned()),
        }))
    }
}

impl SettledAssertion {
    pub(crate) async fn ready(&self, id: &str, secret: &str, of: &str) -> Result<ReadyJwt, Error> {
        let key = match &self.key {
            Some(key) => key.ready(of).await?,
            None => ReadyKey::shared(secret),
        };
        let claims = [("iss", id), ("sub", id), ("aud", &self.audience)];
        let object = |pairs: &[(&str, &str)]| -> Map<_, _> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).into()))
                .collect()
        };
        Ok(ReadyJwt::new(
            key,
            object(&[("typ", &self.typ)]),
            object(&claims),
            self.validity,
        ))
    }

    pub(crate) fn version(&self) -> u64 {
        self.key.as_ref().map_or(0, Key::version)
    }
}
