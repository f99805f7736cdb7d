//! The tower layer over hyper.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};

use bytes::Bytes;
use hallpass_core::{Attempt, Authorizer};
use hallpass_hyper::{Client, HyperTransport};
use hallpass_testkit::Server;
use hallpass_tower::{BearerLayer, BearerService, ReplayBody, WithoutReplay};
use http::{Request, Response, header::AUTHORIZATION};
use http_body::{Frame, SizeHint};
use tower::{Layer as _, ServiceExt as _};

use crate::adapter::{Adapter, Body, Failure, Front, Message, Outcome};

/// One for all: it reads the platform's roots.
pub(crate) fn transport() -> HyperTransport {
    static TRANSPORT: OnceLock<HyperTransport> = OnceLock::new();
    TRANSPORT
        .get_or_init(|| hallpass_hyper::transport().unwrap())
        .clone()
}

#[derive(Clone)]
pub(crate) struct Tower {
    name: &'static str,
    replaying: Client<ReplayBody<Pieces>>,
    plain: Client<Pieces>,
}

impl Tower {
    pub(crate) fn http1() -> Self {
        Self::over(
            "tower, HTTP/1.1",
            &hallpass_hyper::Builder::new().http1_only(),
        )
    }

    pub(crate) fn http2() -> Self {
        Self::over(
            "tower, HTTP/2",
            &hallpass_hyper::Builder::new().http2_only(),
        )
    }

    fn over(name: &'static str, builder: &hallpass_hyper::Builder) -> Self {
        Self {
            name,
            replaying: builder.client().unwrap(),
            plain: builder.client().unwrap(),
        }
    }
}

#[derive(Clone)]
pub(crate) enum Service {
    Replaying(BearerService<Client<ReplayBody<Pieces>>>),
    Plain(BearerService<Client<Pieces>, WithoutReplay>),
}

impl Adapter for Tower {
    type Client = Service;

    fn name(&self) -> &'static str {
        self.name
    }

    async fn front(&self, api: &Server) -> Front {
        Front {
            url: api.url(),
            gateway: None,
        }
    }

    fn client(&self, rules: Authorizer, replays: bool) -> Service {
        let layer = BearerLayer::with(rules);
        if replays {
            Service::Replaying(layer.layer(self.replaying.clone()))
        } else {
            Service::Plain(layer.without_replay().layer(self.plain.clone()))
        }
    }

    async fn send(&self, client: &Service, message: Message) -> Outcome {
        let mut request = Request::post(message.url)
            .body(Pieces::of(&message.body))
            .unwrap();
        if let Some(own) = message.own {
            request
                .headers_mut()
                .insert(AUTHORIZATION, own.parse().unwrap());
        }
        if message.without_credential {
            request.extensions_mut().insert(hallpass_core::NoCredential);
        }
        if let Some(cached) = message.with {
            request.extensions_mut().insert(cached);
        }
        let outcome = match client.clone() {
            Service::Replaying(service) => service.oneshot(request).await,
            Service::Plain(service) => service.oneshot(request).await,
        };
        match outcome {
            Ok(response) => seen(&response),
            Err(hallpass_tower::Error::Credential(error)) => Outcome::Failed(Failure::of(&error)),
            Err(error) => Outcome::Failed(Failure::Other(format!("{error:?}"))),
        }
    }
}

fn seen<B>(response: &Response<B>) -> Outcome {
    Outcome::Answer {
        code: response.status().as_u16(),
        attempt: response.extensions().get::<Attempt>().copied(),
    }
}

/// A body in as many pieces as it is told, with a length only if that is one.
pub(crate) struct Pieces {
    left: std::vec::IntoIter<Bytes>,
    measured: bool,
}

impl Pieces {
    fn of(body: &Body) -> Self {
        let pieces = match body {
            Body::None => vec![],
            Body::Bytes(bytes) => vec![bytes.clone()],
            Body::Streamed(pieces) => pieces.clone(),
        };
        Self {
            left: pieces.into_iter(),
            measured: !matches!(body, Body::Streamed(_)),
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.left.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        if self.measured {
            let left = self.left.as_slice().iter().map(Bytes::len).sum::<usize>();
            SizeHint::with_exact(left as u64)
        } else {
            SizeHint::default()
        }
    }
}
