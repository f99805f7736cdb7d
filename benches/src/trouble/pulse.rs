//! How long a call takes that needs no token, all along: what the machine makes calls wait for.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{
    contender::{BoxError, Place},
    program::PATIENCE,
    server::PULSE,
};

const EVERY: Duration = Duration::from_millis(40);

/// Each call's begin and end.
pub(super) type Pulses = Vec<(Instant, Instant)>;

/// Beats for so long, one call after the other.
pub(super) async fn pulses(place: Place, length: Duration) -> Result<Pulses, BoxError> {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let url = format!("{}{PULSE}", place.api);
    let end = Instant::now() + length;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pulses = vec![];
    while Instant::now() < end {
        ticks.tick().await;
        let begun = Instant::now();
        let request = Request::get(&url).body(Full::default())?;
        let answer = async {
            client
                .request(request)
                .await?
                .collect()
                .await
                .map_err(BoxError::from)
        };
        // One that breaks has taken its time all the same.
        let _ = timeout(PATIENCE, answer).await;
        pulses.push((begun, Instant::now()));
    }
    Ok(pulses)
}

/// How long the slowest took that was under way within this time.
pub(super) fn slowest(pulses: &Pulses, begin: Instant, end: Instant) -> Duration {
    let first = pulses.partition_point(|(_, ended)| *ended < begin);
    pulses[first..]
        .iter()
        .take_while(|(begun, _)| *begun <= end)
        .map(|(begun, ended)| *ended - *begun)
        .max()
        .unwrap_or_default()
}
