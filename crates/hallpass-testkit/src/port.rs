//! Ports of 127.0.0.1 that nobody else can take.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Enough for a thousand callers that connect at once.
pub(crate) const BACKLOG: u32 = 4096;

/// A free port of 127.0.0.1 on which nobody listens: whoever connects is refused.
///
/// A port that was bound and given back may belong to another test a moment later. This one is kept
/// for as long as the value lives. It needs no runtime.
///
/// ```
/// # async fn example() {
/// let closed = hallpass_testkit::ClosedPort::reserve();
/// assert!(tokio::net::TcpStream::connect(closed.addr()).await.is_err());
/// # }
/// ```
#[derive(Debug)]
pub struct ClosedPort {
    /// Bound and not listening. Systems refuse connections to such a port, and give it to nobody.
    _socket: TcpSocket,
    addr: SocketAddr,
}

impl ClosedPort {
    /// Takes a free port.
    ///
    /// # Panics
    ///
    /// If no port can be bound.
    pub fn reserve() -> Self {
        Self::try_reserve().unwrap_or_else(|error| panic!("no port can be reserved: {error}"))
    }

    pub(crate) fn try_reserve() -> io::Result<Self> {
        let socket = socket()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let addr = socket.local_addr()?;
        Ok(Self {
            _socket: socket,
            addr,
        })
    }

    /// The address that refuses.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Listens there until the listener is dropped; then it refuses again.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        let socket = socket()?;
        socket.bind(self.addr)?;
        socket.listen(BACKLOG)
    }
}

/// One that shares its port with others of this process.
fn socket() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    #[cfg(not(unix))]
    socket.set_reuseaddr(true)?;
    Ok(socket)
}
