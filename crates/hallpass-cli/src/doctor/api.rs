//! Whether the API takes the token.

use bytes::Bytes;
use hallpass::{Challenges, Credential, Origin};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use tower::ServiceExt as _;

use super::finding::Finding;
use crate::{
    exit::{Exit, chain},
    target::Target,
};

const STEP: &str = "api";

/// How long the head of the answer may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

pub(super) async fn examine(target: &Target, url: &Uri, credential: &Credential) -> Finding {
    let origin = match Origin::of(url) {
        Ok(origin) => origin,
        Err(error) => return Finding::failed(STEP, Exit::Configuration, error.to_string()),
    };
    let source = target
        .transport()
        .and_then(|transport| target.source(transport));
    let bound = source.map(|source| hallpass::CredentialSource::description(&source).origins);
    if let Ok(Some(origins)) = bound
        && !origins.contains(&origin)
    {
        let message = format!("the token is not for {origin}, and would not go there");
        return Finding::failed(STEP, Exit::Configuration, message).because(
            "the profile or the settings name other origins",
            format!("if it should, say --origin {origin}"),
        );
    }
    if !origin.is_secure() && !origin.is_loopback() && !target.config.dangerously_allow_http {
        let message = format!("{origin} would carry the token in the clear");
        return Finding::failed(STEP, Exit::Configuration, message)
            .because("the URL says http", "write https");
    }
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = url.clone();
    if let Err(error) = credential.attach(&Method::GET, url, request.headers_mut()) {
        return Finding::failed(STEP, Exit::Other, chain(&error));
    }
    let client = target
        .api()
        .map(|builder| builder.request_timeout(LIMIT).client());
    let client = match client {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return Finding::failed(STEP, Exit::Configuration, chain(&error)),
        Err(failure) => return Finding::failed(STEP, failure.exit, failure.message),
    };
    match client.oneshot(request).await {
        Ok(response) => of_answer(target, &origin, response.status(), response.headers()),
        Err(error) => {
            let failed = Finding::failed(STEP, Exit::Unreachable, chain(&error));
            let host = url.host().unwrap_or_default();
            match super::tls::explain(&error, host) {
                Some((cause, fix)) => failed.because(cause, fix),
                None => failed.because(
                    "the API can't be reached, or ends the connection",
                    "check the URL, and whether a proxy is needed (--api-proxy)",
                ),
            }
        }
    }
}

fn of_answer(target: &Target, origin: &Origin, status: StatusCode, headers: &HeaderMap) -> Finding {
    let challenges = Challenges::of(headers);
    let param = |name: &str| challenges.iter().find_map(|one| one.param(name));
    let code = param("error").map(str::to_owned);
    let says = match (&code, param("error_description")) {
        (Some(code), Some(text)) => format!(": {code}, {text}"),
        (Some(code), None) => format!(": {code}"),
        (None, Some(text)) => format!(": {text}"),
        (None, None) => String::new(),
    };
    let failed = Finding::failed(STEP, Exit::Api, format!("{origin} answered {status}{says}"));
    match status.as_u16() {
        401 if challenges.iter().any(|one| one.scheme().eq_ignore_ascii_case("dpop"))
            && !target.config.dpop => failed.because(
            "the API wants tokens that are bound to a key (DPoP)",
            "say --dpop or dpop = true",
        ),
        401 if code.as_deref() == Some("insufficient_user_authentication") => failed.because(
            "the API wants somebody to sign in in a stronger way",
            "a client alone can't do this; see the API's documentation",
        ),
        401 => failed.because(
            "a fresh token is refused: it is for another API (audience, resource), from another issuer or environment, or its header is another one",
            "compare audience, issuer and environment of both ends: --decode shows the token's; check header and header_value of the profile",
        ),
        403 if code.as_deref() == Some("insufficient_scope") => failed.because(
            format!(
                "the token's scope does not reach{}",
                param("scope").map_or_else(String::new, |scope| format!("; the API wants \"{scope}\""))
            ),
            "ask for that scope, and have it granted to the client",
        ),
        403 => failed.because(
            "the token is accepted, and the client may not do this",
            "have the right granted to the client, or ask for another scope",
        ),
        300..=399 => Finding::warning(STEP, format!("{origin} answered {status}")).because(
            "the API sends elsewhere; some do so instead of a 401",
            "check the path of the URL",
        ),
        404 | 405 | 410 => Finding::warning(STEP, format!("{origin} answered {status}")).because(
            "nothing at this URL takes a GET, which many APIs say before they look at a token",
            "name a URL that can be read, such as a list",
        ),
        500.. => failed.because(
            "the API is in trouble, which says nothing of the token",
            "try again later",
        ),
        _ => Finding::ok(STEP, format!("{origin} answered {status}: the token is accepted")),
    }
}
