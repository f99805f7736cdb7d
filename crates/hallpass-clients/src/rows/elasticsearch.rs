//! elasticsearch, whose transport takes headers with each call and sends with a reqwest 0.12 of its
//! own.

use elasticsearch::{
    Elasticsearch,
    http::{Method, request::JsonBody, response::Response as Answer, transport::Transport},
};
use hallpass_core::{Authorizer, BoxError};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::{
    front::{front, json},
    stage::{Outcome, Stage},
};

struct Bearer {
    authorizer: Authorizer,
    client: Elasticsearch,
    url: String,
}

impl Bearer {
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, BoxError> {
        let request = Request::post(format!("{}{path}", self.url)).body(body)?;
        let transport = self.client.transport();
        let send = async |request: Request<Option<&Value>>| {
            let (head, body) = request.into_parts();
            let body = body.map(JsonBody::new);
            let answer = transport
                .send(method, path, head.headers, None::<&()>, body, None)
                .await?;
            let mut response = Response::builder().status(answer.status_code());
            response
                .headers_mut()
                .map(|headers| *headers = answer.headers().clone());
            Ok::<_, BoxError>(response.body(answer)?)
        };
        let response = self.authorizer.run(request, send).await;
        Ok(response
            .map_err(hallpass_tower::Error::into_boxed)?
            .into_body())
    }
}

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let url = front(&stage.server, |_, _| {
        let mut answer = json(200, r#"{"result":"created"}"#);
        let product = http::HeaderValue::from_static("Elasticsearch");
        answer.headers_mut().insert("x-elastic-product", product);
        answer
    })
    .await?;
    let bearer = Bearer {
        authorizer: Authorizer::new(stage.source()),
        client: Elasticsearch::new(Transport::single_node(&url)?),
        url,
    };
    let document = json!({"name": "a"});
    let call = async |method, path, body| {
        let answer = bearer.send(method, path, body).await?;
        answer.error_for_status_code()?;
        Ok::<_, BoxError>(())
    };
    stage
        .drive(
            async || call(Method::Get, "/index/_doc/1", None).await,
            async || call(Method::Post, "/index/_doc", Some(&document)).await,
        )
        .await;
    Ok(())
}
