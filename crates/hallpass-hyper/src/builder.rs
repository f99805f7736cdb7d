//! [`Builder`]: the settings that a transport and a client share.

use std::time::Duration;

use http_body::Body;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;

use crate::{
    Client, HyperTransport,
    connector::Connector,
    tls::{Tls, Versions},
};

/// How long a connection may take, from resolving the name to the end of the TLS handshake: 10 s.
///
/// Long enough for three lost SYNs, which systems repeat after 1, 3 and 7 s, and no longer than a
/// whole attempt at a token may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a transport keeps an idle connection: 1.5 s.
///
/// Token endpoints were seen to close theirs after 2 to 6 s, and the next renewal is minutes away,
/// so that a connection kept longer is dead when it is wanted. Requests that do follow each other
/// (retries, several tenants of one server) come within a second.
pub const TRANSPORT_IDLE_TIMEOUT: Duration = Duration::from_millis(1500);

/// How long a client keeps an idle connection: 30 s.
///
/// Less than the 60 s and more after which common balancers and servers close theirs, so that the
/// client is mostly the one to close and no request crosses with the closing. Servers that close
/// sooner are noticed when they do.
pub const CLIENT_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Settings for a [`HyperTransport`], a [`Client`], or one of each.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let private = hallpass_hyper::Builder::new().only_roots_pem(&std::fs::read("ca.pem")?);
/// let transport = private.transport()?;
/// # let _ = transport;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until `transport` or `client`"]
pub struct Builder {
    tls: Tls,
    versions: Versions,
    connect_timeout: Duration,
    idle_timeout: Option<Duration>,
    request_timeout: Option<Duration>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            tls: Tls::default(),
            versions: Versions::Both,
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: None,
            request_timeout: None,
        }
    }

    /// Trusts these certificate authorities, one or more in PEM, besides the platform's.
    ///
    /// On Android only the platform's own or [`only_roots_pem`](Self::only_roots_pem) can be had.
    pub fn add_roots_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.tls.add_pem(pem.as_ref());
        self
    }

    /// Trusts this certificate authority, in DER, besides the platform's.
    ///
    /// On Android only the platform's own or [`only_root_der`](Self::only_root_der) can be had.
    pub fn add_root_der(mut self, der: impl AsRef<[u8]>) -> Self {
        self.tls.add_der(der.as_ref());
        self
    }

    /// Trusts these certificate authorities, one or more in PEM, and no longer the platform's.
    ///
    /// May be called several times, and goes with the `add_` methods: the platform's stay out.
    pub fn only_roots_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.tls.without_platform();
        self.add_roots_pem(pem)
    }

    /// Trusts this certificate authority, in DER, and no longer the platform's.
    ///
    /// May be called several times, and goes with the `add_` methods: the platform's stay out.
    pub fn only_root_der(mut self, der: impl AsRef<[u8]>) -> Self {
        self.tls.without_platform();
        self.add_root_der(der)
    }

    /// Takes a whole rustls configuration, with a client certificate for example, in place of
    /// roots given here.
    ///
    /// Its ALPN list alone is replaced, by the versions of HTTP that this builder is set to.
    pub fn tls_config(mut self, config: ClientConfig) -> Self {
        self.tls.set_config(config);
        self
    }

    /// How long name resolution, TCP and TLS may take together; [`CONNECT_TIMEOUT`] unless set.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long an unused connection is kept; [`TRANSPORT_IDLE_TIMEOUT`] or
    /// [`CLIENT_IDLE_TIMEOUT`] unless set.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = Some(limit);
        self
    }

    /// How long a [`Client`] waits for the head of an answer, connecting included; unless set, as
    /// long as it takes.
    ///
    /// The body has no deadline of its own. A transport gets its limit with each request instead.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.request_timeout = Some(limit);
        self
    }

    /// Speaks HTTP/1.1 only.
    pub fn http1_only(mut self) -> Self {
        self.versions = Versions::Http1;
        self
    }

    /// Speaks HTTP/2 only; without TLS, by prior knowledge.
    pub fn http2_only(mut self) -> Self {
        self.versions = Versions::Http2;
        self
    }

    /// A transport for token endpoints with these settings.
    ///
    /// # Errors
    /// If the platform has no roots to trust, a root cannot be read, or roots were given beside a
    /// whole TLS configuration.
    pub fn transport(&self) -> Result<HyperTransport, hallpass_core::Error> {
        let connector = self.connector()?;
        let pooled = self
            .hyper(self.idle_timeout.unwrap_or(TRANSPORT_IDLE_TIMEOUT))
            .build(connector.clone());
        let fresh = self
            .hyper(Duration::ZERO)
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(HyperTransport::new(pooled, fresh))
    }

    /// A client with these settings; the type of the request's body follows from use.
    ///
    /// # Errors
    /// If the platform has no roots to trust, a root cannot be read, or roots were given beside a
    /// whole TLS configuration.
    pub fn client<B>(&self) -> Result<Client<B>, hallpass_core::Error>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        let inner = self
            .hyper(self.idle_timeout.unwrap_or(CLIENT_IDLE_TIMEOUT))
            .build(self.connector()?);
        Ok(Client::new(inner, self.versions, self.request_timeout))
    }

    fn connector(&self) -> Result<Connector, hallpass_core::Error> {
        let tls = self.tls.config(self.versions)?;
        Ok(Connector::new(tls, self.connect_timeout))
    }

    fn hyper(&self, idle_timeout: Duration) -> legacy::Builder {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle_timeout)
            .retry_canceled_requests(true)
            .http2_only(self.versions == Versions::Http2);
        builder
    }
}
