//! What a server is started with.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[cfg(feature = "oauth2")]
use hallpass_oauth2::Profile;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::{BasicEncoding, Client, Role};
use crate::endpoint::Endpoint;
use crate::journal::Log;
use crate::minting::{ExpiresIn, JwtExp, Minting, Reissue, TokenFormat};
use crate::possession::Possession;
use crate::rate::RateLimit;
#[cfg(feature = "oauth2")]
use crate::shape::Shape;
use crate::shared::Shared;
use crate::store::Store;
use crate::system::System;

/// Settings for a [`Server`](crate::Server); what is left out follows from the [`System`].
///
/// `Debug` leaves the secrets out.
#[derive(Clone, Default)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    system: System,
    #[cfg(feature = "oauth2")]
    profile: Option<Profile>,
    realm: Option<String>,
    clients: Vec<Client>,
    lifetime: Option<Duration>,
    reissue: Option<Reissue>,
    lag: Duration,
    format: Option<TokenFormat>,
    expires_in: ExpiresIn,
    jwt_exp: JwtExp,
    basic: Option<BasicEncoding>,
    rate_limit: Option<(usize, Duration)>,
    dpop: bool,
    dpop_nonces: Option<u32>,
    pub(crate) http1_only: bool,
    pub(crate) goaway_after: Option<u32>,
    #[cfg(feature = "tls")]
    pub(crate) tls: bool,
}

impl Builder {
    /// Which system to emulate; [`System::Generic`] unless set.
    pub fn system(mut self, system: System) -> Self {
        self.system = system;
        self
    }

    /// Takes on the manners that a profile describes, in place of a [`System`]'s: the path of the token
    /// endpoint, how it wants to be asked and by whom, where in its answers the token and its life
    /// stand, where the API looks for the token, and how either of them refuses.
    ///
    /// Any variable may have any value. The client is `client` with the secret `secret` unless others
    /// are registered. Who is to ask this server takes the same profile with
    /// [`Server::token_url`](crate::Server::token_url) and [`Server::url`](crate::Server::url) in the
    /// place of what it says of them:
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use hallpass_oauth2::Profile;
    /// use hallpass_testkit::Server;
    ///
    /// let profile = Profile::named("zoom")?;
    /// let server = Server::builder().profile(&profile).start().await;
    /// let profile = profile.token_url(server.token_url()).origins([server.url()]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What it can't check, it takes: signatures of private keys, certificates, and the refresh tokens,
    /// assertions and subject tokens that grants bring.
    #[cfg(feature = "oauth2")]
    pub fn profile(mut self, profile: &Profile) -> Self {
        self.profile = Some(profile.clone());
        self
    }

    /// Registers a client in place of the system's default ones; may be called several times.
    pub fn client(mut self, id: &str, secret: &str) -> Self {
        self.clients.push(Client::new(id, secret, None));
        self
    }

    /// Registers a client that is confined to one of Atomic's roles.
    pub fn client_with_role(mut self, id: &str, secret: &str, role: Role) -> Self {
        self.clients.push(Client::new(id, secret, Some(role)));
        self
    }

    /// The realm in the Keycloak systems' token path; `acme` unless set.
    pub fn realm(mut self, realm: &str) -> Self {
        self.realm = Some(realm.to_owned());
        self
    }

    /// How long tokens are honoured; 300 or 3600 seconds by system unless set.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// What a client gets that asks again early.
    pub fn reissue(mut self, reissue: Reissue) -> Self {
        self.reissue = Some(reissue);
        self
    }

    /// How long the API refuses a new token, as one does that learns of tokens late; zero unless set.
    pub fn replication_lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// Ends HTTP/2 connections after `n` requests with a GOAWAY, sent when one more arrives.
    ///
    /// That one and those after it are dropped unread, as the GOAWAY says, and their caller
    /// may send them again elsewhere.
    pub fn goaway_after(mut self, n: u32) -> Self {
        self.goaway_after = Some(n);
        self
    }

    /// What tokens look like, in place of the system's own.
    pub fn token_format(mut self, format: TokenFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// How `expires_in` is written, true or not.
    pub fn expires_in(mut self, expires_in: ExpiresIn) -> Self {
        self.expires_in = expires_in;
        self
    }

    /// What a JWT says in `exp`: this long from its issue, or nothing. Unless set, the truth.
    pub fn jwt_exp(mut self, after: Option<Duration>) -> Self {
        self.jwt_exp = after.map_or(JwtExp::Missing, JwtExp::After);
        self
    }

    /// How the halves of a Basic header are read, in place of the system's own way.
    pub fn basic_encoding(mut self, encoding: BasicEncoding) -> Self {
        self.basic = Some(encoding);
        self
    }

    /// Answers 429 with `Retry-After` above `n` token requests within `per`.
    ///
    /// Atomic has a limit of ten a second unless set; the others have none.
    pub fn rate_limit(mut self, n: usize, per: Duration) -> Self {
        self.rate_limit = Some((n, per));
        self
    }

    /// Wants a proof of possession with each request (RFC 9449): binds tokens to the proof's key, and
    /// takes them with a proof of it alone. No proof counts twice.
    pub fn dpop(mut self) -> Self {
        self.dpop = true;
        self
    }

    /// The same, and wants a nonce in each proof: another one at the token endpoint and at the API
    /// after so many uses. The one before it still counts, as it may be under way.
    ///
    /// Every answer brings the nonce that the next proof is to have.
    pub fn dpop_nonces(mut self, uses: u32) -> Self {
        self.dpop_nonces = Some(uses);
        self.dpop()
    }

    /// Speaks HTTP/1.1 only, instead of HTTP/2 as well.
    pub fn http1_only(mut self) -> Self {
        self.http1_only = true;
        self
    }

    /// Serves over TLS; see [`Server::certificate_der`](crate::Server::certificate_der).
    #[cfg(feature = "tls")]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    pub(crate) fn shared(self, url: &str) -> Shared {
        let Self { system, .. } = self;
        let clients = if self.clients.is_empty() {
            system.default_clients()
        } else {
            self.clients
        };
        let (lifetime, format) = (system.lifetime(), system.format());
        #[cfg(feature = "oauth2")]
        let shape = self.profile.map(Shape::new);
        #[cfg(feature = "oauth2")]
        let (lifetime, format) = match &shape {
            Some(shape) => (shape.lifetime(), shape.format()),
            None => (lifetime, format),
        };
        let reissue = self.reissue.unwrap_or_else(|| {
            #[cfg(feature = "oauth2")]
            if let Some(shape) = &shape {
                return shape.reissue();
            }
            Reissue::default()
        });
        let grace = Duration::ZERO;
        #[cfg(feature = "oauth2")]
        let grace = shape
            .as_ref()
            .and_then(|shape| shape.profile.grace)
            .unwrap_or(grace);
        let dpop = self.dpop;
        #[cfg(feature = "oauth2")]
        let dpop = dpop || shape.as_ref().is_some_and(|shape| shape.profile.dpop);
        let minting = Minting {
            lifetime: self.lifetime.unwrap_or(lifetime),
            reissue,
            grace,
            format: self.format.unwrap_or(format),
            expires_in: self.expires_in,
            jwt_exp: self.jwt_exp,
        };
        let rate_limit = self.rate_limit.or(system.rate_limit());
        let mut store = Store::new(minting);
        store.lag = self.lag;
        let close = watch::Sender::new(());
        let possession = Possession::new(self.dpop_nonces);
        Shared {
            system,
            #[cfg(feature = "oauth2")]
            shape,
            realm: self.realm.unwrap_or_else(|| "acme".to_owned()),
            issuer: url.to_owned(),
            basic: self.basic.unwrap_or(system.basic()),
            clients: Mutex::new(clients),
            store: Mutex::new(store),
            possession: dpop.then(|| Mutex::new(possession)),
            rate_limit: Mutex::new(rate_limit.map(|(n, per)| RateLimit::new(n, per))),
            log: Log::default(),
            token_endpoint: Endpoint::new(close.clone()),
            api: Endpoint::new(close.clone()),
            started: Instant::now(),
            connections: AtomicU64::new(0),
            served: AtomicU64::new(0),
            close,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("system", &self.system)
            .field("realm", &self.realm)
            .field("clients", &self.clients)
            .field("lifetime", &self.lifetime)
            .field("reissue", &self.reissue)
            .field("expires_in", &self.expires_in)
            .field("lag", &self.lag)
            .finish_non_exhaustive()
    }
}
