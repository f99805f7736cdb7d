//! [`TokenPlace`]: where in an answer a token stands.

use http::{HeaderMap, HeaderName, header::SET_COOKIE};

use crate::json_path::Path;

/// A member of the body by its path, `header:x-auth-token`, or `cookie:session`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenPlace {
    Member(Path),
    Header(HeaderName),
    /// The name of a cookie, whose case counts.
    Cookie(String),
}

impl TokenPlace {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(name) = text.strip_prefix("header:") {
            let name = name
                .parse()
                .map_err(|_| "names a header whose name is none")?;
            return Ok(Self::Header(name));
        }
        match text.strip_prefix("cookie:") {
            Some(name) if name.is_empty() || name.contains(['=', ';', ' ']) => {
                Err("names a cookie whose name is none")
            }
            Some(name) => Ok(Self::Cookie(name.to_owned())),
            None => Ok(Self::Member(Path::parse(text))),
        }
    }

    pub(crate) fn member(&self) -> Option<&Path> {
        match self {
            Self::Member(path) => Some(path),
            Self::Header(_) | Self::Cookie(_) => None,
        }
    }

    /// What stands there, for places outside of the body.
    pub(crate) fn among<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        match self {
            Self::Member(_) => None,
            Self::Header(name) => headers.get(name)?.to_str().ok(),
            Self::Cookie(name) => {
                let set = headers.get_all(SET_COOKIE).iter();
                let pairs = set.filter_map(|value| value.to_str().ok()?.split(';').next());
                let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
                pairs.find_map(|(found, value)| (found.trim() == name).then_some(value.trim()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        for (text, known) in [
            ("data.token", true),
            ("header:X-Subject-Token", true),
            ("/header:x", true),
            ("header:", false),
            ("header:a b", false),
            ("cookie:", false),
            ("cookie:a=b", false),
        ] {
            assert_eq!(TokenPlace::parse(text).is_ok(), known, "{text}");
        }
    }
}
