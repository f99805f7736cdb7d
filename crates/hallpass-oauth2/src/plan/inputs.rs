//! What a request needs beside the plan: read at each fetch, or signed for each try.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::SystemTime};

use hallpass_core::Error;
use zeroize::Zeroizing;

use crate::{
    ClientAuth, Dpop, Jwt, Param, Secret,
    assertion::{ReadyJwt, SettledAssertion, Skew, thumbprint},
    dpop::Prover,
    rotation::Rotation,
    secret::Use,
    template::{Template, TemplateContext, Unfilled},
};

/// The parameter that a refresh token goes in.
const REFRESH_TOKEN: &str = "refresh_token";

/// The parameter that the JWT bearer grant's assertion goes in.
pub(crate) const ASSERTION: &str = "assertion";

/// Claims that are filled at each fetch.
pub(super) type Claims = Vec<(String, Param<Template>)>;

/// The parameters of a client's assertion (RFC 7521 §4.2).
pub(super) const CLIENT_ASSERTION: [&str; 2] = ["client_assertion_type", "client_assertion"];

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where a parameter of the grant comes from.
#[derive(Clone)]
pub(crate) enum GrantInput {
    /// Read at each fetch; the text says in messages what it is.
    Secret(Secret, &'static str),
    /// Signed for each try.
    Jwt(Box<Jwt>),
}

/// What the grant brings to a request.
#[derive(Clone, Default)]
pub(crate) struct GrantInputs {
    inputs: Vec<(&'static str, GrantInput)>,
    /// A refresh token that the server may replace.
    pub(crate) rotation: Option<Rotation>,
}

/// The same for the length of one fetch.
enum ResolvedInput {
    Text(Zeroizing<String>),
    Jwt(ReadyJwt),
}

impl GrantInputs {
    /// Sets a parameter; one that was set under this name before goes.
    pub(crate) fn set(&mut self, name: &'static str, input: GrantInput) {
        self.inputs.retain(|(other, _)| *other != name);
        self.inputs.push((name, input));
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut GrantInput> {
        let found = self.inputs.iter_mut().find(|(other, _)| *other == name);
        found.map(|(_, input)| input)
    }

    pub(crate) fn jwts(&mut self) -> impl Iterator<Item = &mut Jwt> {
        self.inputs.iter_mut().filter_map(|(_, input)| match input {
            GrantInput::Jwt(jwt) => Some(&mut **jwt),
            GrantInput::Secret(..) => None,
        })
    }

    /// The names of its parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let rotating = self.rotation.as_ref().map(|_| REFRESH_TOKEN);
        self.inputs.iter().map(|(name, _)| *name).chain(rotating)
    }

    /// Whether each try signs what it sends.
    pub(crate) fn signs_anew(&self) -> bool {
        let signed = |(_, input): &(_, GrantInput)| matches!(input, GrantInput::Jwt(_));
        !self.inputs.is_empty() && self.inputs.iter().all(signed)
    }

    fn version(&self) -> u64 {
        let rotating = self.rotation.as_ref().map_or(0, Rotation::version);
        self.inputs.iter().fold(rotating, |sum, (_, input)| {
            sum.wrapping_add(match input {
                GrantInput::Secret(secret, _) => secret.version(),
                GrantInput::Jwt(jwt) => jwt.key().version(),
            })
        })
    }
}

/// Whatever is read at each fetch.
pub(crate) struct Inputs {
    pub(super) auth: ClientAuth,
    pub(super) id: Option<Secret>,
    pub(super) secret: Option<Secret>,
    pub(super) assertion: Option<SettledAssertion>,
    /// The secret variables that templates name.
    pub(super) variables: Vec<(String, Secret)>,
    /// Of the grant's assertion, where the profile describes it.
    pub(super) claims: Claims,
    pub(super) grant: GrantInputs,
    pub(super) dpop: Option<Dpop>,
    /// The certificate that tokens are bound to.
    pub(super) certificate: Option<Secret>,
}

/// The same as it is during one fetch.
pub(crate) struct ResolvedInputs {
    pub(crate) id: Option<Zeroizing<String>>,
    pub(crate) secret: Option<Zeroizing<String>>,
    pub(crate) variables: Vec<(String, Zeroizing<String>)>,
    /// What else stands in the parameters: the client's assertion, the grant's tokens.
    further: Vec<(&'static str, ResolvedInput)>,
    /// What the token will be bound to.
    pub(crate) dpop: Option<(Dpop, Arc<Prover>)>,
    /// The thumbprint of the certificate that it will be bound to.
    pub(crate) certificate: Option<String>,
    /// How far the clock is from ours by which JWTs are signed.
    skew: Skew,
    /// Whether templates are filled with the same each time.
    constant: bool,
}

impl Inputs {
    /// Whether the client signs an assertion to say who it is.
    pub(crate) fn signs(&self) -> bool {
        self.assertion.is_some()
    }

    /// Whether the request stands on more than the client itself.
    pub(crate) fn bring_a_token(&self) -> bool {
        self.grant.names().next().is_some()
    }

    pub(super) fn claim_texts(&self) -> impl Iterator<Item = &Template> {
        self.claims.iter().flat_map(|(_, claim)| claim.texts())
    }

    pub(crate) fn rotation(&self) -> Option<&Rotation> {
        self.grant.rotation.as_ref()
    }

    pub(crate) fn dpop(&self) -> Option<&Dpop> {
        self.dpop.as_ref()
    }

    pub(crate) fn set_dpop(&mut self, dpop: Dpop) {
        self.dpop = Some(dpop);
    }

    pub(crate) fn set_rotation(&mut self, rotation: Rotation) {
        self.grant.rotation = Some(rotation);
    }

    /// Reads all of it. `of` names the source in messages.
    ///
    /// The refresh token is read last: to read it is to have the turn.
    pub(crate) async fn resolve(&self, of: &str) -> Result<ResolvedInputs, Error> {
        self.read_all(of, false).await
    }

    /// Reads all of it, for what stays the same as long as the credential is the same one's: without
    /// what only proves who the client or the user is, with the claims of JWTs in their place, and
    /// with neither times nor random numbers in what templates say.
    pub(crate) async fn resolve_constant(&self, of: &str) -> Result<ResolvedInputs, Error> {
        Ok(self.read_all(of, true).await?.without_proofs())
    }

    async fn read_all(&self, of: &str, constant: bool) -> Result<ResolvedInputs, Error> {
        let mut resolved = ResolvedInputs {
            id: read(self.id.as_ref(), "client id", of).await?,
            secret: match self.auth {
                ClientAuth::None | ClientAuth::Tls => None,
                _ => read(self.secret.as_ref(), "client secret", of).await?,
            },
            variables: Vec::with_capacity(self.variables.len()),
            further: Vec::new(),
            dpop: None,
            certificate: None,
            skew: Skew::default(),
            constant,
        };
        if let Some(dpop) = &self.dpop {
            resolved.dpop = Some((dpop.clone(), dpop.ready(of).await?));
        }
        if let Some(pem) = read(self.certificate.as_ref(), "certificate", of).await? {
            resolved.certificate = Some(thumbprint(pem.as_bytes())?);
        }
        for (name, secret) in &self.variables {
            let what = "secret variables";
            let value = secret.read(Use { what, of }).await?;
            resolved.variables.push((name.clone(), value));
        }
        if let Some(assertion) = &self.assertion {
            let [id, secret] = [&resolved.id, &resolved.secret]
                .map(|half| half.as_deref().map_or("", String::as_str));
            let jwt = assertion.ready(id, secret, of).await?;
            let kind = Zeroizing::new(JWT_BEARER.to_owned());
            let [kind_name, name] = CLIENT_ASSERTION;
            resolved
                .further
                .push((kind_name, ResolvedInput::Text(kind)));
            resolved.further.push((name, ResolvedInput::Jwt(jwt)));
        }
        for (name, input) in &self.grant.inputs {
            let value = match input {
                GrantInput::Secret(secret, what) => {
                    ResolvedInput::Text(secret.read(Use { what, of }).await?)
                }
                GrantInput::Jwt(jwt) => {
                    let mut jwt = jwt.ready(of).await?;
                    let context = resolved.context();
                    for (name, claim) in &self.claims {
                        let claim = claim.map(&mut |text| text.fill(&context).map_err(unfilled))?;
                        jwt.set_claim(name, serde_json::to_value(&claim).unwrap_or_default());
                    }
                    ResolvedInput::Jwt(jwt)
                }
            };
            resolved.further.push((name, value));
        }
        if let Some(rotation) = &self.grant.rotation {
            let token = rotation.current(of).await?;
            resolved
                .further
                .push((REFRESH_TOKEN, ResolvedInput::Text(token)));
        }
        if self.auth == ClientAuth::BasicRaw
            && resolved.id.as_deref().is_some_and(|id| id.contains(':'))
        {
            return Err(Error::configuration(format!(
                "the client id of \"{of}\" holds a colon, which raw Basic can't carry: use basic"
            )));
        }
        Ok(resolved)
    }

    /// A number that changes with any of it.
    pub(crate) fn version(&self) -> u64 {
        let signed = self.assertion.as_ref().map_or(0, SettledAssertion::version);
        let variables = self.variables.iter().map(|(_, secret)| secret);
        [&self.id, &self.secret]
            .into_iter()
            .flatten()
            .chain(&self.certificate)
            .chain(variables)
            .map(Secret::version)
            .fold(signed, u64::wrapping_add)
            .wrapping_add(self.grant.version())
            .wrapping_add(self.dpop.as_ref().map_or(0, Dpop::version))
    }
}

async fn read(
    secret: Option<&Secret>,
    what: &'static str,
    of: &str,
) -> Result<Option<Zeroizing<String>>, Error> {
    match secret {
        Some(secret) => secret.read(Use { what, of }).await.map(Some),
        None => Ok(None),
    }
}

/// Why a request can't be filled.
pub(super) fn unfilled(why: Unfilled) -> Error {
    Error::configuration(match why {
        Unfilled::Missing(name) => {
            format!("the token request names \"{name}\", which only its answer brings")
        }
        Unfilled::TooLong => "a template of the token request grows beyond 1 MiB".to_owned(),
    })
}

impl ResolvedInputs {
    /// Whether a refusal of the one is a refusal of the other too.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let pairs = || self.further.iter().zip(&other.further);
        self.id == other.id
            && self.secret == other.secret
            && self.variables == other.variables
            && self.certificate == other.certificate
            && self.has_key_of(other)
            && pairs().all(|((_, one), (_, two))| one.same(two))
    }

    fn has_key_of(&self, other: &Self) -> bool {
        match (&self.dpop, &other.dpop) {
            (Some((_, one)), Some((_, two))) => one.same_key(two),
            (None, None) => true,
            _ => false,
        }
    }

    /// The same with a parameter of this one request.
    pub(crate) fn saying(mut self, name: &'static str, value: Zeroizing<String>) -> Self {
        self.further.push((name, ResolvedInput::Text(value)));
        self
    }

    fn without_proofs(mut self) -> Self {
        self.secret = self.secret.map(|_| Zeroizing::default());
        let proofs = CLIENT_ASSERTION.iter().chain(&["password"]);
        let proofs: Vec<_> = proofs.copied().collect();
        self.further.retain(|(name, _)| !proofs.contains(name));
        for (_, input) in &mut self.further {
            if let ResolvedInput::Jwt(jwt) = input {
                *input = ResolvedInput::Text(jwt.unsigned());
            }
        }
        self
    }

    /// Whether a JWT is among them, which a clock that differs may spoil.
    pub(crate) fn sign(&self) -> bool {
        let jwt = |(_, input): &(_, ResolvedInput)| matches!(input, ResolvedInput::Jwt(_));
        self.further.iter().any(jwt)
    }

    /// Signs by another clock from now on.
    pub(crate) fn set_skew(&mut self, skew: Skew) {
        self.skew = skew;
    }

    pub(super) fn skew(&self) -> Skew {
        self.skew
    }

    /// The refresh token that the request sends.
    pub(crate) fn refresh_token(&self) -> Option<&str> {
        self.further.iter().find_map(|(name, input)| match input {
            ResolvedInput::Text(text) if *name == REFRESH_TOKEN => Some(text.as_str()),
            _ => None,
        })
    }

    /// Names and values of what goes among the parameters, for one try.
    pub(super) fn signed(&self) -> Result<Vec<(&'static str, Zeroizing<String>)>, Error> {
        let value = |(name, input): &(&'static str, ResolvedInput)| {
            let value = match input {
                ResolvedInput::Text(text) => text.clone(),
                ResolvedInput::Jwt(jwt) => jwt.sign_for(self.skew)?,
            };
            Ok((*name, value))
        };
        self.further.iter().map(value).collect()
    }

    /// What templates may name before there is an answer.
    pub(crate) fn context(&self) -> TemplateContext<'_> {
        TemplateContext {
            id: self.id.as_deref().map_or("", String::as_str),
            secret: self.secret.as_deref().map_or("", String::as_str),
            token: "",
            variables: &self.variables,
            fields: Cow::Owned(BTreeMap::new()),
            now: (!self.constant).then(SystemTime::now),
        }
    }
}

impl ResolvedInput {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Jwt(one), Self::Jwt(two)) => one.same_key(two),
            _ => false,
        }
    }
}
