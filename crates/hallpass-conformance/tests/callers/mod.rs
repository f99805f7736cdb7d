//! Callers of every adapter, one trait less: what is sent with any of them, and what its caller sees.

#[path = "../suite/adapters/codec.rs"]
#[allow(dead_code, reason = "the suite uses all of it")]
mod codec;
mod http;
mod reqwest;
mod tonic;
mod trust;

use std::{error::Error as StdError, iter, time::Duration};

use ::http::Uri;
use ::tonic::Code;
use bytes::Bytes;
use hallpass_core::{Attempt, Authorizer, Error};
use hallpass_oauth2::{ClientCredentials, TokenSource};
use hallpass_tower::{BearerService, ReplayBody};
use http_body_util::Full;

pub(crate) use self::trust::Trust;

/// The client of all callers here.
pub(crate) const CLIENT: &str = "caller";

/// Its secret, which stands in no text that anybody reads.
pub(crate) const SECRET: &str = "s3cret-of-all-callers";

/// Names what a caller wants done: the same for whatever is sent for it.
pub(crate) const ACTION: &str = "idempotency-key";

/// An adapter, and the client that it is used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stack {
    TowerHttp1,
    TowerHttp2,
    Reqwest,
    Tonic,
    Run,
}

impl Stack {
    pub(crate) const ALL: [Self; 5] = [
        Self::TowerHttp1,
        Self::TowerHttp2,
        Self::Reqwest,
        Self::Tonic,
        Self::Run,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TowerHttp1 => "tower, HTTP/1.1",
            Self::TowerHttp2 => "tower, HTTP/2",
            Self::Reqwest => "reqwest",
            Self::Tonic => "tonic",
            Self::Run => "`Authorizer::run`",
        }
    }

    /// Whether it speaks HTTP/2, where it has the choice if that is wanted.
    pub(crate) fn http2(self, wanted: bool) -> bool {
        match self {
            Self::TowerHttp1 => false,
            Self::TowerHttp2 | Self::Tonic => true,
            Self::Reqwest | Self::Run => wanted,
        }
    }

    /// Tokens by the transport that goes with it.
    pub(crate) fn tokens(self, url: &str, trust: &Trust, attempt: Duration) -> TokenSource {
        let credentials = ClientCredentials::at(url)
            .basic(CLIENT, SECRET)
            .dangerously_allow_http()
            .attempt_deadline(attempt);
        match self {
            Self::Reqwest => credentials.build(reqwest::transport(trust)),
            _ => credentials.build(trust.hyper().transport().unwrap()),
        }
        .unwrap()
    }

    /// A caller of the API at this base URL.
    pub(crate) fn caller(self, base: &str, rules: Authorizer, trust: &Trust) -> Caller {
        let inner = match self {
            Self::TowerHttp1 | Self::TowerHttp2 => Inner::Tower(http::tower(rules, trust)),
            Self::Reqwest => Inner::Reqwest(reqwest::client(rules, trust)),
            Self::Tonic => Inner::Tonic(tonic::channel(base, rules, trust)),
            Self::Run => Inner::Run(rules, trust.hyper().client().unwrap()),
        };
        Caller {
            base: base.to_owned(),
            inner,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Caller {
    base: String,
    inner: Inner,
}

#[derive(Clone)]
enum Inner {
    Tower(BearerService<hallpass_hyper::Client<ReplayBody<Full<Bytes>>>>),
    Reqwest(reqwest_middleware::ClientWithMiddleware),
    Tonic(hallpass_tonic::BearerChannel),
    Run(Authorizer, hallpass_hyper::Client<Full<Bytes>>),
}

/// One POST, or one unary call.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) path: &'static str,
    /// For [`ACTION`].
    pub(crate) action: String,
    pub(crate) body: Bytes,
    pub(crate) tenant: Option<Tenant>,
}

/// The key of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tenant(pub(crate) usize);

impl Caller {
    /// Sends it, and reads all of the answer within `limit`, as any caller has one.
    pub(crate) async fn send(&self, call: Call, limit: Duration) -> Seen {
        let url: Uri = format!("{}{}", self.base, call.path).parse().unwrap();
        let sending = async {
            match &self.inner {
                Inner::Tower(service) => http::by_tower(service.clone(), url, call).await,
                Inner::Reqwest(client) => reqwest::send(client, &url, call).await,
                Inner::Tonic(channel) => tonic::send(channel.clone(), &url, call).await,
                Inner::Run(rules, client) => http::by_run(rules, client.clone(), url, call).await,
            }
        };
        let seen = tokio::time::timeout(limit, sending).await;
        seen.unwrap_or(Seen::of(Saw::Late))
    }
}

/// What a caller saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saw {
    /// This HTTP status, and a whole body.
    Status(u16),
    /// This gRPC status.
    Code(Code),
    /// The head of an answer, and a body that broke off.
    Broken,
    /// No credential, for now.
    NoToken,
    /// Another error of the engine's: the credential may not go there, or is refused for long.
    Refused,
    /// No connection: nothing was sent.
    NoConnection,
    /// The connection failed before the head of an answer.
    Lost,
    /// Nothing within its own limit.
    Late,
}

impl Saw {
    pub(crate) fn is_ok(self) -> bool {
        matches!(self, Self::Status(200) | Self::Code(Code::Ok))
    }
}

/// What a caller saw, and all that an error says.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) saw: Saw,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) text: String,
}

impl Seen {
    fn of(saw: Saw) -> Self {
        Self {
            saw,
            attempt: None,
            text: String::new(),
        }
    }

    /// What the engine says in an error's chain, or else what `saw` makes of it.
    fn failed(error: &(dyn StdError + 'static), saw: impl FnOnce() -> Saw) -> Self {
        let chain = || iter::successors(Some(error), |&error| error.source());
        let engine = chain().find_map(<dyn StdError>::downcast_ref::<Error>);
        let displayed: Vec<_> = chain().map(ToString::to_string).collect();
        Self {
            saw: match engine {
                Some(error) if error.is_transient() => Saw::NoToken,
                Some(_) => Saw::Refused,
                None => saw(),
            },
            attempt: None,
            text: format!("{}\n{error:?}", displayed.join(": ")),
        }
    }
}
