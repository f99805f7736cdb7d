//! kube, with a stack of one's own and with its own.

use hallpass_tower::BearerLayer;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Config,
    api::PostParams,
    client::{ClientBuilder, ConfigExt as _},
};
use tower::ServiceBuilder;

use crate::stage::{Outcome, Stage};

pub(crate) async fn client(stage: &Stage) -> Outcome {
    let (cluster, source) = (stage.url(), stage.source());
    let config = Config::new(cluster.parse()?);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(BearerLayer::new(source))
        .service(hallpass_hyper::client()?);
    let client = Client::new(service, "default");
    calls(stage, client).await
}

pub(crate) async fn builder(stage: &Stage) -> Outcome {
    let (cluster, source) = (stage.url(), stage.source());
    let config = Config::new(cluster.parse()?);
    let client = ClientBuilder::try_from(config)?
        .with_layer(&BearerLayer::new(source).keeping_type().at(cluster)?)
        .build();
    calls(stage, client).await
}

async fn calls(stage: &Stage, client: Client) -> Outcome {
    const MAP: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}"#;
    const MAPS: &str = "/api/v1/namespaces/default/configmaps";
    let map: ConfigMap = serde_json::from_str(MAP)?;
    let answer = serde_json::from_str::<serde_json::Value>(MAP)?;
    stage.server.api().route(MAPS, answer.clone());
    stage.server.api().route(&format!("{MAPS}/a"), answer);
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    stage
        .drive(
            async || maps.get("a").await.map(drop),
            async || maps.create(&PostParams::default(), &map).await.map(drop),
        )
        .await;
    Ok(())
}
