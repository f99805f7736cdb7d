//! The contenders, each behind the same two closures: prepare requests, and send them.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hallpass_core::{Cached, Error};
use hallpass_tower::BearerLayer;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{
    Layer as _, Service,
    retry::{Policy, RetryLayer},
};
use tower_http::auth::AddAuthorizationLayer;

use crate::{Noop, at_once, request, token, warm};

/// Prepares this many requests, and hands the sending of them to the meter.
pub type Lap = Box<dyn FnMut(usize, Meter<'_>) + Send>;

/// Runs what it is given once, and measures that.
pub type Meter<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

/// One way to put a credential on requests.
pub struct Contender {
    /// As the issue and the table name it.
    pub name: &'static str,
    /// A lap for one thread; all laps of a contender share its credential.
    pub lap: Box<dyn Fn() -> Lap + Send + Sync>,
}

impl std::fmt::Debug for Contender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Everybody, the baseline first.
///
/// # Errors
/// Never: the token is valid and nothing is fetched over a network.
pub fn all() -> Result<Vec<Contender>, Error> {
    let cached = warm()?;
    let bearer = || BearerLayer::new(cached.clone());
    let fixed = || AddAuthorizationLayer::bearer(&token()).as_sensitive(true);
    Ok(vec![
        tower("noop", Noop),
        tower("tower-http/static", fixed().layer(Noop)),
        tower(
            "tower-retry+static",
            RetryLayer::new(OnUnauthorized).layer(fixed().layer(Noop)),
        ),
        tower("hallpass/header", bearer().without_replay().layer(Noop)),
        tower("hallpass/replay", bearer().layer(Noop)),
    ])
}

/// The credential that all of ours share, for what measures more than the path.
///
/// # Errors
/// As [`all`].
pub fn credential() -> Result<Cached, Error> {
    warm()
}

fn tower<S>(name: &'static str, service: S) -> Contender
where
    S: Service<Request<Full<Bytes>>> + Clone + Send + Sync + 'static,
{
    let lap = move || {
        let mut service = service.clone();
        let lap: Lap = Box::new(move |count, meter| {
            let requests: Vec<_> = (0..count).filter_map(|_| request().ok()).collect();
            send_all(requests, meter, |request| at_once(service.call(request)));
        });
        lap
    };
    Contender {
        name,
        lap: Box::new(lap),
    }
}

/// Only the sending is inside the measured part; the answers are dropped there too.
fn send_all<R, T>(requests: Vec<R>, meter: Meter<'_>, mut send: impl FnMut(R) -> Option<T>) {
    let mut requests = requests.into_iter();
    let mut answered = true;
    meter(&mut || {
        for request in requests.by_ref() {
            answered &= black_box(send(request)).is_some();
        }
    });
    assert!(answered, "a contender did not answer at once");
}

/// How long a lap's sending takes.
#[allow(
    clippy::disallowed_methods,
    reason = "measuring is what clocks are for"
)]
pub fn time(lap: &mut Lap, count: usize) -> Duration {
    let mut spent = Duration::ZERO;
    lap(count, &mut |part| {
        let start = Instant::now();
        part();
        spent = start.elapsed();
    });
    spent
}

/// What a user would build by hand for a 401: tower's retry with a policy that clones the request.
#[derive(Debug, Clone, Copy)]
struct OnUnauthorized;

impl<R, E> Policy<Request<Full<Bytes>>, Response<R>, E> for OnUnauthorized {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        _request: &mut Request<Full<Bytes>>,
        result: &mut Result<Response<R>, E>,
    ) -> Option<Self::Future> {
        let refused =
            matches!(result, Ok(response) if response.status() == StatusCode::UNAUTHORIZED);
        refused.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}
