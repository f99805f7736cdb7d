//! The running server.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::builder::Builder;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::journal::Journal;
use crate::listener::{Listening, Transport};
use crate::lock::lock;
use crate::minting::{ExpiresIn, Reissue};
use crate::port::BACKLOG;
use crate::shared::Shared;
use crate::system::System;

impl Builder {
    /// Starts the server on a free port of 127.0.0.1.
    ///
    /// Its tasks run on the caller's tokio runtime, which needs time and I/O enabled.
    ///
    /// # Panics
    ///
    /// If no port can be bound, or outside a runtime.
    pub async fn start(self) -> Server {
        self.try_start()
            .await
            .unwrap_or_else(|error| panic!("the test server cannot start: {error}"))
    }

    /// Like [`start`](Self::start), without the panic.
    ///
    /// # Errors
    ///
    /// If no port can be bound, or no certificate be made.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[expect(
        clippy::unused_async,
        reason = "the runtime is needed, and later bindings may have to wait"
    )]
    pub async fn try_start(self) -> io::Result<Server> {
        let listener = bind()?;
        let addr = listener.local_addr()?;
        #[cfg(feature = "tls")]
        let (transport, authority) = if self.tls {
            let (acceptor, authority) = crate::tls::make(self.http1_only)?;
            (Transport::Tls(acceptor), Some(authority))
        } else {
            (Transport::Plain, None)
        };
        #[cfg(not(feature = "tls"))]
        let transport = Transport::Plain;
        let url = match transport {
            Transport::Plain => format!("http://{addr}"),
            #[cfg(feature = "tls")]
            Transport::Tls(_) => format!("https://localhost:{}", addr.port()),
        };
        let (http1_only, goaway_after) = (self.http1_only, self.goaway_after);
        let shared = Arc::new(self.shared(&url));
        let stop = watch::Sender::new(false);
        let listening = Listening {
            shared: Arc::clone(&shared),
            transport,
            http1_only,
            goaway_after,
            stop: stop.subscribe(),
        };
        tokio::spawn(listening.accept(listener));
        Ok(Server {
            shared,
            addr,
            url,
            stop,
            #[cfg(feature = "tls")]
            authority,
        })
    }
}

fn bind() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    socket.listen(BACKLOG)
}

/// An authorization server and the API it protects, on one loopback port.
///
/// Its tasks run on the tokio runtime that started it, and token lifetimes follow that
/// runtime's clock, so that a paused clock governs both. Dropping the server stops its
/// tasks the next time the runtime turns; [`shutdown`](Self::shutdown) waits for that.
///
/// A paused tokio clock leaps to the next timer whenever every task waits, even for a
/// socket. Where that matters, pause it only to advance it past a lifetime.
pub struct Server {
    shared: Arc<Shared>,
    addr: SocketAddr,
    url: String,
    stop: watch::Sender<bool>,
    #[cfg(feature = "tls")]
    authority: Option<crate::tls::Authority>,
}

impl Server {
    /// Starts a [`System::Generic`] server with the client `client` and the secret `secret`.
    ///
    /// # Panics
    ///
    /// If no port can be bound, or outside a tokio runtime.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Settings for another kind of server.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The URL of the token endpoint, with the realm where the system has one, and the names of
    /// variables where a profile has them.
    pub fn token_url(&self) -> String {
        format!("{}{}", self.url, self.shared.token_path())
    }

    /// The address listened on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The system emulated; [`System::Generic`] where a profile says how.
    pub fn system(&self) -> System {
        self.shared.system
    }

    /// The realm in the token path of the Keycloak systems.
    pub fn realm(&self) -> &str {
        &self.shared.realm
    }

    /// The registered clients, in order of registration.
    pub fn clients(&self) -> Vec<Client> {
        lock(&self.shared.clients).clone()
    }

    /// The certificate authority to trust, in DER; `None` without TLS.
    #[cfg(feature = "tls")]
    pub fn certificate_der(&self) -> Option<&[u8]> {
        self.authority
            .as_ref()
            .map(|authority| authority.der.as_slice())
    }

    /// The certificate authority to trust, in PEM; `None` without TLS.
    #[cfg(feature = "tls")]
    pub fn certificate_pem(&self) -> Option<&str> {
        self.authority
            .as_ref()
            .map(|authority| authority.pem.as_str())
    }

    /// Withdraws every token issued so far.
    pub fn revoke_all(&self) {
        lock(&self.shared.store).revoke_all();
    }

    /// Withdraws one token; says whether it was known.
    pub fn revoke(&self, token: &str) -> bool {
        lock(&self.shared.store).revoke(token)
    }

    /// Whether the API takes this token now: it was issued here, lives, and is not withdrawn.
    ///
    /// For a server of your own, gRPC or other, that leaves it to this one to say who may pass. A
    /// token that is bound to a key (DPoP) needs its proof besides, which is not looked at here.
    ///
    /// ```
    /// # use hallpass_testkit::Server;
    /// # fn check(server: &Server, authorization: &str) -> bool {
    /// let token = authorization.strip_prefix("Bearer ");
    /// token.is_some_and(|token| server.accepts(token))
    /// # }
    /// ```
    pub fn accepts(&self, token: &str) -> bool {
        lock(&self.shared.store).holder(token).is_some()
    }

    /// How many different tokens have been issued.
    pub fn tokens_issued(&self) -> u64 {
        lock(&self.shared.store).issued()
    }

    /// Wants other nonces from now on than any that a client knows, if it wants nonces.
    pub fn rotate_nonces(&self) {
        if let Some(possession) = &self.shared.possession {
            lock(possession).rotate();
        }
    }

    /// How many proofs came that had come before.
    pub fn proofs_replayed(&self) -> usize {
        let possession = self.shared.possession.as_ref();
        possession.map_or(0, |possession| lock(possession).replays())
    }

    /// The URL under which clients know the API, without a slash at the end, where a proxy stands
    /// before it: proofs have to name that.
    pub fn set_public_url(&self, url: &str) {
        if let Some(possession) = &self.shared.possession {
            lock(possession).public_url = Some(url.to_owned());
        }
    }

    /// The lifetime of tokens issued from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        lock(&self.shared.store).minting.lifetime = lifetime;
    }

    /// How long the API refuses new tokens, those already issued included.
    pub fn set_replication_lag(&self, lag: Duration) {
        lock(&self.shared.store).lag = lag;
    }

    /// How `expires_in` is written from now on.
    pub fn set_expires_in(&self, expires_in: ExpiresIn) {
        lock(&self.shared.store).minting.expires_in = expires_in;
    }

    /// What a client gets from now on that asks again early.
    pub fn set_reissue(&self, reissue: Reissue) {
        lock(&self.shared.store).minting.reissue = reissue;
    }

    /// Gives a client another secret; tokens it already has live on. Says whether the client is known.
    pub fn set_secret(&self, id: &str, secret: &str) -> bool {
        let mut clients = lock(&self.shared.clients);
        let Some(client) = clients.iter_mut().find(|client| client.id == id) else {
            return false;
        };
        secret.clone_into(&mut client.secret);
        true
    }

    /// Registers another client, as a vendor does on rotation where secrets cannot be changed.
    pub fn add_client(&self, id: &str, secret: &str) {
        lock(&self.shared.clients).push(Client::new(id, secret, None));
    }

    /// Strikes a client off; tokens it already has live on. Says whether it was known.
    pub fn remove_client(&self, id: &str) -> bool {
        let mut clients = lock(&self.shared.clients);
        let before = clients.len();
        clients.retain(|client| client.id != id);
        clients.len() < before
    }

    /// The switches of the token endpoint.
    pub fn token_endpoint(&self) -> &Endpoint {
        &self.shared.token_endpoint
    }

    /// The switches of the API.
    pub fn api(&self) -> &Endpoint {
        &self.shared.api
    }

    /// Every request so far.
    pub fn journal(&self) -> Journal {
        self.shared.log.snapshot()
    }

    /// Starts the journal anew.
    pub fn clear_journal(&self) {
        self.shared.log.clear();
    }

    /// How many TCP connections have been accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed) as usize
    }

    /// Closes idle connections now and the busy ones after their present answer.
    pub fn close_idle(&self) {
        self.shared.close.send_replace(());
    }

    /// Stops the server and waits until its port is free and its tasks are gone.
    ///
    /// # Cancel safety
    ///
    /// The server stops even if the future is dropped; only the waiting ends.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("system", &self.shared.system)
            .field("url", &self.url)
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
