//! The clients.

mod async_openai;
mod axum;
mod elasticsearch;
mod etcd;
mod graphql;
mod jsonrpsee;
mod kube;
mod meilisearch;
mod object_store;
mod octocrab;
mod opendal;
mod otlp;
mod reqwest_012;
mod rmcp;
mod streams;

use crate::stage::Row;

macro_rules! rows {
    ($($client:literal, $how:literal => $run:path;)*) => {
        vec![$(Row { client: $client, how: $how, run: |stage| Box::pin($run(stage)) }),*]
    };
}

pub(crate) fn all() -> Vec<Row> {
    rows! {
        "kube 5.0.0", "`Client::new`" => kube::client;
        "kube 5.0.0 builder", "`ClientBuilder::with_layer`, `keeping_type()`" => kube::builder;
        "octocrab 0.54.9", "`with_layer`, `keeping_type()`, its retry and cache" => octocrab::run;
        "jsonrpsee 0.26.1", "HTTP middleware, `keeping_type_with(HttpBody::new)`" => jsonrpsee::run;
        "etcd-client 0.21.1", "`raw-channel`, `boxed()`; the last call is a watch" => etcd::run;
        "opentelemetry-otlp 0.33.1 gRPC", "`into_channel()`, its batch thread" => otlp::grpc;
        "opentelemetry-otlp 0.33.1 HTTP", "`Authorizer::run`, its batch thread" => otlp::http;
        "object_store 0.14.2", "`Authorizer::run`" => object_store::run;
        "opendal 0.59.5", "`Authorizer::run`" => opendal::run;
        "meilisearch-sdk 0.33.0", "`Authorizer::run`" => meilisearch::run;
        "elasticsearch 9.1.0-alpha.1", "`Authorizer::run` around `Transport::send`" => elasticsearch::run;
        "graphql_client 0.16.0", "hallpass-reqwest" => graphql::run;
        "async-openai 0.43.0", "`with_http_service`, `override_existing()`" => async_openai::run;
        "rmcp 3.11.0", "hallpass-rmcp" => rmcp::run;
        "axum 0.8.9 as a reverse proxy", "`BearerLayer`" => axum::run;
        "reqwest 0.12.28", "`Authorizer::run`" => reqwest_012::run;
        "reqwest 0.13.5, streamed bodies", "hallpass-reqwest" => streams::run;
    }
}
