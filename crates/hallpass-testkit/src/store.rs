//! The tokens in circulation.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokio::time::Instant;

use crate::client::{Client, Role};
use crate::jwt;
use crate::minting::{JwtExp, Minting, Reissue, TokenFormat};

/// Who may do what with a live token.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) client: String,
    pub(crate) role: Option<Role>,
    pub(crate) scope: Option<String>,
    /// The thumbprint of the key that the token is bound to.
    pub(crate) bound: Option<String>,
}

struct Live {
    holder: Holder,
    since: Instant,
    until: Instant,
}

pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) left: Duration,
}

pub(crate) struct Store {
    pub(crate) minting: Minting,
    /// For how long the API does not know a new token yet.
    pub(crate) lag: Duration,
    live: HashMap<String, Live>,
    /// The latest token for each client and scope.
    latest: HashMap<(String, Option<String>), String>,
    issued: u64,
    random: fastrand::Rng,
}

/// Expired tokens are swept when this many have gathered, so that long load tests stay small.
const SWEEP_AT: usize = 4096;

impl Store {
    pub(crate) fn new(minting: Minting) -> Self {
        Self {
            minting,
            lag: Duration::ZERO,
            live: HashMap::new(),
            latest: HashMap::new(),
            issued: 0,
            random: fastrand::Rng::new(),
        }
    }

    /// `bound` is the thumbprint of the key that the token is to be bound to.
    pub(crate) fn issue(
        &mut self,
        issuer: &str,
        client: &Client,
        scope: Option<&str>,
        bound: Option<&str>,
    ) -> Issued {
        let now = Instant::now();
        let lifetime = self.minting.lifetime;
        let key = (client.id.clone(), scope.map(str::to_owned));
        let is_bound_alike = |token: &String| {
            let live = self.live.get(token);
            live.is_none_or(|live| live.holder.bound.as_deref() == bound)
        };
        let earlier = self.latest.get(&key).filter(|token| is_bound_alike(token));
        if let Some(token) = earlier.cloned() {
            match (self.minting.reissue, self.live.get_mut(&token)) {
                (Reissue::Sticky, Some(live)) if live.until > now => {
                    return Issued {
                        token,
                        left: live.until - now,
                    };
                }
                (Reissue::Extended, Some(live)) if live.until > now => {
                    live.until = now + lifetime;
                    return Issued {
                        token,
                        left: lifetime,
                    };
                }
                (Reissue::Replacing, Some(live)) => {
                    live.until = live.until.min(now + self.minting.grace);
                }
                _ => {}
            }
        }
        if self.live.len() >= SWEEP_AT {
            self.live.retain(|_, live| live.until > now);
        }
        let token = self.mint(issuer, &client.id, scope);
        let holder = Holder {
            client: client.id.clone(),
            role: client.role,
            scope: key.1.clone(),
            bound: bound.map(str::to_owned),
        };
        self.live.insert(
            token.clone(),
            Live {
                holder,
                since: now,
                until: now + lifetime,
            },
        );
        self.latest.insert(key, token.clone());
        Issued {
            token,
            left: lifetime,
        }
    }

    fn mint(&mut self, issuer: &str, client: &str, scope: Option<&str>) -> String {
        self.issued += 1;
        let mut noise = [0_u8; 32];
        self.random.fill(&mut noise);
        match self.minting.format {
            TokenFormat::Opaque => URL_SAFE_NO_PAD.encode(noise),
            TokenFormat::PaddedBase64 => STANDARD.encode(noise),
            TokenFormat::Numbered => format!("token-{}", self.issued),
            TokenFormat::Jwt => {
                let exp = match self.minting.jwt_exp {
                    JwtExp::Lifetime => Some(self.minting.lifetime),
                    JwtExp::After(after) => Some(after),
                    JwtExp::Missing => None,
                };
                jwt::make(issuer, client, scope, self.issued, exp, &noise)
            }
        }
    }

    pub(crate) fn holder(&self, token: &str) -> Option<Holder> {
        let now = Instant::now();
        self.live
            .get(token)
            .filter(|live| live.until > now && live.since + self.lag <= now)
            .map(|live| live.holder.clone())
    }

    pub(crate) fn issued(&self) -> u64 {
        self.issued
    }

    pub(crate) fn revoke(&mut self, token: &str) -> bool {
        self.live.remove(token).is_some()
    }

    pub(crate) fn revoke_all(&mut self) {
        self.live.clear();
        self.latest.clear();
    }
}
