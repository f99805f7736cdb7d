//! The calls: how many at the same time, how far apart, and what came of each.

use std::{error::Error, io, io::Write, iter, sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass::Attempt;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use tokio::{
    sync::Semaphore,
    task::{JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval},
};
use tower::ServiceExt as _;

use crate::{
    args::Args,
    report::{Line, Report},
    stack::{Client, Stack},
};

/// Anything shorter is no secret, and would garble the sentences that it happens to stand in.
const SHORTEST_SECRET: usize = 8;

/// Makes all calls and reports each when it ends.
pub(crate) async fn all<W: Write>(
    args: &Args,
    stack: &Stack,
    report: &mut Report<W>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(args.concurrency.min(Semaphore::MAX_PERMITS)));
    // An interval can't be zero; a nanosecond is over as soon as it begins.
    let mut starts = interval(args.interval.max(Duration::from_nanos(1)));
    // Calls that had to wait for a slot are not made up for in a burst.
    starts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = JoinSet::new();
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
                Some(line) = under_way.join_next() => report.line(&finished(line, stack)?)?,
            }
        };
        let (client, request) = (stack.client.clone(), request(args));
        under_way.spawn(async move {
            let _slot = slot;
            one(call, client, request).await
        });
    }
    while let Some(line) = under_way.join_next().await {
        report.line(&finished(line, stack)?)?;
    }
    Ok(())
}

fn finished(line: Result<Line, JoinError>, stack: &Stack) -> io::Result<Line> {
    let mut line = line.map_err(io::Error::other)?;
    if let Some(error) = &mut line.error
        && stack.secret.len() >= SHORTEST_SECRET
    {
        // A server may say anything, even what it was told.
        *error = error.replace(&stack.secret, "[secret]");
    }
    Ok(line)
}

fn request(args: &Args) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(args.body.clone()));
    *request.method_mut() = args.method.clone();
    *request.uri_mut() = args.url.clone();
    for (name, value) in &args.headers {
        request.headers_mut().append(name, value.clone());
    }
    request
}

async fn one(call: usize, client: Client, request: Request<Full<Bytes>>) -> Line {
    let start = Instant::now();
    let mut line = Line {
        call,
        ..Line::default()
    };
    match client.oneshot(request).await {
        Err(error) => line.error = Some(chain(&error)),
        Ok(response) => {
            let (parts, body) = response.into_parts();
            line.status = Some(parts.status.as_u16());
            if let Some(attempt) = parts.extensions.get::<Attempt>() {
                line.generation = attempt.generation;
                line.waited = attempt.waited;
                line.replayed = attempt.replayed;
            }
            // The answer's end belongs to the call; what it says is nobody's business here.
            if let Err(error) = body.collect().await {
                line.error = Some(format!("the response broke off: {}", chain(&error)));
            }
        }
    }
    line.ms = (start.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    line
}

/// An error and everything behind it.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
