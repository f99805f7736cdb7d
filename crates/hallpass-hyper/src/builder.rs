//! [`Builder`]: the settings that a transport and a client share.

use std::time::Duration;

use hallpass_core::BoxError;
use http::Uri;
use http_body::Body;
use hyper::rt::{Read, Write};
use hyper_util::{
    client::legacy::{self, connect::Connection},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use tower_service::Service;

use crate::{
    Client, HyperTransport, Proxy,
    connector::Connector,
    dialer::Dialer,
    public,
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

/// How many idle connections a client keeps for each host: 32.
///
/// As many as a busy client passes around, and few enough that a burst of a thousand requests
/// doesn't hold a thousand file descriptors afterwards, which the next token request may need.
pub const CLIENT_MAX_IDLE: usize = 32;

/// How many idle connections a transport keeps for each host: 8.
///
/// One token endpoint is asked once in minutes; several tenants of it may be renewed together.
pub const TRANSPORT_MAX_IDLE: usize = 8;

/// After how much silence an HTTP/2 connection that requests wait on is probed: 20 s.
///
/// Silence is rare while requests wait, so that this costs nothing. Servers that count pings (those
/// of gRPC allow two in five minutes without any data) are met by requests that wait for more than
/// a minute only.
pub const PING_INTERVAL: Duration = Duration::from_secs(20);

/// How long the answer to a probe may take until the connection is given up: 5 s.
///
/// A peer that lives answers within one way there and back, and three lost packets more.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

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
    proxy: Proxy,
    dialer: Option<Dialer>,
    public: bool,
    connect_timeout: Duration,
    idle_timeout: Option<Duration>,
    max_idle: Option<usize>,
    ping_interval: Option<Duration>,
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
            proxy: Proxy::none(),
            dialer: None,
            public: false,
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: None,
            max_idle: None,
            ping_interval: Some(PING_INTERVAL),
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

    /// Presents this certificate to servers that ask for one (mTLS): a chain and its private key,
    /// both in PEM.
    ///
    /// Goes with roots, and not with a whole [TLS configuration](Self::tls_config).
    pub fn client_certificate_pem(
        mut self,
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Self {
        self.tls.present(chain.as_ref(), key.as_ref());
        self
    }

    /// The SHA-256 thumbprint of the certificate that is presented, in base64url (`x5t#S256`); none
    /// if none is.
    ///
    /// A layer that is told of it, by `client_certificate`, sends tokens that are bound to that
    /// certificate (RFC 8705 §3).
    pub fn certificate_thumbprint(&self) -> Option<String> {
        hallpass_oauth2::certificate_thumbprint(self.tls.certificate()?).ok()
    }

    /// Goes through this proxy; through none unless set.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Makes connections with this connector, in place of TCP by the system's resolver: a Unix
    /// socket, a resolver of your own, a network in the test's process.
    ///
    /// TLS and a proxy are put on top of it: it gets the URI of the destination or of the proxy, and
    /// returns a plain connection. Whatever it connects a loopback URI to counts as this machine.
    pub fn connector<C>(mut self, connector: C) -> Self
    where
        C: Service<Uri> + Clone + Send + Sync + 'static,
        C::Response: Read + Write + Connection + Send + Unpin + 'static,
        C::Error: Into<BoxError>,
        C::Future: Send,
    {
        self.dialer = Some(Dialer::new(connector));
        self
    }

    /// Connects to public addresses alone, checked as names are resolved: not to this machine, nor to
    /// private, link-local or shared ones (RFC 6890), in whatever form they are written.
    ///
    /// For addresses that others name, as the metadata of an API does, whose names might lead to a
    /// machine that only this one reaches. A proxy's address is checked too, while what it connects
    /// to is its own matter; a [`connector`](Self::connector) of your own checks for itself.
    pub fn public_addresses_only(mut self) -> Self {
        self.public = true;
        self
    }

    /// How long name resolution, TCP, the proxy and TLS may take together; [`CONNECT_TIMEOUT`] unless set.
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

    /// How many unused connections are kept for each host; [`TRANSPORT_MAX_IDLE`] or
    /// [`CLIENT_MAX_IDLE`] unless set.
    pub fn max_idle_per_host(mut self, count: usize) -> Self {
        self.max_idle = Some(count);
        self
    }

    /// After how much silence an HTTP/2 connection that requests wait on is probed, so that one
    /// whose peer stands still is replaced; [`PING_INTERVAL`] unless set, never with `None`.
    pub fn http2_ping(mut self, interval: Option<Duration>) -> Self {
        self.ping_interval = interval;
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
    /// If the platform has no roots to trust, a root or the proxy's URL cannot be read, or roots
    /// were given beside a whole TLS configuration.
    pub fn transport(&self) -> Result<HyperTransport, hallpass_core::Error> {
        let connector = self.connect()?;
        let pooled = self.pooled(TRANSPORT_IDLE_TIMEOUT, TRANSPORT_MAX_IDLE);
        let proxy = self.proxy.clone();
        Ok(HyperTransport::new(
            pooled.build(connector.clone()),
            without_pool(pooled).build(connector),
            proxy,
        ))
    }

    /// A client with these settings; the type of the request's body follows from use.
    ///
    /// # Errors
    /// If the platform has no roots to trust, a root or the proxy's URL cannot be read, or roots
    /// were given beside a whole TLS configuration.
    pub fn client<B>(&self) -> Result<Client<B>, hallpass_core::Error>
    where
        B: Body + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let connector = self.connect()?;
        let pooled = self.pooled(CLIENT_IDLE_TIMEOUT, CLIENT_MAX_IDLE);
        Ok(Client::new(
            pooled.build(connector.clone()),
            without_pool(pooled).build(connector),
            self.proxy.clone(),
            self.versions,
            self.request_timeout,
        ))
    }

    fn connect(&self) -> Result<Connector, hallpass_core::Error> {
        self.proxy.check()?;
        let tls = self.tls.config(self.versions)?;
        let limit = self.connect_timeout;
        let dialer = self.dialer.clone();
        let dialer = dialer.unwrap_or_else(|| {
            if self.public {
                public::dialer(limit)
            } else {
                Dialer::tcp(limit)
            }
        });
        Ok(Connector::new(dialer, self.proxy.clone(), tls, limit))
    }

    fn pooled(&self, idle_timeout: Duration, max_idle: usize) -> legacy::Builder {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.idle_timeout.unwrap_or(idle_timeout))
            .pool_max_idle_per_host(self.max_idle.unwrap_or(max_idle))
            .retry_canceled_requests(true)
            .http2_keep_alive_interval(self.ping_interval)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_only(self.versions == Versions::Http2);
        builder
    }
}

/// A client without a pool makes a connection for each request.
fn without_pool(mut builder: legacy::Builder) -> legacy::Builder {
    builder.pool_max_idle_per_host(0);
    builder
}
