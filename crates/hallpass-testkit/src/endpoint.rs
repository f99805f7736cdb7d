//! The switches for faults, one set per half of the server.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::watch;

use crate::hold::{Gate, Hold};
use crate::lock::lock;
use crate::malformed::Malformed;

/// The `WWW-Authenticate` header of a 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// `Bearer error="invalid_token"`; plain `Bearer` for a request without credentials (RFC 6750 §3.1).
    InvalidToken,
    /// `Bearer`, saying nothing of the reason.
    Bare,
    /// No header at all.
    None,
    /// This text, literally.
    Custom(String),
}

/// A `Retry-After` value: seconds from a number or a duration, or any text such as a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryAfter(String);

impl From<u64> for RetryAfter {
    fn from(seconds: u64) -> Self {
        Self(seconds.to_string())
    }
}

impl From<Duration> for RetryAfter {
    fn from(wait: Duration) -> Self {
        Self(wait.as_secs().to_string())
    }
}

impl From<&str> for RetryAfter {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// One half of the server: the token endpoint, or the API.
///
/// Faults that name a number of requests queue up; each arriving request takes the one
/// in front. Delays and holds come first and go with any fault. The request is judged
/// when it is answered, not when it arrives.
///
/// All methods return the endpoint, so that calls chain. A clone switches the same endpoint.
#[derive(Clone)]
pub struct Endpoint {
    state: Arc<Mutex<State>>,
    gate: Gate,
    close: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    faults: VecDeque<Fault>,
    delays: VecDeque<Duration>,
    settings: Settings,
}

#[derive(Clone, Default)]
struct Settings {
    delay: Duration,
    retry_after: Option<HeaderValue>,
    challenge: Option<Challenge>,
    early: bool,
    close_each: bool,
}

#[derive(Clone)]
pub(crate) enum Fault {
    Fail(u16),
    Reject,
    Cut,
    HangUp,
    Malformed(Malformed),
    Respond {
        status: u16,
        headers: HeaderMap,
        body: Bytes,
    },
}

/// What awaits one request, fixed at its arrival.
pub(crate) struct Plan {
    pub(crate) fault: Option<Fault>,
    pub(crate) retry_after: Option<HeaderValue>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) early: bool,
    pub(crate) close: bool,
    delay: Duration,
}

impl Endpoint {
    pub(crate) fn new(close: watch::Sender<()>) -> Self {
        Self {
            state: Arc::default(),
            gate: Gate::new(),
            close,
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        let mut state = lock(&self.state);
        let delay = state.delays.pop_front().unwrap_or(state.settings.delay);
        let fault = state.faults.pop_front();
        let Settings {
            retry_after,
            challenge,
            early,
            close_each,
            ..
        } = state.settings.clone();
        Plan {
            fault,
            retry_after,
            challenge,
            early,
            close: close_each,
            delay,
        }
    }

    pub(crate) async fn wait(&self, plan: &Plan) {
        self.gate.pass().await;
        if !plan.delay.is_zero() {
            tokio::time::sleep(plan.delay).await;
        }
    }

    fn queue(&self, n: usize, fault: &Fault) -> &Self {
        lock(&self.state)
            .faults
            .extend(std::iter::repeat_n(fault, n).cloned());
        self
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) -> &Self {
        change(&mut lock(&self.state).settings);
        self
    }

    /// Answers the next `n` requests with `status` and an error body in the system's style.
    pub fn fail_next(&self, n: usize, status: u16) -> &Self {
        self.queue(n, &Fault::Fail(status))
    }

    /// Adds `Retry-After` to the answers of [`fail_next`](Self::fail_next), queued before or after.
    ///
    /// # Panics
    ///
    /// If the text cannot stand in a header.
    pub fn retry_after(&self, wait: impl Into<RetryAfter>) -> &Self {
        let value = header_value(&wait.into().0);
        self.change(|settings| settings.retry_after = Some(value))
    }

    /// Refuses the next `n` requests as if their valid token or secret were not.
    pub fn reject_next(&self, n: usize) -> &Self {
        self.queue(n, &Fault::Reject)
    }

    /// Breaks the connection in the middle of the next `n` answers, after the head and half the body.
    ///
    /// The work is done: a token was issued. Over HTTP/2 the stream is reset instead.
    pub fn cut_next(&self, n: usize) -> &Self {
        self.queue(n, &Fault::Cut)
    }

    /// Hangs up on the next `n` requests without a byte of answer. Over HTTP/2 the stream is reset.
    pub fn hang_up_next(&self, n: usize) -> &Self {
        self.queue(n, &Fault::HangUp)
    }

    /// Spoils the next `n` successful answers; a request that is refused is refused as usual.
    pub fn malformed_next(&self, n: usize, how: Malformed) -> &Self {
        self.queue(n, &Fault::Malformed(how))
    }

    /// Gives the next `n` requests this answer, whatever they asked.
    ///
    /// # Panics
    ///
    /// If a header's name or value is not valid HTTP.
    pub fn respond_next(
        &self,
        n: usize,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> &Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(header_name(name), header_value(value));
        }
        self.queue(
            n,
            &Fault::Respond {
                status,
                headers: map,
                body: body.into(),
            },
        )
    }

    /// Waits this long before each answer; zero ends it.
    pub fn delay(&self, delay: Duration) -> &Self {
        self.change(|settings| settings.delay = delay)
    }

    /// Waits this long before each of the next `n` answers, in place of [`delay`](Self::delay).
    pub fn delay_next(&self, n: usize, delay: Duration) -> &Self {
        lock(&self.state)
            .delays
            .extend(std::iter::repeat_n(delay, n));
        self
    }

    /// Keeps answers back until the returned guard is dropped; requests are taken in meanwhile.
    pub fn hold(&self) -> Hold {
        self.gate.hold()
    }

    /// Closes the server's idle connections now and the busy ones after their present answer.
    ///
    /// Both endpoints share one listener, so this is not limited to one of them.
    pub fn close_idle(&self) -> &Self {
        self.close.send_replace(());
        self
    }

    /// Whether to close the connection after each answer; `false` to begin with.
    pub fn close_each(&self, close: bool) -> &Self {
        self.change(|settings| settings.close_each = close)
    }

    /// Which challenge accompanies a 401, in place of the system's own.
    ///
    /// # Panics
    ///
    /// If a custom text cannot stand in a header.
    pub fn challenge(&self, challenge: Challenge) -> &Self {
        if let Challenge::Custom(text) = &challenge {
            header_value(text);
        }
        self.change(|settings| settings.challenge = Some(challenge))
    }

    /// Whether to answer before reading the request body where the answer does not depend on it;
    /// `false` to begin with.
    ///
    /// That is so for queued failures, rejections and canned answers, and on the API for
    /// every refusal.
    pub fn answer_early(&self, early: bool) -> &Self {
        self.change(|settings| settings.early = early)
    }

    /// Forgets everything queued and set here; holds stay with their guards.
    pub fn reset(&self) -> &Self {
        *lock(&self.state) = State::default();
        self
    }
}

fn header_name(text: &str) -> HeaderName {
    HeaderName::try_from(text).unwrap_or_else(|_| panic!("not a header name: {text:?}"))
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text)
        .unwrap_or_else(|_| panic!("not a header value ({} bytes)", text.len()))
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("Endpoint")
            .field("faults", &state.faults.len())
            .field("delay", &state.settings.delay)
            .finish_non_exhaustive()
    }
}
