//! Clients that others have generated.

use crate::common::{Issuer, Server, tokens};
use hallpass_core::Cached;
use hallpass_tonic::bearer;
use tokio_stream::{self as stream, StreamExt as _};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

#[tokio::test]
async fn health_and_reflection_work_unchanged() {
    let server = Server::start().await;
    let cached = Cached::new(Issuer::new());
    let channel = bearer(server.endpoint(), cached);
    let whole = HealthCheckRequest {
        service: String::new(),
    };

    let mut health = HealthClient::new(channel.clone());
    assert_eq!(
        health
            .check(whole.clone())
            .await
            .unwrap()
            .into_inner()
            .status,
        1
    );
    server.gate.revoke();
    let mut watch = health.watch(whole).await.unwrap().into_inner();
    assert_eq!(watch.next().await.unwrap().unwrap().status, 1);

    server.gate.revoke();
    let mut reflection = ServerReflectionClient::new(channel);
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection
        .server_reflection_info(stream::iter([list]))
        .await
        .unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    assert_eq!(answers.len(), 1);
    let carried = ["token-1", "token-1", "token-2", "token-2", "token-3"];
    assert_eq!(server.gate.bearers(), tokens(carried));
}
