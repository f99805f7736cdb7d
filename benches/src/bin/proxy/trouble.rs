//! What callers of a proxy notice of three troubles.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::time::{Instant, interval, sleep, timeout};

use crate::{
    Outcome,
    api::Api,
    contenders::{Contender, Program, Start},
};

pub(crate) const EVENTS: [&str; 3] = [
    "all tokens revoked",
    "token endpoint down for 8 s, tokens live 4 s",
    "a POST of 32 KiB after a revocation",
];

/// Between the calls.
const PACE: Duration = Duration::from_millis(20);
/// What a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
const UPLOAD: usize = 32 * 1024;

/// What the callers saw of one event.
pub(crate) enum Seen {
    Calls {
        all: usize,
        failed: usize,
        /// From the end of the trouble to the first call that succeeded with none failing after it.
        recovered: Option<Duration>,
        token_requests: u64,
    },
    Upload {
        status: Option<StatusCode>,
        refused: u64,
        uploaded: u64,
    },
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls {
                all,
                failed,
                recovered,
                token_requests,
            } => {
                write!(f, "{failed} of {all} calls failed, ")?;
                match recovered {
                    Some(after) if *failed > 0 => {
                        write!(f, "well again after {:.1} s, ", after.as_secs_f64())?;
                    }
                    Some(_) => {}
                    None => f.write_str("never well again, ")?,
                }
                write!(f, "{token_requests} token requests")
            }
            Self::Upload {
                status,
                refused,
                uploaded,
            } => {
                match status {
                    Some(status) => write!(f, "{status}")?,
                    None => f.write_str("no answer")?,
                }
                write!(f, ", refused {refused} ×, {uploaded} bytes arrived")
            }
        }
    }
}

pub(crate) async fn all(start: Start, program: &Program<'_>) -> Outcome<(&'static str, [Seen; 3])> {
    let (name, revoked) = revoked(start, program).await?;
    let (_, down) = down(start, program).await?;
    let (_, upload) = upload(start, program).await?;
    Ok((name, [revoked, down, upload]))
}

async fn revoked(start: Start, program: &Program<'_>) -> Outcome<(&'static str, Seen)> {
    let api = Api::start(Duration::from_secs(60))?;
    let contender = start(&api, program)?;
    contender.is_ready().await?;
    let before = api.token_requests();
    let trouble = async {
        sleep(Duration::from_secs(2)).await;
        api.revoke_all();
        Instant::now()
    };
    let seen = calls(&contender, Duration::from_secs(8), trouble).await;
    Ok((contender.name, seen(api.token_requests() - before)))
}

async fn down(start: Start, program: &Program<'_>) -> Outcome<(&'static str, Seen)> {
    let api = Api::start(Duration::from_secs(4))?;
    let contender = start(&api, program)?;
    contender.is_ready().await?;
    let before = api.token_requests();
    let trouble = async {
        sleep(Duration::from_secs(1)).await;
        api.set_down(true);
        sleep(Duration::from_secs(8)).await;
        api.set_down(false);
        Instant::now()
    };
    let seen = calls(&contender, Duration::from_secs(16), trouble).await;
    Ok((contender.name, seen(api.token_requests() - before)))
}

/// Fifty calls a second for so long, beside a trouble that says when it is over.
async fn calls(
    contender: &Contender,
    length: Duration,
    trouble: impl Future<Output = Instant>,
) -> impl FnOnce(u64) -> Seen {
    let end = Instant::now() + length;
    let traffic = async {
        let mut ticks = interval(PACE);
        let mut running = Vec::new();
        while Instant::now() < end {
            ticks.tick().await;
            let mut caller = contender.caller();
            running.push(tokio::spawn(async move {
                let begun = Instant::now();
                let answer = timeout(PATIENCE, caller.call(Method::GET, Bytes::new())).await;
                (begun, matches!(answer, Ok(Ok(StatusCode::OK))))
            }));
        }
        let mut outcomes = Vec::new();
        for call in running {
            if let Ok(outcome) = call.await {
                outcomes.push(outcome);
            }
        }
        outcomes
    };
    let (outcomes, over) = tokio::join!(traffic, trouble);
    move |token_requests| {
        let failed = outcomes.iter().filter(|(_, well)| !well).count();
        let last = outcomes.iter().rposition(|(_, well)| !well);
        let first_well = match last {
            Some(last) => outcomes.get(last + 1).map(|(begun, _)| *begun),
            None => Some(over),
        };
        Seen::Calls {
            all: outcomes.len(),
            failed,
            recovered: first_well.map(|begun| begun.saturating_duration_since(over)),
            token_requests,
        }
    }
}

async fn upload(start: Start, program: &Program<'_>) -> Outcome<(&'static str, Seen)> {
    let api = Api::start(Duration::from_secs(60))?;
    let contender = start(&api, program)?;
    contender.is_ready().await?;
    let mut caller = contender.caller();
    api.revoke_all();
    let body = Bytes::from(vec![b'x'; UPLOAD]);
    let answer = timeout(PATIENCE, caller.call(Method::POST, body)).await;
    let seen = Seen::Upload {
        status: answer.ok().and_then(Result::ok),
        refused: api.refused(),
        uploaded: api.uploaded(),
    };
    Ok((contender.name, seen))
}
