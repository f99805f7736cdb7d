//! [`Dpop`]: tokens that are worth nothing without a key (RFC 9449).

mod binding;
mod htu;
mod kept;
mod nonce;
mod prover;

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use hallpass_core::{Credential, Error, KeptKey, Origin, Proof};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use self::{binding::KeyBinding, htu::HtuBase, kept::Kept, nonce::Nonces, prover::Statement};
pub(crate) use self::{nonce::is_new_nonce, prover::Prover};
use crate::{Algorithm, Key, assertion::Skew};

/// The header that proofs go in.
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The code of a server that wants a nonce in a proof (RFC 9449 §8).
pub(crate) const USE_NONCE: &str = "use_dpop_nonce";

/// The code of a server that does not accept a proof (RFC 9449 §5).
pub(crate) const INVALID_PROOF: &str = "invalid_dpop_proof";

/// The type of tokens that are bound to a key (RFC 9449 §5).
pub(crate) const TOKEN_TYPE: &str = "DPoP";

/// The key that tokens are bound to, and what servers want in proofs that the client holds it
/// (RFC 9449).
///
/// [`TokenRequest::dpop`](crate::TokenRequest::dpop) takes one, or just a [`Key`]. From then on each
/// token request and each request to the API carries a proof of its own, and a token that leaks is
/// of no use to whoever finds it.
///
/// ```
/// use hallpass_oauth2::{ClientCredentials, Dpop, Key, Secret};
///
/// // A key in memory, made when the source is built, and gone with the process.
/// let builder = ClientCredentials::at("https://auth.example.com/token")
///     .basic("my-client", Secret::env("CLIENT_SECRET"))
///     .dpop(Dpop::new());
///
/// // One that outlives the process.
/// let kept = Key::read(Secret::file("/var/lib/app/dpop-key.pem"));
/// let builder = builder.dpop(kept);
/// # let _ = builder;
/// ```
///
/// Clones share the key and the servers' nonces, and so do the sources of one builder.
#[derive(Clone)]
pub struct Dpop {
    key: Holder,
    htu_base: Option<HtuBase>,
    bearer_allowed: bool,
    fault: Option<Error>,
    shared: Arc<Shared>,
}

#[derive(Clone)]
enum Holder {
    /// To be made, in memory.
    InMemory(Algorithm),
    Kept(Key),
}

#[derive(Default)]
struct Shared {
    made: OnceLock<Arc<Prover>>,
    /// Of authorization servers and of APIs. A server may be both, and want another nonce as each.
    of_server: Nonces,
    of_api: Nonces,
    warned_of_clock: AtomicBool,
}

impl Dpop {
    /// A new P-256 key in memory, with which every server can do something: ES256.
    ///
    /// A token that was issued to it works in this process alone, and only as long as that lives.
    pub fn new() -> Self {
        Self::holding(Holder::InMemory(Algorithm::Es256))
    }

    /// A key that is kept somewhere: what a public client needs whose refresh token is bound to it
    /// (RFC 9449 §5).
    ///
    /// P-256, P-384, Ed25519 or RSA. RSA costs twenty times as much for each request.
    pub fn key(key: Key) -> Self {
        Self::holding(Holder::Kept(key))
    }

    fn holding(key: Holder) -> Self {
        Self {
            key,
            htu_base: None,
            bearer_allowed: false,
            fault: None,
            shared: Arc::default(),
        }
    }

    /// How the key in memory signs: [`Es256`](Algorithm::Es256) unless set,
    /// [`Es384`](Algorithm::Es384) or [`EdDsa`](Algorithm::EdDsa). A [kept](Self::key) key has an
    /// algorithm of [its own](Key::algorithm).
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.key = match self.key {
            Holder::InMemory(_) => Holder::InMemory(algorithm),
            Holder::Kept(key) => Holder::Kept(key.algorithm(algorithm)),
        };
        self
    }

    /// Puts this URL in the place of scheme, host and port in what proofs say of requests to the
    /// API: for an API whose proxy changes the URL on the way, and that compares proofs with the
    /// URL it sees itself.
    ///
    /// With `https://public.example/prefix`, a request to `http://10.0.0.7:8080/items` is proved as
    /// one to `https://public.example/prefix/items`.
    #[must_use]
    pub fn htu_base(mut self, base: &str) -> Self {
        match HtuBase::parse(base) {
            Ok(base) => self.htu_base = Some(base),
            Err(fault) => self.fault = Some(fault),
        }
        self
    }

    /// Takes a token of the type `Bearer` as well, and sends it as one, from a server that does not
    /// know DPoP. Anybody who finds it can use it, so by default it is refused.
    #[must_use]
    pub fn allow_bearer(mut self) -> Self {
        self.bearer_allowed = true;
        self
    }

    /// The key's thumbprint (RFC 7638), which servers call `jkt` and put into the tokens that are
    /// bound to it.
    ///
    /// # Errors
    /// If a kept key can't be read, or is a shared secret.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    pub async fn thumbprint(&self) -> Result<String, Error> {
        Ok(self.ready("dpop").await?.thumbprint().to_owned())
    }

    /// A credential of a token that did not come from a [`TokenSource`](crate::TokenSource), but is
    /// bound to this key all the same.
    ///
    /// # Errors
    /// As [`thumbprint`](Self::thumbprint), and if no header can carry the token.
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    pub async fn bind(&self, token: &str) -> Result<Credential, Error> {
        let prover = self.ready("dpop").await?;
        Credential::dpop(token, self.proof(prover, token))
    }

    /// What a profile says of it, where nothing was said otherwise.
    pub(crate) fn with_profile(
        mut self,
        algorithm: Option<Algorithm>,
        htu_base: Option<&str>,
        bearer_allowed: bool,
    ) -> Result<Self, Error> {
        if let Some(algorithm) = algorithm {
            self.key = match self.key {
                Holder::InMemory(_) => Holder::InMemory(algorithm),
                Holder::Kept(key) => Holder::Kept(key.named_unless_named(None, Some(algorithm))),
            };
        }
        if let Some(base) = htu_base.filter(|_| self.htu_base.is_none()) {
            self.htu_base = Some(HtuBase::parse(base)?);
        }
        self.bearer_allowed |= bearer_allowed;
        Ok(self)
    }

    /// Makes the key in memory, or finds what is wrong with one that is at hand.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.check_settings()?;
        match &self.key {
            Holder::InMemory(algorithm) => self.made(*algorithm).map(drop),
            Holder::Kept(key) => match key.ready_now()? {
                Some(key) => Prover::of(key).map(drop),
                None => Ok(()),
            },
        }
    }

    fn check_settings(&self) -> Result<(), Error> {
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }

    fn made(&self, algorithm: Algorithm) -> Result<&Arc<Prover>, Error> {
        if let Some(made) = self.shared.made.get() {
            return Ok(made);
        }
        let prover = Prover::generate(algorithm)?;
        Ok(self.shared.made.get_or_init(|| Arc::new(prover)))
    }

    /// Whether the key outlives the process.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.key, Holder::Kept(_))
    }

    /// The key as others may have it too, if it outlives the process. `of` names the source in
    /// messages.
    pub(crate) fn kept(&self, of: &str) -> Option<Arc<dyn KeptKey>> {
        self.is_kept()
            .then(|| Arc::new(Kept::new(self.clone(), of)) as Arc<dyn KeptKey>)
    }

    pub(crate) fn allows_bearer(&self) -> bool {
        self.bearer_allowed
    }

    /// The thumbprint, if it is known without reading anything.
    pub(crate) fn known_thumbprint(&self) -> Option<String> {
        match &self.key {
            Holder::InMemory(algorithm) => {
                let made = self.made(*algorithm).ok()?;
                Some(made.thumbprint().to_owned())
            }
            Holder::Kept(key) => {
                let prover = Prover::of(key.ready_now().ok()??).ok()?;
                Some(prover.thumbprint().to_owned())
            }
        }
    }

    pub(crate) fn version(&self) -> u64 {
        match &self.key {
            Holder::InMemory(_) => 0,
            Holder::Kept(key) => key.version(),
        }
    }

    /// The key now. `of` names the source in messages.
    pub(crate) async fn ready(&self, of: &str) -> Result<Arc<Prover>, Error> {
        self.check_settings()?;
        match &self.key {
            Holder::InMemory(algorithm) => self.made(*algorithm).cloned(),
            Holder::Kept(key) => Prover::of(key.ready(of).await?).map(Arc::new),
        }
    }

    /// The proof of a token request, by a clock that is that far from ours.
    pub(crate) fn prove_to_server(
        &self,
        prover: &Prover,
        method: &Method,
        uri: &Uri,
        skew: Skew,
    ) -> Result<HeaderValue, Error> {
        let origin = Origin::of(uri)?.to_string();
        let nonce = self.shared.of_server.get(&origin);
        prover.prove(&Statement {
            method,
            htu: &htu::of(&origin, uri),
            now: skew.applied(SystemTime::now()),
            ath: None,
            nonce: nonce.as_deref(),
        })
    }

    /// Keeps the nonce of a token endpoint's answer, if it brings one.
    pub(crate) fn learn_from_server(&self, origin: &Origin, headers: &HeaderMap) {
        if let Some(nonce) = nonce::among(headers) {
            self.shared.of_server.set(&origin.to_string(), nonce);
        }
    }

    /// What shows that the client holds the key which this token is bound to.
    pub(crate) fn proof(&self, prover: Arc<Prover>, token: &str) -> impl Proof {
        KeyBinding::new(self.clone(), prover, token)
    }

    fn may_warn_of_clock(&self) -> bool {
        !self.shared.warned_of_clock.swap(true, Ordering::Relaxed)
    }
}

impl Default for Dpop {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Key> for Dpop {
    fn from(key: Key) -> Self {
        Self::key(key)
    }
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut dpop = f.debug_struct("Dpop");
        match &self.key {
            Holder::InMemory(algorithm) => dpop.field("in_memory", &algorithm.name()),
            Holder::Kept(key) => dpop.field("key", key),
        };
        dpop.field("bearer_allowed", &self.bearer_allowed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod vectors;
