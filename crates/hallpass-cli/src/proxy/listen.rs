//! [`Listener`]: an address of this machine, or a socket for its owner alone.

use std::{io, net::SocketAddr};

use hallpass::BoxError;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, lookup_host},
};

#[cfg(unix)]
use self::unix::Socket;
use crate::exit::{Exit, Failure};

/// Any connection.
pub(super) type Connection = TokioIo<Box<dyn Stream>>;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) enum Listener {
    Tcp(TcpListener, SocketAddr),
    #[cfg(unix)]
    Unix(Socket),
}

impl Listener {
    pub(super) async fn bind(address: &str, remote: bool) -> Result<Self, Failure> {
        if let Some(path) = address.strip_prefix("unix:") {
            #[cfg(unix)]
            return Socket::bind(path).await.map(Self::Unix);
            #[cfg(not(unix))]
            return Err(Failure::configuration(format!(
                "--listen unix:{path}: this system has no Unix sockets"
            )));
        }
        let cannot = |error: BoxError| {
            let message = format!("--listen {address}: {error}");
            Failure::new(Exit::Other, message)
        };
        let written = || {
            Failure::configuration(format!(
                "--listen {address}: write an address and a port, such as 127.0.0.1:8080, or unix:/path"
            ))
        };
        let mut addresses = lookup_host(address).await.map_err(|_| written())?;
        let socket = addresses.next().ok_or_else(written)?;
        if !socket.ip().is_loopback() && !remote {
            return Err(Failure::configuration(format!(
                "--listen {address}: other machines reach this address, and could use the credential; listen on 127.0.0.1, or say --dangerously-allow-remote"
            )));
        }
        let listener = TcpListener::bind(socket)
            .await
            .map_err(|error| cannot(error.into()))?;
        let bound = listener
            .local_addr()
            .map_err(|error| cannot(error.into()))?;
        Ok(Self::Tcp(listener, bound))
    }

    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(_, address) => format!("http://{address}"),
            #[cfg(unix)]
            Self::Unix(socket) => format!("unix:{}", socket.path()),
        }
    }

    pub(super) fn is_unix(&self) -> bool {
        !matches!(self, Self::Tcp(..))
    }

    pub(super) async fn accept(&self) -> io::Result<Connection> {
        let stream: Box<dyn Stream> = match self {
            Self::Tcp(listener, _) => {
                let (stream, _) = listener.accept().await?;
                // Small answers must not wait for others to fill a packet.
                let _ = stream.set_nodelay(true);
                Box::new(stream)
            }
            #[cfg(unix)]
            Self::Unix(socket) => Box::new(socket.accept().await?),
        };
        Ok(TokioIo::new(stream))
    }
}

#[cfg(unix)]
mod unix {
    use std::{fs, io, os::unix::fs::FileTypeExt as _};

    use rustix::{fs::Mode, process::umask};
    use tokio::net::{UnixListener, UnixStream};

    use crate::exit::{Exit, Failure};

    /// A socket that goes away with the proxy.
    pub(in crate::proxy) struct Socket {
        listener: UnixListener,
        path: String,
    }

    impl Socket {
        pub(super) async fn bind(path: &str) -> Result<Self, Failure> {
            let failed = |error: io::Error| {
                Failure::new(Exit::Other, format!("--listen unix:{path}: {error}"))
            };
            if let Ok(there) = fs::symlink_metadata(path) {
                if !there.file_type().is_socket() {
                    let message = format!("--listen unix:{path}: something else is there");
                    return Err(Failure::configuration(message));
                }
                if UnixStream::connect(path).await.is_ok() {
                    let message = format!("--listen unix:{path}: another process listens there");
                    return Err(Failure::new(Exit::Other, message));
                }
                // Left behind by one that did not end well.
                fs::remove_file(path).map_err(failed)?;
            }
            // From its first moment it is for its owner alone.
            let before = umask(Mode::from_raw_mode(0o177));
            let bound = UnixListener::bind(path);
            umask(before);
            Ok(Self {
                listener: bound.map_err(failed)?,
                path: path.to_owned(),
            })
        }

        pub(super) fn path(&self) -> &str {
            &self.path
        }

        pub(super) async fn accept(&self) -> io::Result<UnixStream> {
            Ok(self.listener.accept().await?.0)
        }
    }

    impl Drop for Socket {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
