//! `htu`: how a proof names what its request asks for (RFC 9449 §4.2).
//!
//! It is the URL without query and fragment, in its normal form (RFC 3986 §6.2.2 and §6.2.3), as
//! servers make one of what they see. Nothing is decoded and no path is shortened: that would name
//! something that was not sent.

use hallpass_core::{Error, Origin};
use http::Uri;

/// For a request to this origin, which is in its normal form.
pub(super) fn of(origin: &str, uri: &Uri) -> String {
    let path = uri.path();
    let mut htu = String::with_capacity(origin.len() + path.len() + 1);
    htu.push_str(origin);
    push_path(&mut htu, path);
    htu
}

/// With upper-case percent-encoded octets, and never empty.
fn push_path(to: &mut String, path: &str) {
    if path.is_empty() {
        to.push('/');
    }
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, octet) = rest.split_at(at);
        to.push_str(before);
        match octet.get(..3) {
            Some(triplet) if triplet[1..].bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                to.push_str(&triplet.to_ascii_uppercase());
                rest = &octet[3..];
            }
            _ => {
                to.push('%');
                rest = &octet[1..];
            }
        }
    }
    to.push_str(rest);
}

/// What stands in the place of scheme, host and port of the URL that was sent.
#[derive(Clone)]
pub(super) struct HtuBase(String);

impl HtuBase {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        if text.contains(['?', '#']) {
            return Err(Error::configuration(
                "the base of htu has a query or a fragment, which no proof names: remove it",
            ));
        }
        let uri: Uri = text.parse().map_err(|_| {
            Error::configuration(
                "the base of htu is not an absolute URL: write https://host or https://host/prefix",
            )
        })?;
        let mut base = of(&Origin::of(&uri)?.to_string(), &uri);
        base.truncate(base.trim_end_matches('/').len());
        Ok(Self(base))
    }

    pub(super) fn of(&self, uri: &Uri) -> String {
        of(&self.0, uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_form_of_what_was_sent() {
        for (sent, expected) in [
            ("https://RS.example:443/a?x=1", "https://rs.example/a"),
            ("https://RS.example:443/a?x=1#f", "https://rs.example/a"),
            ("https://rs.example", "https://rs.example/"),
            ("https://rs.example?x=1", "https://rs.example/"),
            ("HTTPS://rs.example:/a", "https://rs.example/a"),
            ("http://rs.example:80/a", "http://rs.example/a"),
            ("http://rs.example:443/a", "http://rs.example:443/a"),
            (
                "http://127.0.0.1:8080/a%2fb/./c",
                "http://127.0.0.1:8080/a%2Fb/./c",
            ),
            (
                "https://rs.example/%e2%82%ac/../%41",
                "https://rs.example/%E2%82%AC/../%41",
            ),
            (
                "https://rs.example/100%/%g1%a",
                "https://rs.example/100%/%g1%a",
            ),
            ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
            ("https://rs.example//a//", "https://rs.example//a//"),
            ("https://rs.example/ü%c3", "https://rs.example/ü%C3"),
        ] {
            let uri: Uri = sent.parse().unwrap();
            let origin = Origin::of(&uri).unwrap().to_string();
            assert_eq!(of(&origin, &uri), expected, "{sent}");
        }
    }

    #[test]
    fn a_base_takes_the_place_of_the_origin() {
        let sent: Uri = "http://10.0.0.7:8080/items%2f1?x=1".parse().unwrap();
        for (base, expected) in [
            ("https://Public.example", "https://public.example/items%2F1"),
            (
                "https://public.example:443/",
                "https://public.example/items%2F1",
            ),
            (
                "https://public.example/prefix",
                "https://public.example/prefix/items%2F1",
            ),
            (
                "https://public.example/a/b/",
                "https://public.example/a/b/items%2F1",
            ),
        ] {
            assert_eq!(HtuBase::parse(base).unwrap().of(&sent), expected);
        }
        for base in [
            "",
            "/prefix",
            "public.example",
            "ftp://public.example",
            "https://public.example/?x",
            "https://public.example/#x",
            "https://user@public.example",
        ] {
            assert!(HtuBase::parse(base).is_err(), "{base}");
        }
    }
}
