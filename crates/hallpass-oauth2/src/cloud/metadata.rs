//! Metadata servers: endpoints that only the machine itself can reach, over plain `http`.

use std::{
    fmt,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch, Origin};
use http::{HeaderName, HeaderValue, Request, Uri};
use tokio::time::timeout;

use crate::{
    TokenSource, Transport,
    absent::Absent,
    transport::{Answer, DynTransport, Phase},
};

/// Metadata servers answer within milliseconds. Where there is none, nobody answers at all.
const PROBE: Duration = Duration::from_secs(1);

/// A source that first finds out whether its server is there.
pub(super) struct MetadataSource {
    source: TokenSource,
    probe: Probe,
    transport: Box<dyn DynTransport>,
    present: AtomicBool,
}

/// What to ask a server to know that it is one of this kind.
pub(super) struct Probe {
    pub(super) uri: Uri,
    pub(super) header: Option<(HeaderName, HeaderValue)>,
    /// The header and value that every answer of such a server has.
    pub(super) proof: Option<(HeaderName, &'static str)>,
}

/// Checks that no name server and no proxy decides who gets the request: the address is one of those
/// that never leave the machine or its link.
pub(super) fn check(endpoint: &str) -> Result<Uri, Error> {
    let closed = || {
        Error::configuration(
            "a metadata server is at http:// and an address of this machine or its link, such as 169.254.169.254",
        )
    };
    let uri: Uri = endpoint.parse().map_err(|_| closed())?;
    let host = uri.host().unwrap_or_default();
    // A name, `localhost` too, is whatever a name server says.
    let is_address = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    let origin = Origin::of(&uri).map_err(|_| closed())?;
    if is_address && origin.is_local() && !origin.is_secure() {
        Ok(uri)
    } else {
        Err(closed())
    }
}

impl MetadataSource {
    /// `build` makes the source that asks for tokens.
    pub(super) fn new<T: Transport>(
        transport: T,
        probe: Probe,
        build: impl FnOnce(Arc<T>) -> Result<TokenSource, Error>,
    ) -> Result<Self, Error> {
        let transport = Arc::new(transport);
        Ok(Self {
            source: build(transport.clone())?,
            probe,
            transport: Box::new(transport),
            present: AtomicBool::new(false),
        })
    }

    /// A server that has answered once is there: if it is down later, that is no absence.
    async fn find(&self) -> Result<(), Error> {
        if self.present.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.probe.uri.clone();
        if let Some((name, value)) = &self.probe.header {
            request.headers_mut().insert(name, value.clone());
        }
        let sent: Answer<'_> = self.transport.send(request, PROBE);
        let place = format!(
            "{}{}",
            self.probe.uri.host().unwrap_or_default(),
            self.probe
                .uri
                .port()
                .map_or_else(String::new, |port| format!(":{port}"))
        );
        let answer = match timeout(PROBE, sent).await {
            Ok(Ok(answer)) => answer,
            // What happened after the connection, or here, says nothing of who is there.
            Ok(Err(error)) if error.is_local() || error.phase() == Phase::Exchange => {
                let message = format!("no answer from the metadata server at {place}");
                return Err(Error::transient(error).context(message));
            }
            Ok(Err(error)) => {
                let message = format!("no metadata server at {place}");
                return Err(Absent::for_now(error).context(message));
            }
            Err(late) => {
                let message = format!("no metadata server at {place} within 1 s");
                return Err(Absent::for_now(late).context(message));
            }
        };
        if let Some((name, value)) = &self.probe.proof
            && answer
                .headers()
                .get(name)
                .is_none_or(|found| found != value)
        {
            let message = format!("what answers at {place} is another server");
            return Err(Absent::for_now("it lacks its mark").context(message));
        }
        self.present.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl CredentialSource for MetadataSource {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        self.find().await?;
        self.source.fetch(why).await
    }

    fn description(&self) -> Description {
        self.source.description()
    }

    fn version(&self) -> u64 {
        self.source.version()
    }

    fn keeps_state(&self) -> bool {
        self.source.keeps_state()
    }
}

impl fmt::Debug for MetadataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}
