//! reqwest 0.12, which many clients still bring along.

use bytes::Bytes;
use hallpass_core::{Authorizer, BoxError};
use http::{Request, Response};
use reqwest_012::{Body, Client, redirect::Policy};

use crate::stage::{Outcome, Stage};

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let authorizer = Authorizer::new(stage.source());
    // It would carry the credential along when it follows a redirect.
    let client = Client::builder().redirect(Policy::none()).build()?;
    let send = async |request: Request<Bytes>| {
        let response = client.execute(request.try_into()?).await?;
        Ok::<_, reqwest_012::Error>(Response::<Body>::from(response))
    };
    let call = async |request: Request<Bytes>| {
        let response = authorizer.run(request, &send).await?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(BoxError::from(format!("status {status}"))),
        }
    };
    let url = stage.url();
    stage
        .drive(
            async || call(Request::get(&url).body(Bytes::new())?).await,
            async || call(Request::post(&url).body(Bytes::from_static(b"b"))?).await,
        )
        .await;
    Ok(())
}
