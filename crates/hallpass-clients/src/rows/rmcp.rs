//! rmcp, over a tower service.

use hallpass_core::BoxError;
use hallpass_rmcp::McpClient;
use hallpass_tower::BearerLayer;
use rmcp::{
    ServiceExt as _,
    model::CallToolRequestParams,
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use tower::Layer as _;

use crate::{
    front::{front, json},
    stage::{Outcome, Stage},
};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let url = front(&stage.server, |head, body| {
        if head.method != http::Method::POST {
            return json(405, "");
        }
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let result = match request["method"].as_str() {
            Some("initialize") => json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "a", "version": "1"}}),
            Some("tools/list") => json!({"tools": []}),
            Some("tools/call") => json!({"content": [{"type": "text", "text": "done"}]}),
            _ if request["id"].is_null() => return json(202, ""),
            _ => {
                let error = json!({"code": -32601, "message": "no such method"});
                let answer = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
                return json(200, &answer.to_string());
            }
        };
        let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
        json(200, &answer.to_string())
    })
    .await?;
    let source = stage.source();
    let client = BearerLayer::new(source)
        .boxed()
        .layer(hallpass_hyper::client()?);
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    let transport = StreamableHttpClientTransport::with_client(McpClient::new(client), config);
    let session = ().serve(transport).await?;
    stage
        .drive(
            async || session.list_tools(None).await.map(drop),
            async || {
                session
                    .call_tool(CallToolRequestParams::new("a"))
                    .await
                    .map(drop)
            },
        )
        .await;
    session.cancel().await.map_err(BoxError::from)?;
    Ok(())
}
