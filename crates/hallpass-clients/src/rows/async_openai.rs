//! async-openai, which sends `Authorization: Bearer ` with every request, key or none.

use async_openai::{
    Client, config::OpenAIConfig, error::OpenAIError, middleware::HttpRequestFactory,
};
use hallpass_core::BoxError;
use hallpass_reqwest::Bearer;
use serde_json::json;
use tower::service_fn;

use crate::stage::{Outcome, Stage};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let model = json!({"id": "m", "object": "model", "created": 1, "owned_by": "a"});
    stage.server.api().route("/models/m", model);
    stage.server.api().route(
        "/chat/completions",
        json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}),
    );
    let bearer = Bearer::new(stage.source()).override_existing();
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
    let question = || -> Result<_, OpenAIError> {
        use async_openai::types::chat::{
            ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequestArgs,
        };
        let message = ChatCompletionRequestUserMessageArgs::default()
            .content("?")
            .build()?;
        CreateChatCompletionRequestArgs::default()
            .model("m")
            .messages([message.into()])
            .build()
    };
    let ask = async || {
        client.chat().create(question()?).await?;
        Ok::<_, BoxError>(())
    };
    stage.drive(&ask, &ask).await;
    Ok(())
}
