//! The `Authorization` header as the server reads it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::client::BasicEncoding;
use crate::form;

pub(crate) enum Authorization {
    Absent,
    Bearer(String),
    /// A token that goes with a proof.
    Dpop(String),
    Basic {
        id: String,
        secret: String,
    },
    /// Two values, an unknown scheme, or one that cannot be decoded.
    Unreadable,
}

impl Authorization {
    pub(crate) fn read(parts: &Parts, encoding: BasicEncoding) -> Self {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return if parts.headers.contains_key(AUTHORIZATION) {
                Self::Unreadable
            } else {
                Self::Absent
            };
        };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return Self::Unreadable;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(rest.to_owned());
        }
        if scheme.eq_ignore_ascii_case("dpop") {
            return Self::Dpop(rest.to_owned());
        }
        if scheme.eq_ignore_ascii_case("basic") {
            return basic(rest, encoding).unwrap_or(Self::Unreadable);
        }
        Self::Unreadable
    }
}

fn basic(encoded: &str, encoding: BasicEncoding) -> Option<Authorization> {
    let pair = STANDARD.decode(encoded).ok()?;
    let at = pair.iter().position(|byte| *byte == b':')?;
    let (id, secret) = (&pair[..at], &pair[at + 1..]);
    let read = |half: &[u8]| match encoding {
        BasicEncoding::Raw => String::from_utf8(half.to_vec()).ok(),
        BasicEncoding::Form => form::decode(half),
    };
    Some(Authorization::Basic {
        id: read(id)?,
        secret: read(secret)?,
    })
}
