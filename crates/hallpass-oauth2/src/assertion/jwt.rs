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

use super::{Key, key::ReadyKey};

/// How long a JWT lives that nobody says otherwise of. It is signed for each try, so a minute is
/// long enough, and short enough to be worthless soon.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60);

/// How far `iat` lies in the past: servers refuse what their own clock says is yet to come.
const BACKDATED: Duration = Duration::from_secs(5);

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
    lifetime: Duration,
    fingerprint_in_issuer: bool,
}

/// The same with its key at hand, for the length of one fetch.
pub(crate) struct ReadyJwt {
    key: ReadyKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    lifetime: Duration,
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
            lifetime: LIFETIME,
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

    /// How long it lives, from when it is signed: `exp`. A minute unless set.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
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
        ReadyJwt::new(key, self.header.clone(), self.claims.clone(), self.lifetime)
    }
}

impl ReadyJwt {
    pub(super) fn new(
        key: ReadyKey,
        header: Map<String, Value>,
        claims: Map<String, Value>,
        lifetime: Duration,
    ) -> Self {
        Self {
            key,
            header,
            claims,
            lifetime,
        }
    }

    /// Signs it, with a `jti` of its own.
    pub(crate) fn sign(&self) -> Result<Zeroizing<String>, Error> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let issued = now.saturating_sub(BACKDATED).as_secs();
        let mut claims = self.claims.clone();
        claims.insert("iat".to_owned(), issued.into());
        let expires = issued.saturating_add(self.lifetime.as_secs());
        claims.insert("exp".to_owned(), expires.into());
        claims.insert("jti".to_owned(), unique()?.into());
        self.key.sign(self.header.clone(), &claims)
    }

    /// How much of its life is left when it is signed.
    pub(crate) fn left(&self) -> Duration {
        self.lifetime.saturating_sub(BACKDATED)
    }

    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.key.same(&other.key)
    }
}

/// 128 random bits: no two are the same, and none can be guessed.
fn unique() -> Result<String, Error> {
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
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
