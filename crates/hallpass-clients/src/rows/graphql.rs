//! `graphql_client`, which makes the body and reads the answer.

use graphql_client::{GraphQLQuery, QueryBody, Response};
use hallpass_core::BoxError;
use serde::{Deserialize, Serialize};

use crate::stage::{Outcome, Stage};

/// What its derive macro writes for a query.
struct Viewer;

#[derive(Serialize)]
struct Variables {
    login: &'static str,
}

#[derive(Deserialize)]
struct Data {
    login: String,
}

impl GraphQLQuery for Viewer {
    type Variables = Variables;
    type ResponseData = Data;

    fn build_query(variables: Variables) -> QueryBody<Variables> {
        QueryBody {
            variables,
            query: "query Viewer($login: String!) { login }",
            operation_name: "Viewer",
        }
    }
}

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let answer = serde_json::json!({"data": {"login": "a"}});
    stage.server.api().route("/graphql", answer);
    let url = format!("{}/graphql", stage.url());
    let source = stage.source();
    let client = hallpass_reqwest::client(source)?;
    let query = async || {
        let variables = Variables { login: "a" };
        let request = client.post(&url).json(&Viewer::build_query(variables));
        let answer: Response<Data> = request.send().await?.json().await?;
        answer
            .data
            .filter(|data| data.login == "a")
            .ok_or("no data")?;
        Ok::<_, BoxError>(())
    };
    stage.drive(&query, &query).await;
    Ok(())
}
