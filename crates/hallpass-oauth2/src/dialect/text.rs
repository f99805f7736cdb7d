//! [`Text`]: a text with places that are filled at each call.

use std::{borrow::Cow, collections::BTreeMap, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::calendar::{rfc3339, unix};

/// What a place stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    ClientId,
    ClientSecret,
    /// `base64(id:secret)`, both as they are.
    Basic,
    Token,
    Uuid,
    Now,
    NowUnix,
    NowUnixMs,
}

impl Late {
    const NAMES: [(&'static str, Self); 8] = [
        ("client_id", Self::ClientId),
        ("client_secret", Self::ClientSecret),
        ("basic", Self::Basic),
        ("token", Self::Token),
        ("uuid", Self::Uuid),
        ("now", Self::Now),
        ("now_unix", Self::NowUnix),
        ("now_unix_ms", Self::NowUnixMs),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, late)| *late)
    }

    /// Whether it shows the client's secret.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::ClientSecret | Self::Basic)
    }
}

#[derive(Clone)]
pub(crate) enum Piece {
    Literal(String),
    Late(Late),
    /// A captured field of the answer.
    Field(String),
}

/// Pieces that make a text once a call is known. No `Debug`: a literal may be an API key.
#[derive(Clone)]
pub(crate) struct Text(Vec<Piece>);

/// What one call fills the places with.
pub(crate) struct Call<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) token: &'a str,
    pub(crate) fields: Cow<'a, BTreeMap<String, String>>,
}

impl From<String> for Text {
    fn from(literal: String) -> Self {
        Self(vec![Piece::Literal(literal)])
    }
}

impl FromIterator<Piece> for Text {
    fn from_iter<I: IntoIterator<Item = Piece>>(pieces: I) -> Self {
        Self(pieces.into_iter().collect())
    }
}

impl Text {
    pub(crate) fn shows_secret(&self) -> bool {
        let secret = |piece: &Piece| matches!(piece, Piece::Late(late) if late.is_secret());
        self.0.iter().any(secret)
    }

    pub(crate) fn has_token(&self) -> bool {
        let token = |piece: &Piece| matches!(piece, Piece::Late(Late::Token));
        self.0.iter().any(token)
    }

    /// Whether it is nothing, whatever the call.
    pub(crate) fn is_empty(&self) -> bool {
        let empty = |piece: &Piece| matches!(piece, Piece::Literal(text) if text.is_empty());
        self.0.iter().all(empty)
    }

    /// The text for one call, or the name of a captured field that is not there.
    pub(crate) fn fill(&self, call: &Call<'_>) -> Result<Zeroizing<String>, &str> {
        let mut parts: Vec<Zeroizing<String>> = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            parts.push(Zeroizing::new(match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Late(late) => of(*late, call),
                Piece::Field(name) => call.fields.get(name).ok_or(name.as_str())?.clone(),
            }));
        }
        let length = parts.iter().map(|part| part.len()).sum();
        let mut out = Zeroizing::new(String::with_capacity(length));
        for part in parts {
            out.push_str(&part);
        }
        Ok(out)
    }
}

fn of(late: Late, call: &Call<'_>) -> String {
    let now = SystemTime::now;
    match late {
        Late::ClientId => call.id.to_owned(),
        Late::ClientSecret => call.secret.to_owned(),
        Late::Basic => {
            let halves = Zeroizing::new([call.id, ":", call.secret].concat());
            STANDARD.encode(halves.as_bytes())
        }
        Late::Token => call.token.to_owned(),
        Late::Uuid => uuid(fastrand::u128(..)),
        Late::Now => rfc3339(now()),
        Late::NowUnix => unix(now()).as_secs().to_string(),
        Late::NowUnixMs => unix(now()).as_millis().to_string(),
    }
}

/// A random UUID (RFC 9562 §5.4). It correlates; nothing may depend on nobody guessing it.
fn uuid(random: u128) -> String {
    let marked = random & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{marked:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn places_are_filled_for_one_call() {
        let text: Text = [
            Piece::Literal("<".into()),
            Piece::Late(Late::Basic),
            Piece::Late(Late::ClientId),
            Piece::Late(Late::Token),
            Piece::Field("api".into()),
        ]
        .into_iter()
        .collect();
        let mut call = Call {
            id: "Aladdin",
            secret: "open sesame",
            token: "t",
            fields: Cow::default(),
        };
        assert_eq!(text.fill(&call).err(), Some("api"));
        call.fields = Cow::Owned(BTreeMap::from([("api".into(), "a".into())]));
        let filled = text.fill(&call).unwrap();
        assert_eq!(&**filled, "<QWxhZGRpbjpvcGVuIHNlc2FtZQ==Aladdinta");
    }
}
