//! A server made from a profile: every shipped one, asked by a client of the same profile.
#![cfg(feature = "oauth2")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use common::send;
use hallpass::{BearerLayer, Cached, Error, Profile};
use hallpass_testkit::{Malformed, Server};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _};

/// The profile with the values that its golden file gives its variables.
fn filled(name: &str) -> Profile {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../hallpass-oauth2/tests/golden"
    );
    let text = fs::read_to_string(format!("{golden}/{name}.http")).unwrap();
    let variables = text.split("--- request").next().unwrap().lines();
    let pairs = variables.map(|line| line.split_once(" = ").unwrap());
    pairs.fold(Profile::named(name).unwrap(), |profile, (name, value)| {
        profile.var(name, value)
    })
}

fn pointed(profile: Profile, server: &Server) -> Profile {
    profile
        .token_url(server.token_url())
        .origins([server.url()])
}

fn cached(profile: &Profile, secret: &str) -> Result<Cached, Error> {
    let source = profile.client("my-client", secret);
    Ok(Cached::new(source.build(hallpass::hyper::transport()?)?))
}

async fn served(profile: &Profile) -> Server {
    let server = Server::builder()
        .profile(profile)
        .client("my-client", "s3cret");
    server.start().await
}

async fn call(cached: &Cached, server: &Server) -> Result<(u16, Bytes), hallpass::BoxError> {
    let layer = BearerLayer::new(cached.clone()).looking_at_bodies();
    let client = layer.layer(hallpass::hyper::client()?);
    let request = Request::get(format!("{}/things", server.url())).body(Empty::<Bytes>::new())?;
    let response = client.oneshot(request).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

/// Tokens of this one are had twice an hour at most.
const RARE: &str = "toast";

#[tokio::test]
async fn every_shipped_profile_is_understood_from_both_sides() {
    for name in Profile::names() {
        let profile = filled(name);
        let server = served(&profile).await;
        server.api().route("GET /things", json!([1]));
        let profile = pointed(profile, &server);
        let cached = cached(&profile, "s3cret").unwrap_or_else(|error| panic!("{name}: {error}"));
        let outcome = call(&cached, &server).await;
        let (status, body) = outcome.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((status, &*body), (200, &b"[1]"[..]), "{name}");
        let credential = cached.get().await.unwrap();
        assert!(
            credential.lifetime() > Some(Duration::from_secs(60)),
            "{name}"
        );
        assert_eq!(server.journal().token_requests(), 1, "{name}");

        server.revoke_all();
        let (status, body) = call(&cached, &server).await.unwrap();
        if name == RARE {
            assert_eq!((status, server.journal().token_requests()), (401, 1));
            continue;
        }
        assert_eq!((status, &*body), (200, &b"[1]"[..]), "{name}");
        assert_eq!(server.journal().token_requests(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_refused_wherever_there_is_one() {
    for name in Profile::names() {
        let profile = filled(name);
        let server = served(&profile).await;
        let proves = fs::read_to_string(format!(
            "{}/../hallpass-oauth2/tests/golden/{name}.http",
            env!("CARGO_MANIFEST_DIR")
        ));
        // Encoded, it does not stand there to be read; none of these has it in the clear.
        let encoded = ["authorization: Basic", "authorization: basic"];
        let golden = proves.unwrap();
        let proves = golden.contains("s3cret") || encoded.iter().any(|one| golden.contains(one));
        let cached = cached(&pointed(profile, &server), "wrong").unwrap();
        let refused = cached.get().await.is_err();
        assert_eq!(refused, proves, "{name}");
    }
}

#[tokio::test]
async fn a_vendor_of_ones_own_answers_in_its_own_shape() {
    let profile = Profile::from_toml(
        r#"
        name = "odd"
        token_url = "https://{tenant}.odd.example/{tenant}/login"
        encoding = "json"
        client_auth = "custom"
        params = { grant_type = "", key = "{client_id}", auth = { secret = "{client_secret}", ttl = 3600 }, roles = ["a", "{role}"] }
        token_headers = { x-odd = "1" }
        success = { body = "code", is = 0 }
        refused = { body = "code", is = [17, 18] }
        token = "data.0.token"
        token_type_optional = true
        expiry = [{ at = "data.0.expires", unit = "m/d/y" }]
        capture = { region = "region.name" }
        header = "x-odd-token"
        header_value = "odd {token};v=1"
        rejected = { status = 419 }
        "#,
    )
    .unwrap();
    let server = Server::builder().profile(&profile).start().await;
    assert!(server.token_url().ends_with("/tenant/login"));
    let url = format!("{}/blue/login", server.url());
    let headers = [("content-type", "application/json"), ("x-odd", "1")];
    let ask = async |body: serde_json::Value| send("POST", &url, &headers, body.to_string()).await;
    let right = |secret: &str| json!({"key": "client", "auth": {"secret": secret, "ttl": 3600}, "roles": ["a", "b"]});

    let refused = ask(right("wrong")).await;
    assert_eq!((refused.status, &refused.json()["code"]), (200, &json!(17)));
    let mut misfit = right("secret");
    misfit["auth"]["ttl"] = json!(60);
    let misfit = ask(misfit).await;
    assert_eq!(misfit.status, 400);
    let said = misfit.json()["error_description"].clone();
    assert_eq!(said, "the parameter auth is not what the profile says");
    let untold = send("POST", &url, &headers[..1], right("secret").to_string()).await;
    assert_eq!(untold.status, 400);
    assert_eq!(send("GET", &url, &headers, "").await.status, 405);

    let issued = ask(right("secret")).await.json();
    assert_eq!(
        (&issued["code"], &issued["region"]["name"]),
        (&json!(0), &json!("a-region"))
    );
    assert!(
        issued["data"][0]["expires"]
            .as_str()
            .unwrap()
            .ends_with('M'),
        "{issued}"
    );
    assert_eq!(
        issued.get("access_token").or(issued.get("token_type")),
        None
    );
    let token = issued["data"][0]["token"].as_str().unwrap();
    let api = format!("{}/things", server.url());
    let own = format!("odd {token};v=1");
    assert_eq!(
        send("GET", &api, &[("x-odd-token", &own)], "").await.status,
        200
    );
    let bearer = format!("Bearer {token}");
    assert_eq!(
        send("GET", &api, &[("authorization", &bearer)], "")
            .await
            .status,
        419
    );

    // The faults speak its language, and what a test asks for by number comes by number.
    server.api().reject_next(1).fail_next(1, 401);
    assert_eq!(
        send("GET", &api, &[("x-odd-token", &own)], "").await.status,
        419
    );
    assert_eq!(
        send("GET", &api, &[("x-odd-token", &own)], "").await.status,
        401
    );
    server
        .token_endpoint()
        .malformed_next(1, Malformed::EmptyToken);
    assert_eq!(ask(right("secret")).await.json()["data"][0]["token"], "");
}

#[tokio::test]
async fn other_places_of_a_token() {
    for place in [
        "token = \"header:x-subject-token\"",
        "token = \"cookie:SESSION\"\nheader = \"cookie\"\nheader_value = \"SESSION={token}\"",
        "answer = \"text\"",
        "expiry = \"jwt\"",
    ] {
        let rest = "token_type_optional = true\ndefault_lifetime = 600\nclient_auth = \"post\"";
        let profile = format!("token_url = \"https://a.example\"\n{rest}\n{place}");
        let profile = Profile::from_toml(&profile).unwrap();
        let server = served(&profile).await;
        assert!(server.token_url().ends_with("/token"));
        let cached = cached(&pointed(profile, &server), "s3cret").unwrap();
        assert_eq!(call(&cached, &server).await.unwrap().0, 200, "{place}");
        let life = cached.get().await.unwrap().lifetime().unwrap();
        let life = life.as_secs_f64().ceil();
        assert!((599.0..=600.0).contains(&life), "{place}: {life}");
    }
}
