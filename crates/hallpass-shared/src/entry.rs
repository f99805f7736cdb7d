//! What an entry says of a credential once it is opened.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hallpass_core::{Credential, Error, HeldKey};
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::store::LONGEST_LIFE;

/// Assumed where nothing says how long a credential lives, as the engine does.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// How long one that never ends is kept before it is fetched again.
const UNENDING: Duration = Duration::from_secs(24 * 3600);

/// For so long a new credential may be unknown to servers, as the engine has it.
const SETTLING: Duration = Duration::from_secs(10);

/// What is kept of a credential.
#[derive(Serialize, Deserialize)]
struct Payload {
    headers: Vec<(String, Zeroizing<String>)>,
    /// For requests that have none of that name.
    #[serde(default)]
    defaults: Vec<(String, Zeroizing<String>)>,
    scope: Option<String>,
    /// The thumbprint of the certificate that it is bound to.
    certificate: Option<String>,
    /// The thumbprint of the key that it is bound to.
    key: Option<String>,
    fields: BTreeMap<String, String>,
    /// Milliseconds.
    lifetime: u64,
    /// Milliseconds since the Unix epoch, by the wall clock of who fetched it.
    ends: u64,
    /// Milliseconds before its end at which the issuer wants it renewed.
    renew_before_end: Option<u64>,
    unending: bool,
    /// Up to which generation all were refused when it was fetched; 0 if none was.
    #[serde(default)]
    replaces: u64,
    /// Milliseconds that it was to be kept for when it was published.
    #[serde(default)]
    kept: u64,
}

/// A credential that can be kept outside the process, and for how long.
pub(crate) struct Packed {
    pub(crate) plain: Zeroizing<Vec<u8>>,
    pub(crate) left: Duration,
}

/// A credential from a store, for a process to use.
pub(crate) struct Unpacked {
    /// Without the proof that it may need.
    pub(crate) credential: Credential,
    key: Option<String>,
    /// What is left of its life, from when the store was asked.
    pub(crate) left: Duration,
    pub(crate) lifetime: Duration,
    replaces: u64,
    /// How long ago it was published, by the store's own clock.
    age: Duration,
}

impl Unpacked {
    /// Bound to the key that this process holds, which has to be the one that the token is bound to.
    pub(crate) fn bound_by(mut self, key: Option<&dyn HeldKey>) -> Result<Self, Error> {
        if self.key.as_deref() != key.map(HeldKey::thumbprint) {
            return Err(Error::transient("an entry that is bound to another key"));
        }
        if let Some(key) = key {
            self.credential = key.bind(self.credential)?;
        }
        Ok(self)
    }

    /// Whether it was fetched lately because this generation was refused, or a later one. Any other may
    /// have been revoked together with that.
    pub(crate) fn replaces(&self, refused: u64) -> bool {
        self.replaces != 0 && self.replaces >= refused && self.age < SETTLING
    }

    /// Whether so little is left that it is not worth taking over: the engine's own margin.
    pub(crate) fn is_over(&self) -> bool {
        self.left <= (self.lifetime / 20).min(Duration::from_secs(10))
    }
}

/// Packs a credential that was asked for `age` ago. `replaces` says up to which generation all were
/// refused, or 0. None if it is over, or bound to anything but the
/// key that was expected: to none at all, to one in memory, to one that was replaced meanwhile.
pub(crate) fn pack(
    credential: &Credential,
    key: Option<&dyn HeldKey>,
    age: Duration,
    wall: SystemTime,
    replaces: u64,
) -> Option<Packed> {
    let key = key.map(HeldKey::thumbprint);
    let as_expected = credential.has_proof() == key.is_some() && credential.key_thumbprint() == key;
    // Whoever takes it over makes proofs for its token.
    if !as_expected || (key.is_some() && credential.token().is_none()) {
        return None;
    }
    let lifetime = lifetime(credential, age, wall);
    let left = lifetime.saturating_sub(age);
    if left.is_zero() {
        return None;
    }
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = str::from_utf8(value.as_bytes()).ok()?.to_owned();
        Some((name.as_str().to_owned(), Zeroizing::new(value)))
    };
    let hint = credential.renewal_hint();
    let payload = Payload {
        headers: credential.headers().map(text).collect::<Option<_>>()?,
        defaults: credential
            .default_headers()
            .map(text)
            .collect::<Option<_>>()?,
        scope: credential.scope().map(str::to_owned),
        certificate: credential.certificate_thumbprint().map(str::to_owned),
        key: key.map(str::to_owned),
        fields: credential
            .fields()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        lifetime: millis(lifetime),
        ends: millis(since_epoch(wall).saturating_add(left)),
        renew_before_end: hint.map(|hint| millis(lifetime.saturating_sub(hint))),
        unending: credential.is_unending(),
        replaces,
        kept: millis(left.min(LONGEST_LIFE)),
    };
    let plain = Zeroizing::new(serde_json::to_vec(&payload).ok()?);
    Some(Packed { plain, left })
}

/// Unpacks what was sealed. `kept` is what is left of it by the store's own clock, and the earlier
/// of that end and the one by the wall clock holds.
pub(crate) fn unpack(plain: &[u8], kept: Duration, wall: SystemTime) -> Result<Unpacked, Error> {
    let damaged = || Error::transient("an entry of the shared store can't be read");
    let payload: Payload = serde_json::from_slice(plain).map_err(|_| damaged())?;
    let by_wall = Duration::from_millis(payload.ends).saturating_sub(since_epoch(wall));
    let left = kept.min(by_wall);
    let mut headers = payload.headers.iter();
    let name_of = |name: &str| HeaderName::try_from(name).map_err(|_| damaged());
    let (name, value) = headers.next().ok_or_else(damaged)?;
    let mut credential = Credential::header(name_of(name)?, value)?;
    for (name, value) in headers {
        let value = HeaderValue::try_from(value.as_str()).map_err(|_| damaged())?;
        credential = credential.with_header(name_of(name)?, value);
    }
    for (name, value) in &payload.defaults {
        let value = HeaderValue::try_from(value.as_str()).map_err(|_| damaged())?;
        credential = credential.with_default_header(name_of(name)?, value);
    }
    if let Some(scope) = payload.scope {
        credential = credential.with_scope(scope);
    }
    if let Some(thumbprint) = payload.certificate {
        credential = credential.bound_to_certificate(thumbprint);
    }
    for (name, value) in payload.fields {
        credential = credential.with_field(name, value);
    }
    credential = if payload.unending {
        credential.never_expires()
    } else {
        credential.lives_for(left)
    };
    if let Some(before_end) = payload.renew_before_end {
        let hint = left.saturating_sub(Duration::from_millis(before_end));
        if !hint.is_zero() {
            credential = credential.renew_in(hint);
        }
    }
    Ok(Unpacked {
        credential,
        key: payload.key,
        left,
        lifetime: Duration::from_millis(payload.lifetime),
        replaces: payload.replaces,
        age: Duration::from_millis(payload.kept).saturating_sub(kept),
    })
}

/// How long it lives at all, from when it was asked for.
fn lifetime(credential: &Credential, age: Duration, wall: SystemTime) -> Duration {
    if credential.is_unending() {
        return UNENDING;
    }
    let by_instant = credential.expiry().map(|instant| {
        let left = instant.duration_since(wall).unwrap_or_default();
        left.saturating_add(age)
    });
    let said = credential.lifetime().into_iter().chain(by_instant);
    said.min().unwrap_or(DEFAULT_LIFETIME)
}

fn since_epoch(wall: SystemTime) -> Duration {
    wall.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Bounded to what fits a JSON number and a date of this millennium.
fn millis(duration: Duration) -> u64 {
    const MOST: u64 = 1 << 45;
    u64::try_from(duration.as_millis()).map_or(MOST, |millis| millis.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn token() -> Credential {
        Credential::bearer("t").unwrap().lives_for(5 * MINUTE)
    }

    #[test]
    fn all_of_it_comes_back() {
        let sent = token()
            .with_scope("a b")
            .with_field("api", "https://x")
            .bound_to_certificate("thumbprint")
            .with_header(
                HeaderName::from_static("x-account"),
                HeaderValue::from_static("7"),
            )
            .with_default_header(
                HeaderName::from_static("accept"),
                HeaderValue::from_static("application/json"),
            )
            .renew_in(2 * MINUTE);
        let packed = pack(&sent, None, MINUTE, at(1000), 0).unwrap();
        assert_eq!(packed.left, 4 * MINUTE);
        let back = unpack(&packed.plain, 4 * MINUTE, at(1000)).unwrap();
        assert!(back.credential.same_secret(&sent));
        assert!(back.credential.default_headers().eq(sent.default_headers()));
        assert_eq!(back.credential.scope(), Some("a b"));
        assert_eq!(back.credential.field("api"), Some("https://x"));
        assert_eq!(back.credential.certificate_thumbprint(), Some("thumbprint"));
        assert_eq!(back.credential.lifetime(), Some(4 * MINUTE));
        assert_eq!(back.credential.renewal_hint(), Some(MINUTE));
    }

    #[test]
    fn the_earlier_of_two_ends_holds() {
        let packed = pack(&token(), None, Duration::ZERO, at(1000), 0).unwrap();
        let left = |kept, wall| unpack(&packed.plain, kept, at(wall)).unwrap().left;
        // The reader's clock is half a minute ahead, then behind.
        assert_eq!(left(5 * MINUTE, 1030), Duration::from_secs(270));
        assert_eq!(left(5 * MINUTE, 970), 5 * MINUTE);
        // Somebody has moved its end in the store.
        assert_eq!(left(60 * MINUTE, 1240), MINUTE);
        assert_eq!(left(Duration::ZERO, 1000), Duration::ZERO);
    }

    #[test]
    fn what_is_over_or_not_text_is_not_kept() {
        assert!(pack(&token(), None, 5 * MINUTE, at(1000), 0).is_none());
        let odd = HeaderValue::from_bytes(b"\xff").unwrap();
        let odd = token().with_header(HeaderName::from_static("x"), odd);
        assert!(pack(&odd, None, Duration::ZERO, at(1000), 0).is_none());
        assert!(unpack(b"{}", MINUTE, at(0)).is_err());
        assert!(unpack(b"\xff", MINUTE, at(0)).is_err());
    }

    #[derive(Debug)]
    struct OfKey(&'static str, HeaderName);

    fn key(name: &'static str) -> OfKey {
        OfKey(name, HeaderName::from_static("dpop"))
    }

    impl hallpass_core::Proof for OfKey {
        fn header(&self) -> &HeaderName {
            &self.1
        }

        fn prove(&self, _: &http::Method, _: &http::Uri) -> Result<HeaderValue, Error> {
            Ok(HeaderValue::from_static("proof"))
        }

        fn answered(
            &self,
            _: &HeaderValue,
            _: &hallpass_core::Origin,
            _: http::StatusCode,
            _: &http::HeaderMap,
        ) -> bool {
            false
        }

        fn thumbprint(&self) -> Option<&str> {
            Some(self.0)
        }
    }

    impl HeldKey for OfKey {
        fn thumbprint(&self) -> &str {
            self.0
        }

        fn bind(&self, credential: Credential) -> Result<Credential, Error> {
            Ok(credential.with_proof(key(self.0)))
        }
    }

    #[test]
    fn what_is_bound_to_a_key_is_for_that_key() {
        let (key, other) = (key("one"), key("other"));
        let (free, bound) = (token(), key.bind(token()).unwrap());
        let packed = |credential, key| pack(credential, key, Duration::ZERO, at(1000), 0);
        for (credential, key) in [
            (&bound, None),
            (&bound, Some(&other as &dyn HeldKey)),
            (&free, Some(&key as &dyn HeldKey)),
        ] {
            assert!(packed(credential, key).is_none());
        }
        let Packed { plain, .. } = packed(&bound, Some(&key)).unwrap();
        let unpacked = || unpack(&plain, 5 * MINUTE, at(1000)).unwrap();
        assert!(unpacked().bound_by(None).is_err());
        assert!(unpacked().bound_by(Some(&other)).is_err());
        let own = unpacked().bound_by(Some(&key)).unwrap();
        assert!(own.credential.same_secret(&bound));
        let free = packed(&free, None).unwrap();
        let free = unpack(&free.plain, 5 * MINUTE, at(1000)).unwrap();
        assert!(free.bound_by(Some(&key)).is_err());
    }

    #[test]
    fn what_came_for_a_refusal_answers_that_and_earlier_ones_for_ten_seconds() {
        let answers = |replaces, age: u64, refused| {
            let packed = pack(&token(), None, Duration::ZERO, at(1000), replaces).unwrap();
            let kept = packed.left.saturating_sub(Duration::from_secs(age));
            let unpacked = unpack(&packed.plain, kept, at(1000)).unwrap();
            unpacked.replaces(refused)
        };
        assert!(answers(7, 0, 7) && answers(7, 9, 6));
        assert!(!answers(7, 0, 8), "a later one was refused");
        assert!(!answers(7, 10, 7), "long ago");
        assert!(!answers(0, 0, 0), "it came for another reason");
    }

    #[test]
    fn instants_count_by_the_wall_clock() {
        let until = Credential::bearer("t").unwrap().expires_at(at(1060));
        let packed = pack(&until, None, Duration::from_secs(2), at(1000), 0).unwrap();
        assert_eq!(packed.left, MINUTE);
        let unknown = pack(
            &Credential::bearer("t").unwrap(),
            None,
            Duration::ZERO,
            at(0),
            0,
        )
        .unwrap();
        assert_eq!(unknown.left, DEFAULT_LIFETIME);
        let never = Credential::bearer("t").unwrap().never_expires();
        let packed = pack(&never, None, Duration::ZERO, at(0), 0).unwrap();
        let back = unpack(&packed.plain, MINUTE, at(0)).unwrap();
        assert!(back.credential.is_unending());
    }
}
