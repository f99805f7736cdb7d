//! The assertions that a profile describes: the client's own, and the one that is exchanged.

use hallpass_core::Error;

use super::{inputs::Claims, settings::Settings};
use crate::{
    Grant, Jwt, Key, Profile, Secret,
    assertion::{Audience, ClientAssertion, Validity},
    template::{Place, Template, variable},
    value::Value,
};

/// What the client authenticates with, as the profile wants it.
pub(super) fn client_assertion(settings: &Settings) -> Result<ClientAssertion, Error> {
    let profile = &settings.profile;
    let mut assertion = settings.assertion.clone();
    if let Some(issuer) = &profile.issuer {
        assertion.issuer = Some(profile.expanded(issuer, Place::Text)?);
    }
    if profile.assertion_for_token_url {
        assertion.audience = Audience::TokenUrl;
    }
    let key = assertion.key.map(|key| named(profile, key));
    assertion.key = key.transpose()?;
    assertion.typ.clone_from(&profile.assertion_typ);
    set_validity(profile, &mut assertion.validity);
    Ok(assertion)
}

/// The assertion of the JWT bearer grant, and the claims that each fetch fills, if the profile has
/// any.
pub(super) fn described(settings: &Settings) -> Result<Option<(Jwt, Claims)>, Error> {
    let profile = &settings.profile;
    if profile.claims.is_empty() {
        return Ok(None);
    }
    if profile.grant != Grant::JwtBearer {
        return Err(Error::configuration(format!(
            "claims are set, but the grant is {}",
            profile.grant.grant_type()
        )));
    }
    let claims = profile.compiled_params(&profile.claims)?;
    let mut texts = claims.iter().flat_map(|(_, claim)| claim.texts());
    if texts.any(Template::shows_client_secret) {
        return Err(Error::configuration(
            "a claim names {client_secret} or {basic}, which whoever reads the assertion would know",
        ));
    }
    let mut jwt = Jwt::signed_by(named(profile, key(settings)?)?);
    if let Some(typ) = &profile.assertion_typ {
        jwt = jwt.header("typ", typ.as_str());
    }
    set_validity(profile, &mut jwt.validity);
    Ok(Some((jwt, claims)))
}

/// The key of the assertion that is exchanged. Never a secret that is sent, too.
fn key(settings: &Settings) -> Result<Key, Error> {
    let profile = &settings.profile;
    if let Some(name) = profile.assertion_key.as_deref().and_then(variable) {
        return match profile.values.get(&name) {
            Some(Value::Secret(secret)) => Ok(Key::read(secret.clone())),
            Some(Value::Plain(text)) => Ok(Key::read(Secret::from(text.as_str()))),
            None => Err(profile.unset(name)),
        };
    }
    match (&settings.assertion.key, &settings.secret) {
        (Some(key), _) => Ok(key.clone()),
        (None, Some(secret)) if !profile.client_auth.needs_secret() => {
            Ok(Key::read(secret.clone()))
        }
        (None, Some(_)) => Err(Error::configuration(
            "the claims would be signed with the secret that the client authenticates with: name a key of their own in assertion_key",
        )),
        (None, None) => Err(Error::configuration(
            "no key is set that signs the claims: call client, with the key as the secret",
        )),
    }
}

/// The key as the profile names it, where it was told nothing itself.
fn named(profile: &Profile, key: Key) -> Result<Key, Error> {
    let kid = profile.assertion_kid.as_ref();
    let kid = kid
        .map(|kid| profile.expanded(kid, Place::Text))
        .transpose()?;
    Ok(key.named_unless_named(kid, profile.assertion_alg))
}

fn set_validity(profile: &Profile, validity: &mut Validity) {
    validity.lifetime = profile.assertion_lifetime.unwrap_or(validity.lifetime);
    validity.backdated = profile.assertion_backdated.unwrap_or(validity.backdated);
}
