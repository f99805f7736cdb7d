//! What a grant puts into a request: plain parameters, and values that are read at each fetch or
//! signed for each try.

use bytes::Bytes;
use hallpass_core::{Credential, Error, Origin};
use http::Response;
use zeroize::Zeroizing;

use super::{answer::member, rotation::Rotation};
use crate::{Jwt, Secret, assertion::ReadyJwt, secret::Use};

const REFRESH_TOKEN: &str = "refresh_token";

/// The part of a token request that makes it the request of one grant.
#[derive(Clone)]
pub(crate) struct GrantPlan {
    pub(crate) grant_type: &'static str,
    pub(crate) params: Vec<(&'static str, String)>,
    materials: Vec<(&'static str, Material)>,
    /// A refresh token that the server may replace.
    pub(crate) rotation: Option<Rotation>,
    /// A parameter without which the grant means nothing, and what to call to set it.
    needs: Option<(&'static str, &'static str)>,
    /// Whether the answer must say which kind of token it issued (RFC 8693 §2.2.1).
    pub(crate) issued_type: bool,
    /// Whether the scope is a claim of the assertion and no parameter.
    pub(crate) scope_in_claims: bool,
}

/// Where a value comes from.
#[derive(Clone)]
pub(crate) enum Material {
    /// Read at each fetch; the text says what it is for messages.
    Secret(Secret, &'static str),
    /// Signed for each try.
    Jwt(Box<Jwt>),
}

/// The same for the length of one fetch.
pub(crate) enum Read {
    Text(Zeroizing<String>),
    Jwt(ReadyJwt),
}

impl GrantPlan {
    pub(crate) fn of(grant_type: &'static str) -> Self {
        Self {
            grant_type,
            params: Vec::new(),
            materials: Vec::new(),
            rotation: None,
            needs: None,
            issued_type: false,
            scope_in_claims: false,
        }
    }

    pub(crate) fn needing(mut self, name: &'static str, advice: &'static str) -> Self {
        self.needs = Some((name, advice));
        self
    }

    /// Sets a value; one that was set under this name before goes.
    pub(crate) fn set(&mut self, name: &'static str, material: Material) {
        self.materials.retain(|(other, _)| *other != name);
        self.materials.push((name, material));
    }

    pub(crate) fn set_param(&mut self, name: &'static str, value: String) {
        self.params.retain(|(other, _)| *other != name);
        self.params.push((name, value));
    }

    pub(crate) fn material_mut(&mut self, name: &str) -> Option<&mut Material> {
        let found = self.materials.iter_mut().find(|(other, _)| *other == name);
        found.map(|(_, material)| material)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let rotating = self.rotation.as_ref().map(|_| REFRESH_TOKEN);
        self.materials.iter().map(|(name, _)| *name).chain(rotating)
    }

    /// Whether it stands on more than the client itself.
    pub(crate) fn brings_a_token(&self) -> bool {
        self.names().next().is_some()
    }

    /// Settles what only the whole builder knows.
    pub(crate) fn settled(mut self, audience: &str, scope: &mut String) -> Result<Self, Error> {
        if let Some((name, advice)) = self.needs
            && !self.names().any(|set| set == name)
        {
            return Err(Error::configuration(advice));
        }
        for (_, material) in &mut self.materials {
            match material {
                Material::Jwt(jwt) => {
                    jwt.audience_unless_set(audience);
                    if self.scope_in_claims && !scope.is_empty() {
                        jwt.set_claim("scope", std::mem::take(scope).into());
                    }
                }
                Material::Secret(..) => {}
            }
        }
        // A builder may be cloned and built twice.
        self.rotation = self.rotation.map(|rotation| rotation.fresh()).transpose()?;
        Ok(self)
    }

    pub(crate) async fn read(&self, of: &str) -> Result<Vec<(&'static str, Read)>, Error> {
        let mut read = Vec::with_capacity(self.materials.len());
        for (name, material) in &self.materials {
            let value = match material {
                Material::Secret(secret, what) => Read::Text(secret.read(Use { what, of }).await?),
                Material::Jwt(jwt) => Read::Jwt(jwt.ready(of).await?),
            };
            read.push((*name, value));
        }
        if let Some(rotation) = &self.rotation {
            read.push((REFRESH_TOKEN, Read::Text(rotation.read(of).await?)));
        }
        Ok(read)
    }

    /// Looks for what only this grant wants of an answer.
    pub(crate) fn finish(
        &self,
        credential: Credential,
        answer: &Response<Bytes>,
        origin: &Origin,
    ) -> Result<Credential, Error> {
        const MEMBER: &str = "issued_token_type";
        if !self.issued_type {
            return Ok(credential);
        }
        match member(answer.body(), MEMBER) {
            Some(kind) => Ok(credential.with_field(MEMBER, kind.as_str())),
            None => Err(Error::transient(format!("no {MEMBER}")).context(format!(
                "{origin} answered {} without an {MEMBER}",
                answer.status().as_u16()
            ))),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        let rotating = self.rotation.as_ref().map_or(0, Rotation::version);
        self.materials.iter().fold(rotating, |sum, (_, material)| {
            sum.wrapping_add(match material {
                Material::Secret(secret, _) => secret.version(),
                Material::Jwt(jwt) => jwt.key().version(),
            })
        })
    }
}

impl Read {
    /// The value for one try.
    pub(crate) fn value(&self) -> Result<Zeroizing<String>, Error> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Jwt(jwt) => jwt.sign(),
        }
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Jwt(one), Self::Jwt(two)) => one.same_key(two),
            _ => false,
        }
    }
}
