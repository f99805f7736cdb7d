//! [`Origin`] and [`Origins`]: where a credential may go.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use http::Uri;

use crate::Error;

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
    loopback: bool,
}

impl Origin {
    /// The origin of an absolute `http` or `https` URI.
    ///
    /// # Errors
    /// If there is another scheme or none, no host, or user information before the host.
    pub fn of(uri: &Uri) -> Result<Self, Error> {
        let target = Target::of(uri)?.ok_or_else(|| {
            Error::destination("an origin needs a scheme and a host: https://host")
        })?;
        Ok(target.to_origin())
    }

    /// Whether it is `https`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether nobody on the way can read what goes there.
    pub(crate) fn is_private(&self) -> bool {
        self.secure || self.loopback
    }

    /// Whether it is written just like this. If not, both may still mean the same.
    pub(crate) fn is_written(&self, scheme: &str, authority: &str) -> bool {
        authority == self.authority && scheme == self.scheme()
    }

    fn is(&self, target: &Target<'_>) -> bool {
        self.secure == target.secure
            && self.port == target.port
            && self.authority[..self.host].eq_ignore_ascii_case(target.host)
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
            .map_err(|_| Error::configuration("an origin is not a URL: write https://host"))?;
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

/// The same three parts, borrowed from a request's URI: comparing allocates nothing.
pub(crate) struct Target<'a> {
    secure: bool,
    host: &'a str,
    port: u16,
}

impl<'a> Target<'a> {
    /// None for a URI without an authority.
    pub(crate) fn of(uri: &'a Uri) -> Result<Option<Self>, Error> {
        let Some(authority) = uri.authority() else {
            return Ok(None);
        };
        if authority.as_str().contains('@') {
            return Err(Error::destination(
                "a URL with user information before the host takes no credential: remove it",
            ));
        }
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => {
                return Err(Error::destination(
                    "only http and https URLs take a credential",
                ));
            }
        };
        let default = default_port(secure);
        let host = authority.host();
        let port = match authority.port_u16() {
            Some(port) => port,
            None if matches!(&authority.as_str()[host.len()..], "" | ":") => default,
            None => return Err(Error::destination("a URL with an impossible port")),
        };
        Ok(Some(Self { secure, host, port }))
    }

    pub(crate) fn is_private(&self) -> bool {
        self.secure || is_loopback(self.host)
    }

    pub(crate) fn to_origin(&self) -> Origin {
        let mut authority = self.host.to_ascii_lowercase();
        let host = authority.len();
        if self.port != default_port(self.secure) {
            authority.push(':');
            authority.push_str(&self.port.to_string());
        }
        Origin {
            secure: self.secure,
            loopback: is_loopback(self.host),
            authority,
            host,
            port: self.port,
        }
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

fn is_loopback(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Where one credential may go.
#[derive(Debug, Clone, Default)]
pub enum Origins {
    /// To the first origin that it is used for, and to no other.
    #[default]
    FirstUsed,
    /// To these; a request to any other goes without it.
    Only(Arc<[Origin]>),
    /// Anywhere. Only for a client that can reach nothing but what the credential is for.
    Any,
}

impl Origins {
    pub(crate) fn contain(set: &[Origin], target: &Target<'_>) -> bool {
        set.iter().any(|origin| origin.is(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(url: &str) -> Result<bool, Error> {
        let set = ["https://api.example".parse().unwrap()];
        let uri: Uri = url.parse().unwrap();
        Ok(Origins::contain(&set, &Target::of(&uri)?.unwrap()))
    }

    #[test]
    fn compares_parts_and_never_strings() {
        for (url, expected) in [
            ("https://api.example/x", true),
            ("https://api.example:443/x", true),
            ("https://API.EXAMPLE/x", true),
            ("http://api.example/x", false),
            ("https://api.example:8443/", false),
            ("https://api.example.evil/", false),
            ("https://api.example./", false),
        ] {
            assert_eq!(allowed(url).unwrap(), expected, "{url}");
        }
        assert!(
            allowed("https://api.example@evil.example/")
                .unwrap_err()
                .is_destination()
        );
        assert!(allowed("ftp://api.example/").unwrap_err().is_destination());
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
}
