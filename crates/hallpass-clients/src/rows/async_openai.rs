//! async-openai, which sends `Authorization: Bearer ` with every request, key or none.

use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    middleware::HttpRequestFactory,
    types::chat::{ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequestArgs},
};
use hallpass_core::BoxError;
use hallpass_reqwest::Bearer;
use serde_json::json;
use tower::service_fn;

use crate::stage::{Outcome, Stage};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    stage.server.api().route(
        "/chat/completions",
        json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}),
    );
    // Its own empty header wins, which is counted, and warned of once.
    let silent = client(stage, Bearer::new(stage.source()))?;
    if ask(&silent).await.is_ok() || stage.source().stats().withheld != 1 {
        return Err("a request without a credential went unnoticed".into());
    }
    stage.server.clear_journal();
    let source = stage.source();
    let bearer = Bearer::new(source).override_existing();
    let client = client(stage, bearer)?;
    let ask = async || ask(&client).await;
    stage.drive(&ask, &ask).await;
    Ok(())
}

fn client(stage: &Stage, bearer: Bearer) -> Result<Client<OpenAIConfig>, BoxError> {
    let inner = bearer.client_from(reqwest::Client::builder())?;
    let service = service_fn(move |factory: HttpRequestFactory| {
        let client = inner.clone();
        async move {
            let sent = client.execute(factory.build().await?).await;
            sent.map_err(|error| OpenAIError::Boxed(error.into()))
        }
    });
    let config = OpenAIConfig::new()
        .with_api_base(stage.url())
        .with_api_key("");
    let client = Client::with_config(config).with_http_service(service);
    Ok(client)
}

async fn ask(client: &Client<OpenAIConfig>) -> Result<(), OpenAIError> {
    let message = ChatCompletionRequestUserMessageArgs::default()
        .content("?")
        .build()?;
    let question = CreateChatCompletionRequestArgs::default()
        .model("m")
        .messages([message.into()])
        .build()?;
    client.chat().create(question).await?;
    Ok(())
}
