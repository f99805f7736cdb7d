//! A closed loop: each worker sends its next call when the last one is answered.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Instant};

use crate::{Outcome, contenders::Contender};

/// Calls in flight, each on a connection of its own.
pub(crate) const WORKERS: usize = 32;

/// One connection to a proxy, made anew after it broke.
pub(crate) struct Caller {
    address: SocketAddr,
    token: Option<String>,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Caller {
    pub(crate) fn new(contender: &Contender) -> Self {
        Self {
            address: contender.address,
            token: contender.token.clone(),
            open: None,
        }
    }

    pub(crate) async fn call(&mut self, method: Method, body: Bytes) -> Outcome<StatusCode> {
        let mut sender = match self.open.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => connect(self.address).await?,
        };
        let mut request = Request::builder()
            .method(method)
            .uri("/api/accounts?limit=1")
            .header(HOST, self.address.to_string());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        sender.ready().await?;
        let response = sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        response.into_body().collect().await?;
        self.open = Some(sender);
        Ok(status)
    }
}

async fn connect(address: SocketAddr) -> Outcome<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}

#[derive(Debug, Default)]
pub(crate) struct Recorded {
    nanos: Vec<u32>,
    seconds: f64,
    pub(crate) failed: usize,
}

impl Recorded {
    pub(crate) fn add(&mut self, turn: Self) {
        self.nanos.extend(turn.nanos);
        self.nanos.sort_unstable();
        self.seconds += turn.seconds;
        self.failed += turn.failed;
    }

    pub(crate) fn throughput(&self) -> f64 {
        self.nanos.len() as f64 / self.seconds
    }

    pub(crate) fn micros(&self, share: f64) -> f64 {
        let at = (self.nanos.len() as f64 * share) as usize;
        let nanos = self.nanos.get(at).or(self.nanos.last());
        f64::from(nanos.copied().unwrap_or_default()) / 1000.0
    }
}

pub(crate) async fn turn(contender: &Contender, length: Duration) -> Outcome<Recorded> {
    let start = Instant::now();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let mut caller = Caller::new(contender);
            tokio::spawn(async move {
                let mut recorded = Recorded::default();
                while start.elapsed() < length {
                    let begun = Instant::now();
                    match caller.call(Method::GET, Bytes::new()).await {
                        Ok(StatusCode::OK) => {
                            let nanos = begun.elapsed().as_nanos();
                            recorded
                                .nanos
                                .push(u32::try_from(nanos).unwrap_or(u32::MAX));
                        }
                        _ => recorded.failed += 1,
                    }
                }
                recorded
            })
        })
        .collect();
    let mut all = Recorded::default();
    for worker in workers {
        let recorded = worker.await?;
        all.nanos.extend(recorded.nanos);
        all.failed += recorded.failed;
    }
    all.seconds = start.elapsed().as_secs_f64();
    Ok(all)
}
