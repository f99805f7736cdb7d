//! The channel for tonic.

use std::time::Duration;

use hallpass_core::{Attempt, Authorizer};
use hallpass_tonic::BearerChannel;
use http::Uri;
use tonic::{Code, Request, client::Grpc, transport::Endpoint};

use super::{ACTION, Call, Saw, Seen, Trust, codec::Raw};

/// How soon a silent connection is noticed: a channel has one for all calls, and tonic leaves that
/// to its users.
const SILENCE: Duration = Duration::from_millis(300);

/// What a slow way may take.
const PONG: Duration = Duration::from_millis(2700);

pub(super) fn channel(base: &str, rules: Authorizer, trust: &Trust) -> BearerChannel {
    let mut endpoint = Endpoint::from_shared(base.to_owned()).unwrap();
    if trust.probes {
        endpoint = endpoint
            .http2_keep_alive_interval(SILENCE)
            .keep_alive_timeout(PONG);
    }
    if base.starts_with("https:") {
        endpoint = endpoint.tls_config(trust.tonic()).unwrap();
    }
    BearerChannel::with(endpoint, rules)
}

pub(super) async fn send(channel: BearerChannel, url: &Uri, call: Call) -> Seen {
    let mut request = Request::new(call.body);
    let action = call.action.parse().unwrap();
    request.metadata_mut().insert(ACTION, action);
    if let Some(tenant) = call.tenant {
        request.extensions_mut().insert(tenant);
    }
    let mut grpc = Grpc::new(channel);
    if let Err(status) = grpc.ready().await {
        return Seen::failed(&status, || Saw::Code(status.code()));
    }
    let path = url.path_and_query().unwrap().clone();
    match grpc.unary(request, path, Raw).await {
        Ok(response) => Seen {
            attempt: response.extensions().get::<Attempt>().copied(),
            ..Seen::of(Saw::Code(Code::Ok))
        },
        Err(status) => Seen::failed(&status, || Saw::Code(status.code())),
    }
}
