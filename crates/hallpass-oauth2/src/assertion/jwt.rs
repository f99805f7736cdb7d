//! [`Jwt`]: the claims of a JWT that is signed anew each time.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_core::Error;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Key, Skew, key::ReadyKey};

/// When a JWT begins and ends, seen from when it is signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    pub(crate) lifetime: Duration,
    pub(crate) backdated: Duration,
}

impl Default for Validity {
    /// A JWT is signed for each try, so a minute is long enough, and short enough to be worthless
    /// soon. Servers refuse what their own clock says is yet to come, and many allow for no
    /// difference at all: a minute bears what machines with a time service are apart.
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        Self {
            lifetime: MINUTE,
            backdated: MINUTE,
        }
    }
}

/// A JWT to sign: its key, who it is from, about and for, and how long it lives.
///
/// `iat`, `exp` and a fresh random `jti` come by themselves each time it is signed. As an assertion
/// for [`JwtBearer`](crate::JwtBearer), or as the token itself with
/// [`SelfSigned`](crate::SelfSigned).
///
/// ```
/// use std::time::Duration;
/// use hallpass_oauth2::{Jwt, Key, SelfSigned};
///
/// let ghost = Jwt::signed_by(Key::hmac(b"the secret half, decoded from hex").kid("6489"))
///     .audience("/admin/")
///     .lifetime(Duration::from_secs(300));
/// let source = SelfSigned::new(ghost).attach("authorization", "Ghost {token}")?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Jwt {
    key: Key,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    pub(crate) validity: Validity,
    fingerprint_in_issuer: bool,
}

/// The same with its key at hand, for the length of one fetch.
pub(crate) struct ReadyJwt {
    key: ReadyKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    validity: Validity,
}

impl Jwt {
    /// A JWT without a claim yet, which lives a minute.
    pub fn signed_by(key: Key) -> Self {
        let mut header = Map::new();
        header.insert("typ".to_owned(), "JWT".into());
        Self {
            key,
            header,
            claims: Map::new(),
            validity: Validity::default(),
            fingerprint_in_issuer: false,
        }
    }

    /// Who it is from: `iss`.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.claim("iss", issuer.into())
    }

    /// Whom it is about: `sub`.
    #[must_use]
    pub fn subject(self, subject: impl Into<String>) -> Self {
        self.claim("sub", subject.into())
    }

    /// For whom it is: `aud`, one text. Servers that want a list get one from
    /// [`claim`](Self::claim).
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.claim("aud", audience.into())
    }

    /// Any other claim. `iat`, `exp` and `jti` are set when it is signed, whatever is given here.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set_claim(name, value.into());
        self
    }

    /// A member of the header, such as another `typ` than `JWT`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// How long it lives, from when it is signed: `exp`. A minute unless set. A server that limits
    /// how far `iat` and `exp` may be apart counts the [back-dating](Self::backdated) too.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.validity.lifetime = lifetime;
        self
    }

    /// How far `iat` lies before the moment it is signed, for servers whose clocks are behind. A
    /// minute unless set.
    #[must_use]
    pub fn backdated(mut self, by: Duration) -> Self {
        self.validity.backdated = by;
        self
    }

    /// Appends `.SHA256:` and the public key's fingerprint to the issuer.
    pub(crate) fn fingerprint_in_issuer(mut self) -> Self {
        self.fingerprint_in_issuer = true;
        self
    }

    pub(crate) fn set_claim(&mut self, name: impl Into<String>, value: Value) {
        self.claims.insert(name.into(), value);
    }

    pub(crate) fn audience_unless_set(&mut self, audience: &str) {
        if !self.claims.contains_key("aud") {
            self.set_claim("aud", audience.into());
        }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) async fn ready(&self, of: &str) -> Result<ReadyJwt, Error> {
        let mut ready = self.with_key(self.key.ready(of).await?);
        if self.fingerprint_in_issuer {
            let fingerprint = ready.key.public_fingerprint()?;
            let issuer = ready.claims.get("iss").and_then(Value::as_str);
            let issuer = format!("{}.SHA256:{fingerprint}", issuer.unwrap_or_default());
            ready.claims.insert("iss".to_owned(), issuer.into());
        }
        Ok(ready)
    }

    fn with_key(&self, key: ReadyKey) -> ReadyJwt {
        ReadyJwt::new(key, self.header.clone(), self.claims.clone(), self.validity)
    }
}

impl ReadyJwt {
    pub(super) fn new(
        key: ReadyKey,
        header: Map<String, Value>,
        claims: Map<String, Value>,
        validity: Validity,
    ) -> Self {
        Self {
            key,
            header,
            claims,
            validity,
        }
    }

    /// Signs it, with a `jti` of its own.
    pub(crate) fn sign(&self) -> Result<Zeroizing<String>, Error> {
        self.sign_for(Skew::default())
    }

    /// The same by a clock that is that far from ours.
    pub(crate) fn sign_for(&self, skew: Skew) -> Result<Zeroizing<String>, Error> {
        let now = skew
            .applied(SystemTime::now())
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let issued = now.saturating_sub(self.validity.backdated);
        let expires = now.saturating_add(self.validity.lifetime);
        let mut claims = self.claims.clone();
        claims.insert("iat".to_owned(), issued.as_secs().into());
        claims.insert("exp".to_owned(), expires.as_secs().into());
        claims.insert("jti".to_owned(), unique()?.into());
        self.key.sign(self.header.clone(), &claims)
    }

    pub(crate) fn set_claim(&mut self, name: &str, value: Value) {
        self.claims.insert(name.to_owned(), value);
    }

    /// How long it lives when it has just been signed.
    pub(crate) fn lifetime(&self) -> Duration {
        self.validity.lifetime
    }

    /// What it says apart from its times, as a text.
    pub(crate) fn unsigned(&self) -> Zeroizing<String> {
        let parts = Value::from_iter([
            ("header", Value::Object(self.header.clone())),
            ("claims", Value::Object(self.claims.clone())),
        ]);
        Zeroizing::new(parts.to_string())
    }

    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.key.same(&other.key)
    }
}

/// 128 random bits: no two are the same, and none can be guessed.
pub(crate) fn unique() -> Result<String, Error> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::transient("the system has no random numbers").context("no jti"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("key", &self.key)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}
