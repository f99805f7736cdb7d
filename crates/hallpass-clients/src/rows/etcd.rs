//! etcd-client over a channel of one's own, with a watch, which streams in both directions.

use etcd_client::{Channel, Client};
use hallpass_core::BoxError;
use tonic::transport::Endpoint;

use crate::{
    grpc::grpc,
    stage::{Outcome, Stage},
};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let url = grpc(&stage.server, answers).await?;
    let (endpoint, source) = (Endpoint::from_shared(url)?, stage.source());
    let channel = hallpass_tonic::bearer(endpoint, source)
        .replay_client_streams()
        .boxed();
    let client = Client::from_channel(Channel::Custom(channel), None).await?;
    stage
        .drive(
            async || client.kv_client().get("key", None).await.map(drop),
            async || client.kv_client().put("key", "value", None).await.map(drop),
        )
        .await;
    stage.revoke();
    stage.call("watch, revoked", watch(&client)).await;
    Ok(())
}

/// Two events, each of which answers a message that the client sends on the open stream.
async fn watch(client: &Client) -> Result<(), BoxError> {
    let mut stream = client.watch_client().watch("key", None).await?;
    for _ in 0..2 {
        stream.request_progress().await?;
        let message = loop {
            let message = stream.message().await?.ok_or("the watch has ended")?;
            if !message.events().is_empty() {
                break message;
            }
        };
        let kv = message.events()[0].kv().ok_or("an event about nothing")?;
        if (kv.key(), kv.value()) != (&b"key"[..], &b"value"[..]) {
            return Err("another event".into());
        }
    }
    Ok(())
}

/// Nothing is in an empty message of protobuf; a watch is created, and has an event for each message
/// after that.
fn answers(path: &str, message: &[u8]) -> Vec<Vec<u8>> {
    /// `create_request`, field 1 of `WatchRequest`.
    const CREATE: u8 = 1 << 3 | 2;
    /// `created`, field 3 of `WatchResponse`.
    const CREATED: [u8; 2] = [3 << 3, 1];
    /// `events`, field 11: a `PUT` of `key` = `value`.
    const EVENT: [u8; 16] = *b"\x5a\x0e\x12\x0c\x0a\x03key\x2a\x05value";
    match (path, message.first()) {
        ("/etcdserverpb.Watch/Watch", Some(&CREATE)) => vec![CREATED.to_vec()],
        ("/etcdserverpb.Watch/Watch", _) => vec![EVENT.to_vec()],
        _ => vec![Vec::new()],
    }
}
