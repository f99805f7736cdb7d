//! [`Origin`]: where a credential may go.

mod reach;

use std::{fmt, hash::Hasher, net::Ipv6Addr, str::FromStr};

use http::{
    Uri,
    uri::{Authority, PathAndQuery},
};

use self::reach::Reach;
use crate::Error;

pub(crate) const USER_INFO: &str =
    "a URL with user information before the host takes no credential: remove it";

/// Scheme, host and effective port of a URL (RFC 9110 §4.3.1), always compared in parts.
///
/// ```
/// use hallpass_core::Origin;
///
/// let a: Origin = "https://api.example.com".parse()?;
/// let b: Origin = "https://API.example.com:443/v1/items".parse()?;
/// assert_eq!(a, b);
/// assert_ne!(a, "https://api.example.com:8443".parse()?);
/// assert_ne!(a, "http://api.example.com".parse()?);
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    secure: bool,
    /// Host in lower case, and the port unless it is the scheme's own.
    authority: String,
    host: usize,
    port: u16,
    reach: Reach,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URI.
    ///
    /// # Errors
    /// If there is another scheme or none, no host, or user information before the host.
    pub fn of(uri: &Uri) -> Result<Self, Error> {
        let authority = uri.authority().map(Authority::as_str);
        match Destination::of(uri.scheme_str(), authority) {
            Destination::Known(parts) if !parts.user_info => Ok(parts.to_origin()),
            Destination::Known(_) => Err(Error::destination(USER_INFO)),
            Destination::Foreign(reason) => Err(Error::destination(reason)),
            Destination::Unstated => Err(Error::destination(
                "an origin needs a scheme and a host: https://host",
            )),
        }
    }

    /// Whether it is `https`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
    pub fn is_loopback(&self) -> bool {
        self.reach == Reach::Machine
    }

    /// Whether it is this machine or on its link, by its address: [loopback](Self::is_loopback),
    /// `169.254.0.0/16`, `fe80::/10`, or the metadata server of a cloud (`169.254.169.254`, and where
    /// there is IPv6 only `fd00:ec2::254` and `fd20:ce::254`).
    ///
    /// Each machine has its own there, so a request to it never belongs to a proxy, which would ask
    /// its own instead.
    pub fn is_local(&self) -> bool {
        self.reach != Reach::Far
    }

    /// Whether it is written just like this. If not, both may still mean the same.
    pub(crate) fn is_written(&self, scheme: &str, authority: &str) -> bool {
        authority == self.authority && scheme == self.scheme()
    }

    /// Whether these are its parts.
    pub(crate) fn is(&self, parts: &Parts<'_>) -> bool {
        let host = self.host();
        self.secure == parts.secure
            && self.port == parts.port
            && (host.eq_ignore_ascii_case(parts.host)
                || literal(parts.host).is_some_and(|address| literal(host) == Some(address)))
    }

    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts {
            secure: self.secure,
            host: self.host(),
            port: self.port,
            user_info: false,
        }
    }

    /// A URI without an authority, as it reads at this origin.
    pub(crate) fn complete(&self, uri: &Uri) -> Result<Uri, Error> {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        format!("{self}{path}")
            .parse()
            .map_err(|_| Error::destination("a URL that HTTP cannot express takes no credential"))
    }

    fn host(&self) -> &str {
        &self.authority[..self.host]
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

impl FromStr for Origin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let uri: Uri = text
            .parse()
            .map_err(|_| Error::configuration(not_a_url(text)))?;
        Self::of(&uri)
    }
}

impl TryFrom<&str> for Origin {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Origin {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<&String> for Origin {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a request goes, as far as it says so.
pub(crate) enum Destination<'a> {
    /// It has no authority.
    Unstated,
    /// Nothing that could be an origin of ours, and why.
    Foreign(&'static str),
    Known(Parts<'a>),
}

/// The three parts of an origin, borrowed from a request: comparing allocates nothing.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    secure: bool,
    host: &'a str,
    port: u16,
    /// Whether there is user information before the host.
    pub(crate) user_info: bool,
}

impl<'a> Destination<'a> {
    pub(crate) fn of(scheme: Option<&str>, authority: Option<&'a str>) -> Self {
        let Some(authority) = authority else {
            return Self::Unstated;
        };
        let secure = match scheme {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Self::Foreign("only http and https URLs take a credential"),
        };
        let (user_info, host_and_port) = match authority.rsplit_once('@') {
            Some((_, rest)) => (true, rest),
            None => (false, authority),
        };
        let end = match host_and_port.strip_prefix('[') {
            // A literal address holds colons of its own.
            Some(inner) => inner.find(']').map(|at| at + 2),
            None => host_and_port.find(':'),
        };
        let (host, port) = host_and_port.split_at(end.unwrap_or(host_and_port.len()));
        if host.is_empty() || is_broken_literal(host) {
            return Self::Foreign("a URL without a host takes no credential");
        }
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => default_port(secure),
            Some("") => default_port(secure),
            Some(digits) => match digits.parse() {
                Ok(port) => port,
                Err(_) => return Self::Foreign("a URL with an impossible port"),
            },
            None => return Self::Foreign("a URL with an impossible port"),
        };
        Self::Known(Parts {
            secure,
            host,
            port,
            user_info,
        })
    }
}

impl Parts<'_> {
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    pub(crate) fn is_loopback(&self) -> bool {
        Reach::of(self.host) == Reach::Machine
    }

    /// The same for all spellings of one origin.
    pub(crate) fn write_to(&self, hasher: &mut impl Hasher) {
        match literal(self.host) {
            Some(address) => hasher.write(&address.octets()),
            None => self
                .host
                .bytes()
                .for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase())),
        }
        hasher.write_u16(self.port);
        hasher.write_u8(u8::from(self.secure));
    }

    pub(crate) fn to_origin(self) -> Origin {
        let mut authority = match literal(self.host) {
            Some(address) => format!("[{address}]"),
            None => self.host.to_ascii_lowercase(),
        };
        let host = authority.len();
        if self.port != default_port(self.secure) {
            authority.push(':');
            authority.push_str(&self.port.to_string());
        }
        Origin {
            secure: self.secure,
            reach: Reach::of(self.host),
            authority,
            host,
            port: self.port,
        }
    }
}

/// The address in `[…]`, which can be written in many ways.
fn literal(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

fn is_broken_literal(host: &str) -> bool {
    host.starts_with('[') && literal(host).is_none()
}

fn not_a_url(text: &str) -> &'static str {
    if text.is_ascii() {
        "an origin is not a URL: write https://host"
    } else {
        // Which one it is takes tables of several hundred kilobytes, for one line of configuration.
        "an origin holds characters outside ASCII: write its host as requests carry it, in the form that begins with xn--"
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

/// Where one credential may go.
pub(crate) enum Allowed<'a> {
    /// To the first origin that it is used for, and to no other.
    FirstUsed,
    /// To these; a request to any other goes without it.
    Only(&'a [Origin]),
    /// Anywhere.
    Any,
}

impl<'a> Allowed<'a> {
    /// The first that was named, if any was.
    pub(crate) fn first(&self) -> Option<&'a Origin> {
        match self {
            Self::Only(set) => set.first(),
            Self::FirstUsed | Self::Any => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ours(url: &str) -> bool {
        let ours: Origin = "https://api.example".parse().unwrap();
        let uri: Uri = url.parse().unwrap();
        match Destination::of(uri.scheme_str(), uri.authority().map(Authority::as_str)) {
            Destination::Known(parts) => ours.is(&parts),
            Destination::Unstated | Destination::Foreign(_) => false,
        }
    }

    #[test]
    fn compares_parts_and_never_strings() {
        for (url, expected) in [
            ("https://api.example/x", true),
            ("https://api.example:443/x", true),
            ("https://API.EXAMPLE/x", true),
            ("HTTPS://api.example/x", true),
            ("https://api.example:/x", true),
            ("https://api.example@api.example/x", true),
            ("http://api.example/x", false),
            ("http://api.example:443/x", false),
            ("https://api.example:8443/", false),
            ("https://api.example.evil/", false),
            ("https://api.example./", false),
            ("https://api.example@evil.example/", false),
            ("https://evil.example:443@api.example.evil/", false),
            ("ftp://api.example/", false),
            ("wss://api.example/", false),
            ("api.example:443", false),
            ("/x", false),
        ] {
            assert_eq!(is_ours(url), expected, "{url}");
        }
    }

    #[test]
    fn an_address_has_one_spelling() {
        let short: Origin = "http://[2001:DB8::1]:8080".parse().unwrap();
        let long: Origin = "http://[2001:db8:0:0:0:0:0:1]:8080/x".parse().unwrap();
        assert_eq!(short, long);
        assert_eq!(long.to_string(), "http://[2001:db8::1]:8080");
        let other: Origin = "http://[2001:db8::2]:8080".parse().unwrap();
        assert_ne!(short, other);
    }

    #[test]
    fn what_has_no_host_is_no_origin() {
        for text in [
            "https://:443",
            "https://[]",
            "https://[]:443",
            "https://[::g]",
            "https://[::1]x",
            "https://[::1]x:443",
            "https://",
            "https://a.example:99999",
            "https://user@a.example",
            "api.example",
            "/",
            "ftp://a.example",
            "https://bücher.example",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn knows_this_machine() {
        for (host, expected) in [
            ("http://127.0.0.1", true),
            ("http://127.1.2.3:80", true),
            ("http://[::1]:8080", true),
            ("http://LOCALHOST", true),
            ("http://localhost.evil.example", false),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.evil.example", false),
        ] {
            let origin: Origin = host.parse().unwrap();
            assert_eq!(origin.is_loopback(), expected, "{host}");
        }
    }

    #[test]
    fn knows_what_is_on_its_link() {
        for (host, expected) in [
            ("http://127.0.0.1", true),
            ("http://localhost", true),
            ("http://169.254.169.254/latest", true),
            ("http://169.254.170.2", true),
            ("http://[fe80::1]:8080", true),
            ("http://[fd00:ec2::254]", true),
            ("http://[fd00:0ec2:0::0254]", true),
            ("http://[fd20:ce::254]", true),
            ("http://[::ffff:169.254.169.254]", true),
            ("http://[fd00:ec2::255]", false),
            ("http://169.253.169.254", false),
            ("http://169.254.169.254.evil.example", false),
            ("http://metadata.google.internal", false),
            ("http://10.0.0.1", false),
        ] {
            let origin: Origin = host.parse().unwrap();
            assert_eq!(origin.is_local(), expected, "{host}");
        }
    }
}
