//! Many calls: how many at the same time, how far apart, and what came of each.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass::Attempt;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tower::ServiceExt as _;

use super::{
    CallArgs, Client, Stack,
    once::exit_of,
    report::{Line, Report},
};
use crate::{
    exit::{Exit, Failure, chain},
    target::without_secrets,
};

/// One call's line, and what the command ends with should it be the worst.
struct Outcome {
    line: Line,
    exit: Exit,
}

/// Makes all calls and reports each when it ends.
pub(super) async fn run(
    args: &CallArgs,
    stack: &Stack,
    request: &Request<Bytes>,
) -> Result<Exit, Failure> {
    let mut report = Report::new(io::stdout());
    let slots = Arc::new(Semaphore::new(args.concurrency as usize));
    // An interval can't be zero; a nanosecond is over as soon as it begins.
    let mut starts = interval(args.interval.max(Duration::from_nanos(1)));
    // Calls that had to wait for a slot are not made up for in a burst.
    starts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
    let mut worst = Exit::Done;
    for call in 0..args.repeat {
        let start = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            starts.tick().await;
            slot
        };
        tokio::pin!(start);
        let slot = loop {
            tokio::select! {
                slot = &mut start => break slot,
                Some(ended) = under_way.join_next() => {
                    worst = worst.max(reported(&mut report, stack, ended)?);
                }
            }
        };
        let (client, request) = (stack.client.clone(), request.clone().map(Full::new));
        let fail = args.fail;
        under_way.spawn(async move {
            let _slot = slot;
            one(call, client, request, fail).await
        });
    }
    while let Some(ended) = under_way.join_next().await {
        worst = worst.max(reported(&mut report, stack, ended)?);
    }
    report.totals(&stack.cached.stats())?;
    Ok(worst)
}

fn reported(
    report: &mut Report<io::Stdout>,
    stack: &Stack,
    ended: Result<Outcome, tokio::task::JoinError>,
) -> Result<Exit, Failure> {
    let mut outcome = ended.map_err(|error| Failure::new(Exit::Other, error.to_string()))?;
    if let Some(error) = &mut outcome.line.error {
        // A server may say anything, even what it was told.
        *error = without_secrets(&stack.config, error);
    }
    report.line(&outcome.line)?;
    Ok(outcome.exit)
}

async fn one(call: u64, client: Client, request: Request<Full<Bytes>>, fail: bool) -> Outcome {
    let start = Instant::now();
    let mut line = Line {
        call,
        ..Line::default()
    };
    let mut exit = Exit::Done;
    match client.oneshot(request).await {
        Err(error) => {
            exit = exit_of(&error);
            line.error = Some(chain(&error));
        }
        Ok(response) => {
            let (parts, body) = response.into_parts();
            line.status = Some(parts.status.as_u16());
            if fail && parts.status.as_u16() >= 400 {
                exit = Exit::Api;
            }
            if let Some(attempt) = parts.extensions.get::<Attempt>() {
                line.generation = attempt.generation;
                line.waited = attempt.waited;
                line.replayed = attempt.replayed;
            }
            // The response's end belongs to the call; what it says is nobody's business here.
            if let Err(error) = body.collect().await {
                exit = Exit::Unreachable;
                line.error = Some(format!("the response broke off: {}", chain(&error)));
            }
        }
    }
    line.ms = (start.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    Outcome { line, exit }
}
