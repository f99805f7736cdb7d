//! Whether the issuer's metadata can be had, and names a token endpoint.

use hallpass::oauth2::Discovery;

use super::{exchange::Body, finding::Finding, recorder::Recorder};
use crate::{
    exit::{Exit, chain},
    progress,
    target::Target,
};

pub(super) async fn examine(target: &Target, issuer: &str) -> Finding {
    let transport = match target.transport() {
        Ok(transport) => transport,
        Err(failure) => return Finding::failed("discovery", failure.exit, failure.message),
    };
    let recorder = Recorder::new(transport);
    let discovery = Discovery::anywhere(issuer);
    let asked = discovery.metadata(&recorder);
    let error = match progress::while_waiting("waiting for the issuer's metadata", asked).await {
        Ok(metadata) => {
            let found = format!("tokens come from {}", metadata.token_endpoint());
            return Finding::ok("discovery", found);
        }
        Err(error) => error,
    };
    let message = chain(&error);
    let exit = if error.is_permanent() {
        Exit::Configuration
    } else {
        Exit::Unreachable
    };
    let failed = Finding::failed("discovery", exit, message.clone());
    if message.contains("is the metadata of the issuer") {
        return failed.because(
            "the issuer is not spelled as the server spells it, often by a slash at its end or another host",
            "write the issuer exactly as the metadata has it",
        );
    }
    if message.contains("names an endpoint on") {
        return failed.because(
            "the metadata sends clients to another origin, which might be a trap",
            "if it is right, name the token endpoint itself with --token-url",
        );
    }
    match recorder.last() {
        Some(last) if last.status.as_u16() == 404 => failed.because(
            "there is no metadata for this issuer",
            "check the issuer's path (realm, tenant), or name the token endpoint with --token-url",
        ),
        Some(last) if matches!(last.body, Body::Html) => failed.because(
            "a web page is where the metadata should be",
            "check the issuer, or name the token endpoint with --token-url",
        ),
        _ => failed.because(
            "the metadata can't be had or read",
            "name the token endpoint itself with --token-url",
        ),
    }
}
