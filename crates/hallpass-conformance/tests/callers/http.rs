//! The tower layer, and `Authorizer::run`, over the client of hallpass-hyper.

use bytes::Bytes;
use hallpass_core::{Attempt, Authorizer, adapter::CallError};
use hallpass_hyper::Client;
use hallpass_tower::{BearerLayer, BearerService, ReplayBody};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tower::{Layer as _, ServiceExt as _};

use super::{ACTION, Call, Saw, Seen, Trust};

type Tower = BearerService<Client<ReplayBody<Full<Bytes>>>>;
type Outcome = Result<Response<Incoming>, CallError<hallpass_hyper::Error>>;

pub(super) fn tower(rules: Authorizer, trust: &Trust) -> Tower {
    BearerLayer::with(rules).layer(trust.hyper().client().unwrap())
}

pub(super) async fn by_tower(service: Tower, url: Uri, call: Call) -> Seen {
    seen(service.oneshot(request(url, call)).await).await
}

pub(super) async fn by_run(
    rules: &Authorizer,
    client: Client<Full<Bytes>>,
    url: Uri,
    call: Call,
) -> Seen {
    let sending = |request| client.clone().oneshot(request);
    seen(rules.run(request(url, call), sending).await).await
}

fn request(url: Uri, call: Call) -> Request<Full<Bytes>> {
    let mut request = Request::post(url).header(ACTION, call.action);
    if let Some(tenant) = call.tenant {
        request = request.extension(tenant);
    }
    request.body(Full::new(call.body)).unwrap()
}

async fn seen(outcome: Outcome) -> Seen {
    let response = match outcome {
        Ok(response) => response,
        Err(error) => {
            let saw = match &error {
                CallError::Inner(error) if error.is_connect() => Saw::NoConnection,
                _ => Saw::Lost,
            };
            return match error {
                CallError::Credential(error) => Seen::failed(&error, || saw),
                CallError::Inner(error) => Seen::failed(&error, || saw),
            };
        }
    };
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(_) => Seen {
            attempt: parts.extensions.get::<Attempt>().copied(),
            ..Seen::of(Saw::Status(parts.status.as_u16()))
        },
        Err(error) => Seen::failed(&error, || Saw::Broken),
    }
}
