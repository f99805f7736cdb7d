//! Closed-loop traffic of three kinds that take turns.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use hallpass_benches::HEADERS;
use hallpass_core::{Cached, Credential};
use hallpass_tower::{BearerLayer, BearerService, ReplayBody};
use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{task::JoinHandle, time::Instant};
use tower::{Layer as _, ServiceExt as _};

use crate::{Outcome, Protocol, failures::Failures, server::Server, source::TokenEndpoint, token};

/// Calls in flight at a time.
pub(crate) const WORKERS: usize = 32;
/// How long one kind's turn is. Short beside a token's life: tokens are renewed by use, and the
/// others' turns are pauses.
const SLICE: Duration = Duration::from_millis(25);

/// A kind of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No layer; the caller puts a static token on the request.
    Bare,
    /// The layer, with a static token.
    Fixed,
    /// The layer, with tokens that are renewed.
    Renewing,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Bare, Self::Fixed, Self::Renewing];

    /// Whose turn it is, and in which round. The order changes from round to round.
    fn at(elapsed: Duration) -> (Self, usize) {
        let slice = (elapsed.as_micros() / SLICE.as_micros()) as usize;
        let round = slice / 3;
        (Self::ALL[(slice + round) % 3], round)
    }
}

type Layered = BearerService<Client<HttpConnector, ReplayBody<Full<Bytes>>>>;

/// One client of each kind, with connections of its own.
#[derive(Clone)]
pub(crate) struct Clients {
    bare: Client<HttpConnector, Full<Bytes>>,
    fixed: Layered,
    renewing: Layered,
    header: HeaderValue,
    url: String,
}

impl Clients {
    /// Clients that have their credentials already.
    pub(crate) async fn new(protocol: Protocol, server: &Server) -> Outcome<Self> {
        let source = TokenEndpoint {
            client: client(protocol),
            url: server.url("/token"),
        };
        let renewing = Cached::new(source);
        renewing.get().await?;
        let fixed = Cached::new(Credential::bearer(&token::fixed())?.never_expires());
        fixed.get().await?;
        let mut header = HeaderValue::try_from(format!("Bearer {}", token::fixed()))?;
        header.set_sensitive(true);
        Ok(Self {
            bare: client(protocol),
            fixed: BearerLayer::new(fixed).layer(client(protocol)),
            renewing: BearerLayer::new(renewing).layer(client(protocol)),
            header,
            url: server.url("/"),
        })
    }

    pub(crate) fn renewing(&self) -> &Cached {
        self.renewing.authorizer().cached()
    }

    async fn call(&self, kind: Kind) -> Outcome<StatusCode> {
        let mut request = request(&self.url)?;
        let response = match kind {
            Kind::Bare => {
                let header = self.header.clone();
                request.headers_mut().insert(AUTHORIZATION, header);
                self.bare.clone().oneshot(request).await?
            }
            Kind::Fixed => self.fixed.clone().oneshot(request).await?,
            Kind::Renewing => self.renewing.clone().oneshot(request).await?,
        };
        read(response).await
    }

    /// One call with a renewed token to another address.
    pub(crate) async fn call_renewing(&self, url: &str) -> Outcome<StatusCode> {
        let request = request(url)?;
        read(self.renewing.clone().oneshot(request).await?).await
    }
}

fn client<B>(protocol: Protocol) -> Client<HttpConnector, B>
where
    B: Body + Send,
    B::Data: Send,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .http2_only(protocol == Protocol::Http2)
        .build(connector)
}

fn request(url: &str) -> http::Result<Request<Full<Bytes>>> {
    let mut request = Request::post(url);
    for (name, value, owned) in HEADERS {
        request = if owned {
            request.header(name, value.to_owned())
        } else {
            request.header(name, HeaderValue::from_static(value))
        };
    }
    request.body(Full::new(Bytes::from_static(b"{\"amount\":100}")))
}

/// Reads the answer to its end, so that its connection is free again.
async fn read(response: Response<Incoming>) -> Outcome<StatusCode> {
    let status = response.status();
    response.collect().await?;
    Ok(status)
}

/// What one kind of traffic took.
#[derive(Debug, Default, Clone)]
pub(crate) struct Recorded {
    /// Nanoseconds of each call.
    pub(crate) latencies: Vec<u32>,
    /// How many of them began in each of its turns.
    pub(crate) turns: Vec<u32>,
    /// Also of calls that are not recorded.
    pub(crate) failed: Failures,
}

/// Runs until it is stopped.
pub(crate) struct Traffic {
    switches: Arc<Switches>,
    workers: Vec<JoinHandle<[Recorded; 3]>>,
}

struct Switches {
    start: Instant,
    recording: AtomicBool,
    stopping: AtomicBool,
}

impl Traffic {
    pub(crate) fn start(clients: &Clients) -> Self {
        let switches = Arc::new(Switches {
            start: Instant::now(),
            recording: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        });
        let workers = (0..WORKERS)
            .map(|_| tokio::spawn(work(clients.clone(), Arc::clone(&switches))))
            .collect();
        Self { switches, workers }
    }

    /// Only calls that begin and end while this is on are recorded.
    pub(crate) fn record(&self, on: bool) {
        self.switches.recording.store(on, Relaxed);
    }

    /// What all workers recorded, by kind.
    pub(crate) async fn stop(self) -> Outcome<[Recorded; 3]> {
        self.switches.stopping.store(true, Relaxed);
        let mut all: [Recorded; 3] = Default::default();
        for worker in self.workers {
            for (all, one) in all.iter_mut().zip(worker.await?) {
                all.latencies.extend(one.latencies);
                all.failed.add(one.failed);
                all.turns.resize(all.turns.len().max(one.turns.len()), 0);
                for (all, one) in all.turns.iter_mut().zip(one.turns) {
                    *all += one;
                }
            }
        }
        // The kinds' turns stay side by side when another leg is added.
        let turns = all.iter().map(|one| one.turns.len()).max();
        for one in &mut all {
            one.turns.resize(turns.unwrap_or_default(), 0);
        }
        Ok(all)
    }
}

async fn work(clients: Clients, switches: Arc<Switches>) -> [Recorded; 3] {
    let mut all: [Recorded; 3] = Default::default();
    while !switches.stopping.load(Relaxed) {
        let recording = switches.recording.load(Relaxed);
        let begun = Instant::now();
        let (kind, round) = Kind::at(begun - switches.start);
        let outcome = clients.call(kind).await;
        let taken = begun.elapsed();
        let recorded = &mut all[kind as usize];
        if !recorded.failed.note(outcome) && recording && switches.recording.load(Relaxed) {
            let nanos = u32::try_from(taken.as_nanos()).unwrap_or(u32::MAX);
            recorded.latencies.push(nanos);
            if recorded.turns.len() <= round {
                recorded.turns.resize(round + 1, 0);
            }
            recorded.turns[round] += 1;
        }
    }
    all
}
