//! Which vendor's manners the server takes on, and what follows from that choice.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::challenge::Challenge;
use crate::client::{BasicEncoding, Client, Role};
use crate::minting::TokenFormat;

/// The authorization server and API to emulate.
///
/// Each system accepts its documented request and refuses any other shape with the
/// status its vendor would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum System {
    /// Plain RFC 6749 at `/token`: Basic or `client_secret_post`, never both; the scope is echoed.
    #[default]
    Generic,
    /// Atlar: Basic at `/iam/v2beta/oauth2/token` (and `/iam/v2/…`), 300-second JWTs, and
    /// Basic with the same pair straight on the API.
    Atlar,
    /// Atlas by IS2: Keycloak paths with a realm, Basic, JWTs of one hour whose `exp` is meant to be read.
    Is2,
    /// Ataccama ONE: Keycloak paths with a realm, credentials in the form body only, 300-second JWTs.
    Ataccama,
    /// Atomic: Basic with the parameters in the query and an empty body, a rate limit, one pair per role.
    Atomic,
    /// The system known only as `oauth-v2`: Basic with form-encoded halves at `/oauth/v2/token`.
    Unnamed,
}

impl System {
    /// Every system, in the order of declaration.
    pub const ALL: [Self; 6] = [
        Self::Generic,
        Self::Atlar,
        Self::Is2,
        Self::Ataccama,
        Self::Atomic,
        Self::Unnamed,
    ];

    /// A short stable name, such as `"atlar"` or `"oauth-v2"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Atlar => "atlar",
            Self::Is2 => "is2",
            Self::Ataccama => "ataccama",
            Self::Atomic => "atomic",
            Self::Unnamed => "oauth-v2",
        }
    }

    /// The path of the token endpoint; only the Keycloak systems use `realm`.
    pub fn token_path(self, realm: &str) -> String {
        match self {
            Self::Generic => "/token".to_owned(),
            Self::Atlar => "/iam/v2beta/oauth2/token".to_owned(),
            Self::Is2 | Self::Ataccama => {
                let realm = utf8_percent_encode(realm, SEGMENT);
                format!("{REALMS}{realm}{REALM_TOKEN}")
            }
            Self::Atomic => "/oauth2/token".to_owned(),
            Self::Unnamed => "/oauth/v2/token".to_owned(),
        }
    }

    pub(crate) fn route(self, path: &str, realm: &str) -> Route {
        let token = match self {
            Self::Generic => path == "/token",
            Self::Atlar => matches!(path, "/iam/v2beta/oauth2/token" | "/iam/v2/oauth2/token"),
            Self::Is2 | Self::Ataccama => {
                let asked = path
                    .strip_prefix(REALMS)
                    .and_then(|rest| rest.strip_suffix(REALM_TOKEN));
                return match asked {
                    None => Route::Api,
                    Some(asked) if percent_decode_str(asked).decode_utf8_lossy() == realm => {
                        Route::Token
                    }
                    Some(_) => Route::WrongRealm,
                };
            }
            Self::Atomic => path == "/oauth2/token",
            Self::Unnamed => path == "/oauth/v2/token",
        };
        if token { Route::Token } else { Route::Api }
    }

    pub(crate) const fn lifetime(self) -> Duration {
        match self {
            Self::Atlar | Self::Ataccama => Duration::from_secs(300),
            _ => Duration::from_secs(3600),
        }
    }

    pub(crate) const fn format(self) -> TokenFormat {
        match self {
            Self::Generic => TokenFormat::Opaque,
            Self::Unnamed => TokenFormat::PaddedBase64,
            _ => TokenFormat::Jwt,
        }
    }

    pub(crate) const fn basic(self) -> BasicEncoding {
        match self {
            Self::Generic | Self::Unnamed => BasicEncoding::Form,
            _ => BasicEncoding::Raw,
        }
    }

    pub(crate) const fn challenge(self) -> Challenge {
        match self {
            Self::Atlar => Challenge::None,
            _ => Challenge::InvalidToken,
        }
    }

    pub(crate) const fn rate_limit(self) -> Option<(usize, Duration)> {
        match self {
            Self::Atomic => Some((10, Duration::from_secs(1))),
            _ => None,
        }
    }

    pub(crate) fn default_clients(self) -> Vec<Client> {
        match self {
            Self::Atomic => vec![
                Client::new("auth-client", "auth-secret", Some(Role::Auth)),
                Client::new(
                    "workbench-client",
                    "workbench-secret",
                    Some(Role::Workbench),
                ),
                Client::new("events-client", "events-secret", Some(Role::Events)),
            ],
            _ => vec![Client::new("client", "secret", None)],
        }
    }
}

const REALMS: &str = "/auth/realms/";
const REALM_TOKEN: &str = "/protocol/openid-connect/token";
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where a request is bound for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Token,
    WrongRealm,
    Api,
}
