//! [`ReqwestTransport`]: token requests over reqwest.

use std::{fmt, mem, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use hallpass_core::{Error, Origin};
use hallpass_oauth2::transport::{BODY_LIMIT, Phase, Transport, TransportError};
use http::{HeaderValue, Request, Response, Uri, header::ACCEPT_ENCODING};
use reqwest::{Client, ClientBuilder, redirect::Policy};

use crate::proxy::SystemProxies;

/// How long a connection may take, from resolving the name to the end of the TLS handshake: 8 s.
///
/// Long enough for three lost SYNs, which systems repeat after 1, 3 and 7 s, and shorter than a
/// whole attempt at a token, so that the error can say what took so long.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// How long an idle connection is kept: 1.5 s.
///
/// Token endpoints were seen to close theirs after 2 to 6 s, and the next renewal is minutes away,
/// so that a connection kept longer is dead when it is wanted.
pub const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);

/// A transport for token endpoints with the defaults; clones share its connections.
///
/// It reads the platform's roots, which may mean files: make one and clone it. It goes through the
/// proxies that the environment names, but for plain `http` to this machine or its link, metadata
/// servers among it ([`Origin::is_local`]), which goes there directly.
///
/// # Errors
/// If reqwest cannot set up TLS or name resolution.
pub fn transport() -> Result<ReqwestTransport, Error> {
    let settings = || {
        Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
    };
    let transport = ReqwestTransport::from_builder(settings())?;
    Ok(match &transport.local {
        Local::Judged(proxies) if proxies.take_plain() => ReqwestTransport {
            local: Local::Apart(build(settings().no_proxy())?),
            ..transport
        },
        _ => transport,
    })
}

/// Sends token requests with reqwest. Clones share its connections.
///
/// Redirects come back as answers, nothing is sent a second time, and at most
/// [`BODY_LIMIT`] bytes of an answer are kept. Uncompressed answers are asked for; a compressed one is
/// unpacked if reqwest was built with that coding, and counted after that. When the limit of the
/// whole exchange runs out, the error says that the answer was late, even if it was
/// the connection; a [connect timeout](ClientBuilder::connect_timeout) below the limit tells them
/// apart.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: Client,
    local: Local,
}

/// How plain `http` gets to this machine or its link. Nobody else may read it.
#[derive(Clone)]
enum Local {
    /// As everything else: there is no proxy.
    Direct,
    /// By a client of its own.
    Apart(Client),
    /// As everything else, unless one of these proxies would get it: then not at all.
    Judged(Arc<SystemProxies>),
}

impl ReqwestTransport {
    /// A transport over a client with these settings: roots, a client certificate, a proxy.
    ///
    /// It takes no finished [`Client`], because nothing tells whether one follows redirects, which
    /// would carry the secret elsewhere. Here they are switched off, and so are reqwest's own
    /// retries, whatever the builder was set to. Leave cookies off.
    ///
    /// If the environment names a proxy for plain `http` to this machine or its link
    /// ([`Origin::is_local`]), such endpoints are not asked, because the proxy would read the secret,
    /// or ask its own metadata server: exempt them by `NO_PROXY`, or use [`direct`](Self::direct). A
    /// proxy that is given to the builder cannot be seen from here; exempt them there too.
    ///
    /// # Errors
    /// If reqwest cannot build a client of these settings.
    pub fn from_builder(builder: ClientBuilder) -> Result<Self, Error> {
        Ok(Self {
            client: build(builder)?,
            local: Local::Judged(Arc::new(SystemProxies::read())),
        })
    }

    /// As [`from_builder`](Self::from_builder), but without any proxy.
    ///
    /// # Errors
    /// If reqwest cannot build a client of these settings.
    pub fn direct(builder: ClientBuilder) -> Result<Self, Error> {
        Ok(Self {
            client: build(builder.no_proxy())?,
            local: Local::Direct,
        })
    }

    /// The client for this request.
    fn client(&self, request: &reqwest::Request) -> Result<&Client, TransportError> {
        let url = request.url();
        let is_local = || {
            let origin = url.as_str().parse::<Origin>();
            url.scheme() == "http" && origin.is_ok_and(|origin| origin.is_local())
        };
        let is_proxied = |proxies: &SystemProxies| {
            let uri = url.as_str().parse::<Uri>();
            uri.is_ok_and(|uri| proxies.take(&uri))
        };
        match &self.local {
            Local::Apart(client) if is_local() => Ok(client),
            Local::Judged(proxies) if is_local() && is_proxied(proxies) => {
                Err(TransportError::caused(
                    Phase::Connect,
                    "a proxy would read the secret on its way to this machine or its link: exempt the address by NO_PROXY, or use ReqwestTransport::direct",
                ))
            }
            _ => Ok(&self.client),
        }
    }

    async fn exchange(
        &self,
        mut request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        // reqwest would ask for every coding that it was built with.
        let headers = request.headers_mut();
        headers
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("identity"));
        let request = request.try_into().map_err(failure)?;
        let client = self.client(&request)?;
        let mut response = client.execute(request).await.map_err(failure)?;
        let body = read(&mut response).await?;
        let mut answer = Response::new(body);
        *answer.status_mut() = response.status();
        *answer.version_mut() = response.version();
        *answer.headers_mut() = mem::take(response.headers_mut());
        Ok(answer)
    }
}

impl Transport for ReqwestTransport {
    async fn send(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        match tokio::time::timeout(limit, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(TransportError::new(Phase::ExchangeTimeout)),
        }
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").finish_non_exhaustive()
    }
}

fn build(builder: ClientBuilder) -> Result<Client, Error> {
    builder
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .build()
        .map_err(|error| {
            Error::permanent(error.without_url())
                .context("the reqwest client for token requests cannot be built")
        })
}

async fn read(response: &mut reqwest::Response) -> Result<Bytes, TransportError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > BODY_LIMIT as u64 {
        return Err(TransportError::new(Phase::TooLarge));
    }
    let mut body = BytesMut::with_capacity(announced as usize);
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(TransportError::new(Phase::TooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn failure(error: reqwest::Error) -> TransportError {
    let phase = match (error.is_connect(), error.is_timeout()) {
        (true, true) => Phase::ConnectTimeout,
        (true, false) => Phase::Connect,
        (false, true) => Phase::ExchangeTimeout,
        (false, false) => Phase::Exchange,
    };
    TransportError::caused(phase, error.without_url())
}
