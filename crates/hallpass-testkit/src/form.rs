//! `application/x-www-form-urlencoded`, read strictly.

use percent_encoding::percent_decode;

/// The parameters of one request; a repeated name makes the whole form invalid (RFC 6749 §3.2).
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let pairs = pairs(text)?;
        let repeated = pairs
            .iter()
            .enumerate()
            .any(|(at, (name, _))| pairs[..at].iter().any(|(seen, _)| seen == name));
        (!repeated).then_some(Self(pairs))
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(seen, _)| seen == name)?;
        Some(self.0.swap_remove(at).1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// All pairs in their order, however often a name is there; `None` when one is not UTF-8.
pub(crate) fn pairs(text: &[u8]) -> Option<Vec<(String, String)>> {
    text.split(|byte| *byte == b'&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let at = part.iter().position(|byte| *byte == b'=');
            let (name, value) = match at {
                Some(at) => (&part[..at], &part[at + 1..]),
                None => (part, &part[..0]),
            };
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

/// One form-encoded value; `None` when it is not UTF-8.
pub(crate) fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    Some(percent_decode(&spaced).decode_utf8().ok()?.into_owned())
}
