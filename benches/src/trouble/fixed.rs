//! The control: a token that no trouble concerns. Whatever it loses, the bench itself lost.

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::Layer as _;
use tower_http::auth::AddAuthorizationLayer;

use super::{
    contender::{Contender, tower},
    stage::FIXED,
};

pub(super) const NAME: &str = "control";

pub(super) fn contender() -> Contender {
    Contender::new(NAME, |_| async {
        let client: Client<HttpConnector, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).build_http();
        Ok(tower(AddAuthorizationLayer::bearer(FIXED).layer(client)))
    })
}
