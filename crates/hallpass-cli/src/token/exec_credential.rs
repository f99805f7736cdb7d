//! `--exec-credential`: what kubectl and its kin want from a program that brings tokens.

use std::env;

use hallpass::Credential;
use serde::Serialize;
use serde_json::Value;

use super::life::Life;
use crate::exit::Failure;

const V1: &str = "client.authentication.k8s.io/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecCredential<'a> {
    api_version: String,
    kind: &'static str,
    status: Status<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_timestamp: Option<String>,
}

pub(super) fn of<'a>(
    credential: &'a Credential,
    life: &Life,
) -> Result<ExecCredential<'a>, Failure> {
    let token = credential.token().ok_or_else(|| {
        Failure::configuration("--exec-credential: this credential is no bearer token")
    })?;
    Ok(ExecCredential {
        api_version: wanted_version(),
        kind: "ExecCredential",
        status: Status {
            token,
            expiration_timestamp: life.end_as_text(),
        },
    })
}

/// The version that kubectl asks for, which has to be the one of the answer.
fn wanted_version() -> String {
    let info = env::var("KUBERNETES_EXEC_INFO").unwrap_or_default();
    let info: Value = serde_json::from_str(&info).unwrap_or_default();
    match info["apiVersion"].as_str() {
        Some(version) if version.starts_with("client.authentication.k8s.io/") => version.to_owned(),
        _ => V1.to_owned(),
    }
}
