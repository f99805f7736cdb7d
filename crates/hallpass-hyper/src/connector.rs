//! [`Connector`]: name resolution, TCP, a proxy and TLS within one deadline.

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hallpass_core::BoxError;
use http::{Uri, uri::Scheme};
use hyper_rustls::HttpsConnector;
use hyper_util::client::{
    legacy::connect::proxy::{SocksV4, SocksV5, Tunnel},
    proxy::matcher::Intercept,
};
use rustls::ClientConfig;
use tower_service::Service;

use crate::{Proxy, dialer::Dialer, stream::Stream};

#[derive(Clone)]
pub(crate) struct Connector {
    dialer: Dialer,
    proxy: Proxy,
    tls: Arc<ClientConfig>,
    limit: Duration,
}

impl Connector {
    pub(crate) fn new(dialer: Dialer, proxy: Proxy, tls: ClientConfig, limit: Duration) -> Self {
        Self {
            dialer,
            proxy,
            tls: Arc::new(tls),
            limit,
        }
    }

    /// How the destination is reached, and whether the proxy itself reads the request.
    fn route(&self, destination: &Uri) -> (Dialer, bool) {
        let Some(proxy) = self.proxy.to(destination) else {
            return (self.dialer.clone(), false);
        };
        let address = proxy.uri().clone();
        match proxy.uri().scheme_str() {
            Some("socks5" | "socks5h") => (self.through_socks5(&proxy, address), false),
            Some(version @ ("socks4" | "socks4a")) => {
                let socks = SocksV4::new(address, self.dialer.clone());
                (Dialer::new(socks.local_dns(version == "socks4")), false)
            }
            _ if destination.scheme() == Some(&Scheme::HTTP) => {
                let dialer = Fixed(self.to_http_proxy(&address), address);
                (Dialer::new(dialer), true)
            }
            _ => {
                let dialer = self.to_http_proxy(&address);
                let mut tunnel = Tunnel::new(address, dialer);
                if let Some(password) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(password.clone());
                }
                (Dialer::new(tunnel), false)
            }
        }
    }

    fn through_socks5(&self, proxy: &Intercept, address: Uri) -> Dialer {
        let resolves_here = address.scheme_str() == Some("socks5");
        let mut socks = SocksV5::new(address, self.dialer.clone()).local_dns(resolves_here);
        if let Some((name, password)) = proxy.raw_auth() {
            socks = socks.with_auth(name.to_owned(), password.to_owned());
        }
        Dialer::new(socks)
    }

    /// The connection to the proxy may have TLS of its own.
    fn to_http_proxy(&self, address: &Uri) -> Dialer {
        if address.scheme() != Some(&Scheme::HTTPS) {
            return self.dialer.clone();
        }
        let mut tls = ClientConfig::clone(&self.tls);
        // What is said to it is HTTP/1.1.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Dialer::new(HttpsConnector::from((self.dialer.clone(), tls)))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let (dialer, proxied) = self.route(&destination);
        let connecting = HttpsConnector::from((dialer, Arc::clone(&self.tls))).call(destination);
        let limit = self.limit;
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => Ok(Stream::new(connected?, proxied)),
                Err(_) => Err(OutOfTime { limit }.into()),
            }
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("proxy", &self.proxy)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Connects to one address, whatever the destination.
#[derive(Clone)]
struct Fixed(Dialer, Uri);

impl Service<Uri> for Fixed {
    type Response = <Dialer as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = <Dialer as Service<Uri>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        self.0.call(self.1.clone())
    }
}

/// The connect deadline has passed.
#[derive(Debug)]
struct OutOfTime {
    limit: Duration,
}

impl fmt::Display for OutOfTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not connected within {:?}", self.limit)
    }
}

impl StdError for OutOfTime {}

/// Whether a failure to connect was one of time, ours or that of the system.
pub(crate) fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.is::<OutOfTime>()
            || cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}

/// An error and everything behind it.
pub(crate) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}
