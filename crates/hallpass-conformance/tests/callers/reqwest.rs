//! The middleware for reqwest.

use hallpass_core::{Attempt, Authorizer};
use hallpass_reqwest::{Bearer, ReqwestTransport};
use http::Uri;
use reqwest_middleware::ClientWithMiddleware;

use super::{ACTION, Call, Saw, Seen, Trust};

pub(super) fn transport(trust: &Trust) -> ReqwestTransport {
    ReqwestTransport::direct(trust.reqwest()).unwrap()
}

pub(super) fn client(rules: Authorizer, trust: &Trust) -> ClientWithMiddleware {
    Bearer::with(rules).client_from(trust.reqwest()).unwrap()
}

pub(super) async fn send(client: &ClientWithMiddleware, url: &Uri, call: Call) -> Seen {
    let mut request = client
        .post(url.to_string())
        .header(ACTION, call.action)
        .body(call.body);
    if let Some(tenant) = call.tenant {
        request = request.with_extension(tenant);
    }
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => {
            let unconnected = match &error {
                reqwest_middleware::Error::Reqwest(error) => error.is_connect(),
                reqwest_middleware::Error::Middleware(_) => false,
            };
            let saw = if unconnected {
                Saw::NoConnection
            } else {
                Saw::Lost
            };
            return Seen::failed(&error, || saw);
        }
    };
    let status = response.status().as_u16();
    let attempt = response.extensions().get::<Attempt>().copied();
    match response.bytes().await {
        Ok(_) => Seen {
            attempt,
            ..Seen::of(Saw::Status(status))
        },
        Err(error) => Seen::failed(&error, || Saw::Broken),
    }
}
