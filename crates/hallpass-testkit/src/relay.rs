//! [`Relay`]: the way to a server, and what can be wrong with it.

mod answers;
mod fault;
mod pump;
mod socket;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::port::ClosedPort;

pub use self::fault::LinkFault;

/// Passes bytes between callers and a server, on a port of its own, and has the troubles that a
/// network has.
///
/// What an [`Endpoint`](crate::Endpoint) does is wrong with answers; what a relay does is wrong with
/// connections, whoever stands behind it: a [`Server`](crate::Server), a database, a stub of your
/// own. One before the token endpoint and one before the API keep their troubles apart.
///
/// ```
/// # async fn example() {
/// use hallpass_testkit::{LinkFault, Relay, Server};
///
/// let server = Server::start().await;
/// let relay = Relay::start(server.addr()).await;
/// let token_url = relay.url_of(&server.token_url());
/// relay.set(LinkFault::Refused).await;
/// // … the token endpoint can't be reached, and the API can …
/// relay.heal().await;
/// # }
/// ```
///
/// It follows HTTP/1.1 and HTTP/2 as far as its faults need, and encrypts nothing but with
/// [`start_tls`](Self::start_tls). Its tasks end when it is dropped.
pub struct Relay {
    addr: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Up to which change the listener has followed.
    followed: watch::Receiver<u64>,
    connections: Arc<AtomicU64>,
    open: Arc<AtomicU64>,
    #[cfg_attr(not(feature = "tls"), expect(dead_code))]
    tls: Tls,
}

/// How it speaks to callers.
#[derive(Clone, Default)]
struct Tls {
    #[cfg(feature = "tls")]
    certified: Option<Arc<crate::tls::Certified>>,
}

/// How things stand at present.
#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    fault: Option<LinkFault>,
    /// Grows whenever the connections that stand are to be reset.
    resets: u64,
    changes: u64,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1, and leads to `server`.
    ///
    /// Its tasks run on the caller's tokio runtime, which needs time and I/O enabled.
    ///
    /// # Panics
    ///
    /// If no port can be bound, or outside a runtime.
    #[expect(
        clippy::unused_async,
        reason = "the runtime is needed, and later bindings may have to wait"
    )]
    pub async fn start(server: SocketAddr) -> Self {
        let relay = Listening::start(server, Tls::default());
        relay.unwrap_or_else(|error| panic!("the relay cannot start: {error}"))
    }

    /// The same, with TLS towards callers, by an authority of its own, and none towards the server.
    ///
    /// # Panics
    ///
    /// If no port can be bound, no certificate be made, or outside a runtime.
    #[cfg(feature = "tls")]
    #[expect(
        clippy::unused_async,
        reason = "the runtime is needed, and later bindings may have to wait"
    )]
    pub async fn start_tls(server: SocketAddr) -> Self {
        let certified = crate::tls::Certified::make();
        let relay = certified.and_then(|certified| {
            let certified = Some(Arc::new(certified));
            Listening::start(server, Tls { certified })
        });
        relay.unwrap_or_else(|error| panic!("the relay cannot start: {error}"))
    }

    /// The address listened on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> String {
        #[cfg(feature = "tls")]
        if self.tls.certified.is_some() {
            return format!("https://localhost:{}", self.addr.port());
        }
        format!("http://{}", self.addr)
    }

    /// The same path and query as that URL of the server's, by way of the relay.
    pub fn url_of(&self, url: &str) -> String {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        format!("{}{path}", self.url())
    }

    /// The certificate authority to trust, in DER; `None` without TLS.
    #[cfg(feature = "tls")]
    pub fn certificate_der(&self) -> Option<&[u8]> {
        let certified = self.tls.certified.as_ref();
        certified.map(|certified| certified.authority.der.as_slice())
    }

    /// The certificate authority to trust, in PEM; `None` without TLS.
    #[cfg(feature = "tls")]
    pub fn certificate_pem(&self) -> Option<&str> {
        let certified = self.tls.certified.as_ref();
        certified.map(|certified| certified.authority.pem.as_str())
    }

    /// From now on this is wrong, in place of what was before. It holds when this returns.
    ///
    /// # Cancel safety
    ///
    /// The fault is set even if the future is dropped; only the waiting ends.
    pub async fn set(&self, fault: LinkFault) {
        self.change(|now| {
            now.fault = Some(fault);
            now.resets += u64::from(fault == LinkFault::Refused);
        })
        .await;
    }

    /// From now on nothing is wrong. It holds when this returns.
    ///
    /// # Cancel safety
    ///
    /// The fault is over even if the future is dropped; only the waiting ends.
    pub async fn heal(&self) {
        self.change(|now| now.fault = None).await;
    }

    /// Resets every connection that stands, as a restart of the server does.
    pub fn reset_all(&self) {
        self.weather.send_modify(|now| now.resets += 1);
    }

    /// How many connections have been accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed) as usize
    }

    /// How many connections stand at present: those that both sides have not yet left.
    pub fn open_connections(&self) -> usize {
        self.open.load(Ordering::Relaxed) as usize
    }

    async fn change(&self, change: impl FnOnce(&mut Weather)) {
        self.weather.send_modify(|now| {
            change(now);
            now.changes += 1;
        });
        let wanted = self.weather.borrow().changes;
        // Fails only when its runtime is gone, and then there is nothing to wait for.
        let _ = self
            .followed
            .clone()
            .wait_for(|followed| *followed >= wanted)
            .await;
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("url", &self.url())
            .field("fault", &self.weather.borrow().fault)
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

/// The task that accepts.
struct Listening {
    port: ClosedPort,
    server: SocketAddr,
    tls: Tls,
    weather: watch::Receiver<Weather>,
    followed: watch::Sender<u64>,
    connections: Arc<AtomicU64>,
    open: Arc<AtomicU64>,
}

/// One connection that stands.
struct Standing(Arc<AtomicU64>);

impl Standing {
    fn new(open: &Arc<AtomicU64>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open.clone())
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Listening {
    fn start(server: SocketAddr, tls: Tls) -> io::Result<Relay> {
        let port = ClosedPort::try_reserve()?;
        let listener = port.listen()?;
        let weather = watch::Sender::default();
        let followed = watch::Sender::new(0);
        let relay = Relay {
            addr: port.addr(),
            followed: followed.subscribe(),
            connections: Arc::default(),
            open: Arc::default(),
            tls: tls.clone(),
            weather,
        };
        let listening = Self {
            port,
            server,
            tls,
            weather: relay.weather.subscribe(),
            followed,
            connections: relay.connections.clone(),
            open: relay.open.clone(),
        };
        tokio::spawn(listening.accept(listener));
        Ok(relay)
    }

    async fn accept(mut self, listener: TcpListener) {
        let mut listener = Some(listener);
        loop {
            let now = *self.weather.borrow_and_update();
            if now.fault == Some(LinkFault::Refused) {
                listener = None;
            } else if listener.is_none() {
                listener = self.port.listen().ok();
            }
            self.followed.send_replace(now.changes);
            tokio::select! {
                biased;
                changed = self.weather.changed() => if changed.is_err() {
                    return;
                },
                accepted = accepted(listener.as_ref()) => {
                    self.connections.fetch_add(1, Ordering::Relaxed);
                    self.connect(accepted);
                }
            }
        }
    }

    fn connect(&self, caller: TcpStream) {
        let (server, tls) = (self.server, self.tls.clone());
        let mut over = self.weather.clone();
        let weather = self.weather.clone();
        let standing = Standing::new(&self.open);
        tokio::spawn(async move {
            let _standing = standing;
            tokio::select! {
                () = carry(caller, server, tls, weather) => {}
                // Fails when the relay is gone.
                _ = over.wait_for(|_| false) => {}
            }
        });
    }
}

async fn accepted(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of file descriptors, most likely: let some be given back.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

#[cfg_attr(not(feature = "tls"), expect(unused_variables))]
async fn carry(caller: TcpStream, server: SocketAddr, tls: Tls, weather: watch::Receiver<Weather>) {
    // Without it a small piece may wait for the acknowledgement of the one before.
    let _ = caller.set_nodelay(true);
    let Ok(server) = TcpStream::connect(server).await else {
        // As a proxy does whose server is gone.
        let _ = caller.set_zero_linger();
        return;
    };
    let _ = server.set_nodelay(true);
    #[cfg(feature = "tls")]
    if let Some(tls) = &tls.certified {
        let fault = weather.borrow().fault;
        if fault != Some(LinkFault::PlainPort) {
            let acceptor = match fault {
                Some(LinkFault::WrongName) => &tls.wrong_name,
                Some(LinkFault::Expired) => &tls.expired,
                _ => &tls.right,
            };
            // A failed handshake is the caller's to notice.
            if let Ok(caller) = acceptor.accept(caller).await {
                pump::pump(caller, server, weather).await;
            }
            return;
        }
    }
    pump::pump(caller, server, weather).await;
}
