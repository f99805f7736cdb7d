//! One contender goes through the whole program.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    contender::{BoxError, Contender},
    program::{Event, PATIENCE, Program, Trouble},
    pulse::{Pulses, pulses},
    server::Server,
    stage::Stage,
    traffic::{Caller, Record},
};

/// How often is looked whether an event is to begin.
const LOOK: Duration = Duration::from_millis(2);

/// All that happened, by the clock.
#[derive(Debug)]
pub struct Recording {
    pub(super) events: Vec<Span>,
    pub(super) calls: Vec<Record>,
    /// Those to the endpoint that refuses everybody.
    pub(super) bad: Vec<Record>,
    pub(super) pulses: Pulses,
    pub(super) token_requests: Vec<Instant>,
    /// POSTs that were done more than once.
    pub(super) repeated: Vec<u64>,
}

/// An event, as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) event: Event,
    pub(super) slot: (Instant, Instant),
    pub(super) begun: Instant,
    pub(super) ended: Instant,
    /// When the last token ended that had been issued before it began.
    pub(super) tokens_end: Option<Instant>,
}

/// Plays the program for one contender, with threads of its own.
///
/// # Errors
/// If there can be no server or runtime, or the contender can't be set up.
pub fn play(contender: &Contender, program: &Program) -> Result<Recording, String> {
    let text = |error: std::io::Error| error.to_string();
    let server = Server::start(program).map_err(text)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(text)?;
    let recording = runtime.block_on(run(contender, program, &server));
    // Tasks of the contender may still run; they end with the process if they don't now.
    runtime.shutdown_background();
    recording.map_err(|error| error.to_string())
}

async fn run(
    contender: &Contender,
    program: &Program,
    server: &Server,
) -> Result<Recording, BoxError> {
    let start = Instant::now();
    let client = contender.start(server.place.clone()).await?;
    let caller = Caller::new(client, &server.place);
    let first = Instant::now();
    let calls = tokio::spawn(caller.clone().all(first, program.length()));
    let pulses = tokio::spawn(pulses(server.place.clone(), program.length() + PATIENCE));
    let mut events = vec![];
    let mut bad = vec![];
    for (event, begin) in program.events.iter().zip(program.begins()) {
        let slot = (first + begin, first + begin + event.slot());
        sleep_until(slot.0).await;
        let (span, calls) = happen(*event, slot, &server.stage, &caller).await?;
        bad.extend(calls);
        events.push(span);
    }
    let calls = calls.await??;
    if let Some(cold) = events.first_mut() {
        // Some contenders fetch their first token when they are set up.
        cold.slot.0 = start;
    }
    Ok(Recording {
        events,
        calls,
        bad,
        pulses: pulses.await??,
        token_requests: server.stage.requests(),
        repeated: server.stage.repeated(),
    })
}

/// Lets one event begin and end, and says when it did.
async fn happen(
    event: Event,
    slot: (Instant, Instant),
    stage: &Arc<Stage>,
    caller: &Caller,
) -> Result<(Span, Vec<Record>), BoxError> {
    stage.arm(&event);
    let latest = slot.0 + event.wait + event.age.unwrap_or_default();
    let begun = loop {
        if let Some(begun) = stage.begun() {
            break begun;
        }
        if Instant::now() >= latest {
            stage.begin();
        }
        sleep(LOOK).await;
    };
    let tokens_end = stage.tokens_end();
    let mut bad = vec![];
    let ended = match event.trouble {
        Trouble::BadEndpoint => {
            bad = caller.clone().bad(event.lasts).await?;
            Instant::now().min(begun + event.lasts)
        }
        Trouble::Lag => renewal(stage, begun, slot.0 + event.wait).await + event.lasts,
        _ => begun + event.lasts,
    };
    sleep_until(ended).await;
    stage.end();
    let span = Span {
        event,
        slot,
        begun,
        ended,
        tokens_end,
    };
    Ok((span, bad))
}

/// When the first token after this was issued, or the latest time to wait for it.
async fn renewal(stage: &Stage, begun: Instant, latest: Instant) -> Instant {
    loop {
        if let Some(issued) = stage.issued_after(begun) {
            return issued;
        }
        if Instant::now() >= latest {
            return latest;
        }
        sleep(LOOK).await;
    }
}
