//! Where token requests go: checked once, before anything is sent.

use hallpass_core::{Error, Origin};
use http::Uri;

use crate::text::printable;

/// The addresses of metadata servers, which have no certificate and which no request leaves the
/// machine for: those of all clouds, and where there is IPv6 alone AWS's and Google's.
const METADATA_SERVERS: [&str; 3] = ["169.254.169.254", "[fd00:ec2::254]", "[fd20:ce::254]"];

/// A checked token URL and the ways to name it in messages.
#[derive(Clone)]
pub(crate) struct TokenUrl {
    uri: Uri,
    origin: Origin,
}

impl TokenUrl {
    /// Takes an absolute `https` URL; plain `http` only to this machine, to a
    /// metadata server, or if it is allowed.
    pub(crate) fn parse(text: &str, allow_http: bool) -> Result<Self, Error> {
        // `Uri` would drop a fragment without a word.
        if text.contains('#') {
            return Err(Error::configuration(
                "the token URL has a fragment (#…): remove it",
            ));
        }
        if text.contains(char::is_whitespace) {
            return Err(Error::configuration(
                "the token URL holds a space or a line break: remove it, or write %20",
            ));
        }
        let uri: Uri = text.parse().map_err(|_| not_absolute())?;
        let authority = uri.authority().ok_or_else(not_absolute)?;
        if authority.as_str().contains('@') {
            return Err(Error::configuration(
                "the token URL has user information before its host: pass the id and the secret to the builder",
            ));
        }
        if authority.host().is_empty() || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(not_absolute());
        }
        let origin = Origin::of(&uri)?;
        let stays = origin.is_loopback() || METADATA_SERVERS.contains(&authority.host());
        if !origin.is_secure() && !stays && !allow_http {
            return Err(Error::configuration(format!(
                "{origin} would carry the client secret in the clear: use https"
            )));
        }
        Ok(Self { uri, origin })
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    /// Origin and path: a query is never shown.
    pub(crate) fn place(&self) -> String {
        format!("{}{}", self.origin, printable(self.uri.path()))
    }

    /// What to check when the endpoint turns out not to be there.
    pub(crate) fn what_to_check(&self) -> &'static str {
        if self.has_realm() {
            "check the token URL and the realm"
        } else {
            "check the token URL"
        }
    }

    pub(crate) fn has_realm(&self) -> bool {
        self.uri.path().contains("/realms/")
    }

    /// The names of the parameters in its own query.
    pub(crate) fn own_parameters(&self) -> impl Iterator<Item = &str> {
        self.uri
            .query()
            .unwrap_or_default()
            .split('&')
            .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
            .filter(|name| !name.is_empty())
    }
}

fn not_absolute() -> Error {
    Error::configuration("the token URL is not an absolute URL: write https://host/path")
}
