//! [`Fault`]: what is wrong, on whichever leg.

use std::time::Duration;

use hallpass_testkit::{LinkFault, Malformed};

use crate::{callers::Stack, row::Leg, stage::Stage};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Link(LinkFault),
    /// The name of the server leads nowhere.
    NoName,
    /// Every answer has this status, and this `Retry-After` if any.
    Fails(u16, Option<u64>),
    /// Every good answer is spoilt.
    Malformed(Malformed),
    /// Every good answer is a redirect within the server.
    Redirect(u16),
    /// Each HTTP/2 connection ends by GOAWAY after one request.
    Goaway,
    /// One stream is refused unseen.
    RefusedStream,
    /// The server closes its idle connections.
    IdleClose,
}

/// More than any case sends.
const MANY: usize = 10_000;

/// More than the news of a closing takes.
pub(crate) const NEWS: Duration = Duration::from_millis(250);

/// Where redirects lead.
pub(crate) const MOVED: &str = "/moved.Api/Call";

impl Fault {
    pub(crate) fn needs_tls(self) -> bool {
        let tls = [
            LinkFault::WrongName,
            LinkFault::Expired,
            LinkFault::PlainPort,
        ];
        tls.into_iter().any(|fault| self == Self::Link(fault))
    }

    /// How many calls may fail after its end. A channel of tonic's has one connection, and may find
    /// out that it was reset while the next call is on its way.
    pub(crate) fn crosses(self, stack: Stack) -> usize {
        let resets = [
            LinkFault::ResetBeforeHead,
            LinkFault::ResetAfterHead,
            LinkFault::ResetInBody,
            LinkFault::ResetReused,
        ];
        let is_reset = resets.into_iter().any(|fault| self == Self::Link(fault));
        usize::from(stack == Stack::Tonic && is_reset)
    }

    /// Whether nobody answers.
    pub(crate) fn is_silent(self) -> bool {
        self == Self::Link(LinkFault::HalfOpen)
    }

    pub(crate) fn needs_http2(self) -> bool {
        matches!(self, Self::Goaway | Self::RefusedStream)
    }

    /// Whether it shows on a connection that was used before, and on no other.
    pub(crate) fn needs_a_used_connection(self) -> bool {
        let reused = Self::Link(LinkFault::ResetReused);
        matches!(self, Self::Goaway | Self::IdleClose) || self == reused
    }

    pub(crate) async fn begin(self, stage: &Stage) {
        let endpoint = stage.endpoint();
        match self {
            Self::Link(fault) => stage.relay.set(fault).await,
            Self::NoName => stage.lead_astray(true),
            Self::Fails(status, wait) => {
                if let Some(wait) = wait {
                    endpoint.retry_after(wait);
                }
                endpoint.down(status);
            }
            Self::Malformed(how) => {
                endpoint.malformed_next(MANY, how);
            }
            Self::Redirect(status) => {
                let at = match stage.leg {
                    Leg::Api => crate::stage::CALL,
                    Leg::Token => "/token",
                };
                endpoint.redirect(at, status, MOVED);
            }
            Self::RefusedStream => {
                endpoint.refuse_stream_next(1);
            }
            Self::IdleClose => {
                stage.server.close_idle();
                // The caller learns of it: what crosses with a request has a row of its own.
                while stage.relay.open_connections() > 0 {
                    tokio::time::sleep(NEWS / 10).await;
                }
            }
            // The server does it from the start.
            Self::Goaway => {}
        }
    }

    pub(crate) async fn end(self, stage: &Stage) {
        match self {
            Self::Link(_) => stage.relay.heal().await,
            Self::NoName => stage.lead_astray(false),
            _ => {
                stage.endpoint().reset();
                stage.route();
            }
        }
    }
}
