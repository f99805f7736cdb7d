//! The contenders, each behind the same two closures: prepare requests, and send them.

mod keyed;
mod reqwest;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hallpass_core::{Cached, Error};
use hallpass_oauth2::Dpop;
use hallpass_tower::BearerLayer;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{
    Layer as _, Service,
    retry::{Policy, RetryLayer},
};
use tower_http::auth::AddAuthorizationLayer;

pub use self::keyed::{TENANTS, Tenant, keyed, warm_tenants};
use crate::{Noop, at_once, request, token, warm, warm_with};

/// Prepares this many requests, and hands the sending of them to the meter. Says whether all were
/// answered at once.
pub type Lap = Box<dyn FnMut(usize, Meter<'_>) -> bool + Send>;

/// Runs what it is given once, and measures that.
pub type Meter<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

/// How much room the header maps of a lap's requests have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// As callers leave them: six headers fill the map, and the seventh makes it grow.
    None,
    /// For two more headers.
    Two,
}

/// One way to put a credential on requests.
pub struct Contender {
    /// As the table names it.
    pub name: &'static str,
    lap: Box<dyn Fn(Room) -> Lap + Send + Sync>,
}

impl Contender {
    /// One that makes its own kind of request of a plain one, and sends it with a function for
    /// each thread, which says whether it was answered at its first poll.
    pub fn new<R, P, S, F>(name: &'static str, prepare: P, sender: S) -> Self
    where
        R: Send,
        P: Fn(Request<Full<Bytes>>) -> Option<R> + Clone + Send + Sync + 'static,
        S: Fn() -> F + Send + Sync + 'static,
        F: FnMut(R) -> bool + Send + 'static,
    {
        let lap = move |room| {
            let prepare = prepare.clone();
            let mut send = sender();
            let lap: Lap = Box::new(move |count, meter| {
                let prepared: Vec<R> = (0..count).filter_map(|_| prepare(plain(room)?)).collect();
                prepared.len() == count && send_all(prepared, meter, &mut send)
            });
            lap
        };
        Self {
            name,
            lap: Box::new(lap),
        }
    }

    /// A tower service; its clones share what it holds.
    pub fn tower<S>(name: &'static str, service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>> + Clone + Send + Sync + 'static,
    {
        Self::new(name, Some, move || {
            let mut service = service.clone();
            move |request| is_answer(&at_once(service.call(request)))
        })
    }

    /// A lap for one thread; all laps of a contender share its credential.
    pub fn lap(&self, room: Room) -> Lap {
        (self.lap)(room)
    }
}

impl std::fmt::Debug for Contender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Everybody, the baseline first.
///
/// # Errors
/// If reqwest can't set up a client; the token itself is valid and comes from memory.
pub fn all() -> Result<Vec<Contender>, Error> {
    let cached = warm()?;
    let bearer = || BearerLayer::new(cached.clone());
    let mut all = vec![
        Contender::tower("noop", Noop),
        Contender::tower("tower-http/static", fixed().layer(Noop)),
        Contender::tower(
            "tower-retry+static",
            RetryLayer::new(OnUnauthorized).layer(fixed().layer(Noop)),
        ),
        Contender::tower("hallpass/header", bearer().without_replay().layer(Noop)),
        Contender::tower("hallpass/replay", bearer().layer(Noop)),
        Contender::tower("hallpass/dpop", BearerLayer::new(proved()?).layer(Noop)),
    ];
    all.extend(reqwest::all(&cached)?);
    Ok(all)
}

/// What a static token costs: the least that anybody can do.
pub fn fixed() -> AddAuthorizationLayer {
    AddAuthorizationLayer::bearer(&token()).as_sensitive(true)
}

/// The credential that all of ours share, for what measures more than the path.
///
/// # Errors
/// Never: the token is valid and nothing is fetched over a network.
pub fn credential() -> Result<Cached, Error> {
    warm()
}

/// A token that is bound to a key, so that each request takes a signature.
fn proved() -> Result<Cached, Error> {
    warm_with(async { Dpop::new().bind(&token()).await })
}

fn plain(room: Room) -> Option<Request<Full<Bytes>>> {
    let mut request = request().ok()?;
    if room == Room::Two {
        request.headers_mut().reserve(2);
    }
    Some(request)
}

/// Only the sending is inside the measured part; the answers are dropped there too.
fn send_all<R>(requests: Vec<R>, meter: Meter<'_>, send: &mut impl FnMut(R) -> bool) -> bool {
    let mut requests = requests.into_iter();
    let mut answered = true;
    meter(&mut || {
        for request in requests.by_ref() {
            answered &= send(request);
        }
    });
    answered
}

/// Looks at it where it is: to move it would cost more than some of what is measured.
pub fn is_answer<T, E>(outcome: &Option<Result<T, E>>) -> bool {
    matches!(black_box(outcome), Some(Ok(_)))
}

/// How long a lap's sending takes.
///
/// # Panics
/// If the contender does not answer at once.
#[allow(
    clippy::disallowed_methods,
    reason = "measuring is what clocks are for"
)]
pub fn time(lap: &mut Lap, count: usize) -> Duration {
    let mut spent = Duration::ZERO;
    let answered = lap(count, &mut |part| {
        let start = Instant::now();
        part();
        spent = start.elapsed();
    });
    assert!(answered, "a contender did not answer at once");
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
