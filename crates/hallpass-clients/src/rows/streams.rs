//! reqwest with bodies that stream, as meilisearch-sdk sends each of its own.

use std::convert::Infallible;

use futures_util::stream;
use hallpass_core::BoxError;
use reqwest::Body;

use crate::stage::{Outcome, Stage};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let client = hallpass_reqwest::client(stage.source())?;
    let url = stage.url();
    let write = async || {
        let parts = [Ok::<_, Infallible>("in "), Ok("parts")];
        let body = Body::wrap_stream(stream::iter(parts));
        client
            .post(&url)
            .body(body)
            .send()
            .await?
            .error_for_status()?;
        Ok::<_, BoxError>(())
    };
    let read = async || {
        client.get(&url).send().await?.error_for_status()?;
        Ok::<_, BoxError>(())
    };
    stage.drive(read, write).await;
    Ok(())
}
