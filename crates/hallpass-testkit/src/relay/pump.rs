//! One connection: bytes pass both ways, and meet the fault that is set.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::Weather;
use super::answers::{Answers, Http2, Point};
use super::fault::LinkFault;
use super::socket::Socket;

/// How much is read at a time.
const PIECE: usize = 16 * 1024;

/// How often a throttled connection lets something pass.
const TICK: Duration = Duration::from_millis(50);

/// So that what was written has left before the connection is reset.
const FLUSH: Duration = Duration::from_millis(5);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

impl From<io::Error> for End {
    /// One of the two is gone.
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// What both directions of a connection know of each other.
#[derive(Default)]
struct Facts {
    /// Bytes of a request have passed since the last byte of an answer.
    asked: AtomicBool,
    /// Something that the server has said after a request has passed.
    answered: AtomicBool,
    /// Told when the caller has said its last.
    over: Notify,
}

/// Passes bytes on until either side is done, or the connection is reset.
pub(super) async fn pump<S: Socket>(
    caller: S,
    server: TcpStream,
    weather: watch::Receiver<Weather>,
) {
    let resets = weather.borrow().resets;
    let (mut from_caller, mut to_caller) = split(caller);
    let (mut from_server, mut to_server) = split(server);
    let mut start = vec![0; 3];
    // HTTP/2 has a preface of its own, which no method of HTTP/1.1 begins like.
    let read = tokio::select! {
        read = from_caller.read_exact(&mut start) => read.is_ok(),
        () = reset(weather.clone(), resets) => false,
    };
    let requests = PREFACE
        .starts_with(&start)
        .then(|| Http2::after(PREFACE.len()));
    let answers = Answers::new(requests.is_some());
    let facts = Facts::default();
    let end = if read {
        let both = async {
            let up = up(
                start,
                &mut from_caller,
                &mut to_server,
                requests,
                &weather,
                &facts,
            );
            let down = down(&mut from_server, &mut to_caller, answers, &weather, &facts);
            // Each side may say its last while the other still speaks.
            let ended = tokio::try_join!(up, down);
            ended.map_or_else(|end| end, |_| End::Closed)
        };
        tokio::select! {
            biased;
            () = reset(weather.clone(), resets) => End::Reset,
            end = both => end,
        }
    } else if weather.borrow().resets == resets {
        End::Closed
    } else {
        End::Reset
    };
    if end == End::Reset {
        // A connection that is gone can't be reset, and needn't be.
        let _ = from_caller.unsplit(to_caller).reset();
    }
}

async fn reset(mut weather: watch::Receiver<Weather>, resets: u64) {
    // Fails when the relay is gone, which ends its connections.
    let _ = weather.wait_for(|now| now.resets != resets).await;
}

/// From the caller to the server.
async fn up(
    start: Vec<u8>,
    caller: &mut (impl AsyncRead + Unpin),
    server: &mut (impl AsyncWrite + Unpin),
    mut requests: Option<Http2>,
    weather: &watch::Receiver<Weather>,
    facts: &Facts,
) -> Result<(), End> {
    let mut bytes = start;
    loop {
        let begins = requests.as_mut().is_none_or(|requests| {
            let before = requests.heads();
            requests.cut(&bytes, None);
            requests.heads() > before
        });
        let fault = weather.borrow().fault;
        match fault {
            Some(LinkFault::HalfOpen) => {
                while caller.read_buf(&mut bytes).await? > 0 {
                    bytes.clear();
                }
                return Err(End::Closed);
            }
            Some(LinkFault::ResetReused) if begins && facts.answered.load(Ordering::Relaxed) => {
                return Err(End::Reset);
            }
            _ => {}
        }
        facts.asked.store(true, Ordering::Relaxed);
        server.write_all(&bytes).await?;
        bytes.clear();
        bytes.reserve(PIECE);
        if caller.read_buf(&mut bytes).await? == 0 {
            facts.over.notify_one();
            server.shutdown().await?;
            return Ok(());
        }
    }
}

/// From the server to the caller.
async fn down(
    server: &mut (impl AsyncRead + Unpin),
    caller: &mut (impl AsyncWrite + Unpin),
    mut answers: Answers,
    weather: &watch::Receiver<Weather>,
    facts: &Facts,
) -> Result<(), End> {
    let (late, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        loop {
            let mut bytes = Vec::with_capacity(PIECE);
            if server.read_buf(&mut bytes).await? == 0 {
                return Ok(End::Closed);
            }
            if facts.asked.swap(false, Ordering::Relaxed) {
                answers.asked();
            }
            let fault = weather.borrow().fault;
            let point = match fault {
                Some(LinkFault::HalfOpen) => {
                    facts.over.notified().await;
                    return Err(End::Closed);
                }
                Some(LinkFault::ResetBeforeHead) => Some(Point::BeforeHead),
                Some(LinkFault::ResetAfterHead) => Some(Point::AfterHead),
                Some(LinkFault::ResetInBody) => Some(Point::InBody),
                _ => None,
            };
            let cut = answers.cut(&bytes, point);
            bytes.truncate(cut.unwrap_or(bytes.len()));
            let latency = match fault {
                Some(LinkFault::Latency(latency)) => latency,
                _ => Duration::ZERO,
            };
            if answers.any() {
                facts.answered.store(true, Ordering::Relaxed);
            }
            // Fails only when the writing has ended, and then the caller is gone.
            let _ = late.send((Instant::now() + latency, bytes));
            if cut.is_some() {
                return Ok(End::Reset);
            }
        }
    };
    let writing = async {
        while let Some((at, bytes)) = due.recv().await {
            sleep_until(at).await;
            let fault = weather.borrow().fault;
            pass(caller, &bytes, fault).await?;
        }
        Ok::<_, io::Error>(())
    };
    let (end, written): (Result<End, End>, _) = tokio::join!(reading, writing);
    written?;
    let end = end?;
    if end == End::Closed {
        caller.shutdown().await?;
        return Ok(());
    }
    sleep(FLUSH).await;
    Err(End::Reset)
}

async fn pass(
    caller: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    fault: Option<LinkFault>,
) -> io::Result<()> {
    let (piece, pause) = match fault {
        Some(LinkFault::Throttled(a_second)) => {
            let piece = u128::from(a_second) * TICK.as_millis() / 1000;
            (usize::try_from(piece).unwrap_or(usize::MAX), TICK)
        }
        Some(LinkFault::Sliced(piece)) => (piece, Duration::ZERO),
        _ => (usize::MAX, Duration::ZERO),
    };
    for piece in bytes.chunks(piece.max(1)) {
        caller.write_all(piece).await?;
        caller.flush().await?;
        if pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            sleep(pause).await;
        }
    }
    Ok(())
}
