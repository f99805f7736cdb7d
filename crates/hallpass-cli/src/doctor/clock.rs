//! How far this machine's clock is from the server's, by the `Date` of its answer.

use std::time::{Duration, SystemTime};

use super::{exchange::Exchange, finding::Finding};
use crate::duration::shown;

/// What networks and whole seconds explain.
const HARMLESS: Duration = Duration::from_secs(30);

pub(super) fn examine(last: &Exchange) -> Option<Finding> {
    let date = httpdate::parse_http_date(last.header("date")?).ok()?;
    // A cache on the way says how old its answer is.
    let age = last.header("age").and_then(|age| age.parse().ok());
    let server =
        date + Duration::from_secs(age.unwrap_or_default()).min(Duration::from_secs(86_400));
    let (difference, word) = apart(last.received, server);
    if difference <= HARMLESS {
        return Some(Finding::ok("clock", "this machine and the server agree"));
    }
    let message = format!(
        "this machine's clock is {} {word} the server's",
        shown(difference)
    );
    Some(Finding::warning("clock", message).because(
        "one of the two clocks is wrong; then assertions, proofs and tokens are over or not valid yet",
        "set this machine's clock and keep it right with NTP; if it is right, tell those who run the server",
    ))
}

fn apart(own: SystemTime, server: SystemTime) -> (Duration, &'static str) {
    match own.duration_since(server) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    }
}
