//! The health page: whether there is a token, and for how much longer.

use http::{Response, StatusCode};
use serde::Serialize;

use super::{
    answer::{self, Body},
    upstream::Upstream,
};

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    client: &'a str,
    upstream: String,
    generation: Option<u64>,
    /// None if there is no token, or it never ends.
    time_left_seconds: Option<u64>,
    token_requests: u64,
    failures: u64,
    rejections: u64,
    replays: u64,
    waits: u64,
}

/// 200 with a usable token, 503 without.
pub(super) fn page(upstream: &Upstream) -> Response<Body> {
    let stats = upstream.cached().stats();
    let usable = stats.generation.is_some();
    let health = Health {
        status: if usable { "ok" } else { "no token" },
        client: upstream.name(),
        upstream: upstream.base(),
        generation: stats.generation,
        time_left_seconds: stats.time_left.map(|left| left.as_secs()),
        token_requests: stats.fetches,
        failures: stats.failures,
        rejections: stats.rejections,
        replays: stats.replays,
        waits: stats.waits,
    };
    let code = if usable {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    answer::json(code, &health)
}
