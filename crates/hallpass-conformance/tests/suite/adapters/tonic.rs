//! The channel for tonic.

use bytes::Bytes;
use hallpass_core::{Attempt, Authorizer, NoCredential};
use hallpass_testkit::Server;
use hallpass_tonic::BearerChannel;
use http::uri::PathAndQuery;
use tonic::{Code, Request, client::Grpc, transport::Endpoint};

use super::{
    codec::{Raw, framed},
    gateway, names,
};
use crate::{
    adapter::{Adapter, Body, Failure, Front, Message, Outcome},
    case::Below,
};

#[derive(Clone)]
pub(crate) struct Tonic;

/// A channel leads to one place, so that there is one for each; they share the credential.
#[derive(Clone)]
pub(crate) struct Channels {
    rules: Authorizer,
    replays: bool,
    below: Below,
    open: std::sync::Arc<std::sync::Mutex<Vec<(String, Channel)>>>,
}

type Refusing = BearerChannel<tonic::transport::Channel, hallpass_tower::WithoutReplay>;

#[derive(Clone)]
enum Channel {
    Replaying(BearerChannel),
    Plain(Refusing),
}

impl Channels {
    fn to(&self, url: &http::Uri) -> Channel {
        let origin = format!("http://{}", url.authority().unwrap());
        let mut open = self.open.lock().unwrap();
        if let Some((_, channel)) = open.iter().find(|(known, _)| *known == origin) {
            return channel.clone();
        }
        let mut endpoint = Endpoint::from_shared(origin.clone()).unwrap();
        if let Below::Limited(most) = self.below {
            endpoint = endpoint.concurrency_limit(most);
        }
        // The gate in front of every server here refuses before it reads.
        let channel = BearerChannel::with(endpoint, self.rules.clone()).replay_client_streams();
        let channel = if self.replays {
            Channel::Replaying(channel)
        } else {
            Channel::Plain(channel.without_replay())
        };
        open.push((origin, channel.clone()));
        channel
    }
}

impl Adapter for Tonic {
    type Client = Channels;

    fn name(&self) -> &'static str {
        names::TONIC
    }

    async fn front(&self, api: &Server) -> Front {
        gateway::start(api.url()).await
    }

    fn client(&self, rules: Authorizer, replays: bool, below: Below) -> Channels {
        Channels {
            rules,
            replays,
            below,
            open: std::sync::Arc::default(),
        }
    }

    async fn send(&self, client: &Channels, message: Message) -> Outcome {
        match client.to(&message.url) {
            Channel::Replaying(channel) => call(channel, message).await,
            Channel::Plain(channel) => call(channel, message).await,
        }
    }

    /// "HTTP to gRPC Status Code Mapping" of the gRPC documentation.
    fn code(&self, status: u16) -> u16 {
        let code = match status {
            200 => Code::Ok,
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502..=504 => Code::Unavailable,
            _ => Code::Unknown,
        };
        code as u16
    }

    fn wire(&self, body: &Body) -> Bytes {
        match body {
            Body::Streamed(pieces) => pieces.iter().flat_map(|piece| framed(piece)).collect(),
            one => framed(&one.whole()).into(),
        }
    }

    fn framing(&self) -> usize {
        framed(b"").len()
    }

    fn refusals_tell_the_attempt(&self) -> bool {
        false
    }
}

fn request<T>(body: T, message: &Message) -> Request<T> {
    let mut request = Request::new(body);
    for (name, value) in &message.headers {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    if message.without_credential {
        request.extensions_mut().insert(NoCredential);
    }
    if let Some(cached) = &message.with {
        request.extensions_mut().insert(cached.clone());
    }
    if let Some(key) = message.key {
        request.extensions_mut().insert(key);
    }
    request
}

async fn call<S>(channel: S, message: Message) -> Outcome
where
    S: tonic::client::GrpcService<tonic::body::Body>,
    S::Error: std::fmt::Debug,
    S::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<hallpass_core::BoxError>,
    S::Error: Into<hallpass_core::BoxError>,
{
    let path: PathAndQuery = message.url.path_and_query().unwrap().clone();
    let mut grpc = Grpc::new(channel);
    if let Err(error) = grpc.ready().await {
        return Outcome::Failed(Failure::Other(format!("{error:?}")));
    }
    let outcome = match &message.body {
        Body::Streamed(pieces) => {
            let pieces = tokio_stream::iter(pieces.clone());
            grpc.client_streaming(request(pieces, &message), path, Raw)
                .await
        }
        one => grpc.unary(request(one.whole(), &message), path, Raw).await,
    };
    match outcome {
        Ok(response) => Outcome::Answer {
            code: Code::Ok as u16,
            attempt: response.extensions().get::<Attempt>().copied(),
        },
        Err(status) => match Failure::of(&status) {
            Failure::Other(_) => Outcome::Answer {
                code: status.code() as u16,
                attempt: None,
            },
            failure => {
                let code = match failure {
                    Failure::Transient => Code::Unavailable,
                    Failure::Permanent => Code::Unauthenticated,
                    _ => Code::FailedPrecondition,
                };
                assert_eq!(status.code(), code, "{status:?}");
                Outcome::Failed(failure)
            }
        },
    }
}
