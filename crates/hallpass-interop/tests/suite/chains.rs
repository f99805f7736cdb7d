//! Credentials of one server as the material of another request: three real hops at Authlib.

use hallpass::{
    Cached, ClientCredentials, Error,
    oauth2::{Composed, JwtBearer, TokenExchange, token_type},
};

use crate::{
    harness::{Held, Server},
    kinds::AUTHLIB,
    kit::{BASIC, POST, about, api, get, refusal, transport, url},
};

/// An access token, exchanged for an assertion that is no token for an API, which brings the token
/// that is.
fn chain(server: &Server) -> Result<Composed, Error> {
    let token_url = url(server, AUTHLIB.token);
    let own = ClientCredentials::at(&token_url)
        .basic(BASIC.0, BASIC.1)
        .scope("read")
        .build(transport())?;
    let assertion = Composed::new(own, |token| {
        TokenExchange::at(&token_url)
            .basic(POST.0, POST.1)
            .subject_token(token, token_type::ACCESS_TOKEN)
            .requested_token_type(token_type::JWT)
            .audience(&token_url)
            .profile(|profile| profile.token_types = vec!["N_A".to_owned()])
            .build(transport())
    })?;
    Composed::new(assertion, |assertion| {
        JwtBearer::at(&token_url)
            .assertion(assertion)
            .scope("read")
            .capture("assertion", "assertion_id")
            .build(transport())
    })
}

/// Calls the API, ends the token, and calls again. Returns which assertion brought which token.
async fn healed(server: &Held) -> [String; 2] {
    let cached = Cached::new(chain(server).unwrap());
    let api = api(&cached);
    let resource = url(server, AUTHLIB.resource);
    let mut assertions = [String::new(), String::new()];
    for (at, assertion) in assertions.iter_mut().enumerate() {
        let answer = get(&api, &resource).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.attempt.replayed, at == 1, "{answer:?}");
        let credential = cached.get().await.unwrap();
        credential.field("assertion").unwrap().clone_into(assertion);
        about(server, AUTHLIB.revocation, &credential).await;
    }
    assertions
}

#[tokio::test]
async fn authlib_exchanges_a_token_and_takes_the_assertion() {
    let server = AUTHLIB.running();
    let [first, second] = healed(&server).await;
    assert_eq!(first, second, "one assertion serves until it ends");
}

#[tokio::test]
async fn authlib_takes_each_assertion_once() {
    let server = Held::from(AUTHLIB.start(&[("SINGLE_USE", "1")]));
    let [first, second] = healed(&server).await;
    assert_ne!(first, second, "a refused assertion is asked for anew");
}

#[tokio::test]
async fn authlib_refuses_a_subject_whose_token_is_none() {
    let server = AUTHLIB.running();
    let token_url = url(&server, AUTHLIB.token);
    let exchange = TokenExchange::at(&token_url)
        .basic(POST.0, POST.1)
        .subject_token("hunter2-hunter2", token_type::ACCESS_TOKEN)
        .requested_token_type(token_type::JWT)
        .audience(&token_url);
    let error = refusal(exchange).await;
    assert!(error.is_permanent());
    assert_eq!(error.code(), Some("invalid_grant"));
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}
