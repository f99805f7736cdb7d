//! Nothing that a server says to a request for its resource decides where a secret goes, or what is
//! asked for.

use std::convert::Infallible;

use hallpass_core::{Authorizer, Cached, Challenges, CredentialSource, Error};
use hallpass_oauth2::{ClientCredentials, Discovery, Protected, ProtectedSource, RefreshToken};
use http::{Request, Response, header::WWW_AUTHENTICATE};

use crate::common::{Script, Step, URL, jws::param, token};

const EVIL: [&str; 6] = [
    r#"Bearer realm="https://evil.example/token", service="registry", scope="admin""#,
    r#"Bearer authorization_uri="https://evil.example/authorize", resource="https://evil.example", scope="admin", error="invalid_token""#,
    r#"Bearer token_endpoint="https://evil.example/token", issuer="https://evil.example", scope="admin""#,
    r#"Bearer resource_metadata="https://evil.example/metadata", scope="admin""#,
    r#"Basic realm="https://evil.example/token", charset="UTF-8", scope="admin""#,
    r#"Bearer error="invalid_token", error_uri="https://evil.example/token", as_uri="https://evil.example/token", scope="admin", Bearer realm="file:///etc/passwd""#,
];

/// Threats 14, 15, 18 and 20: endpoint, scope and resource are what was configured, and no file is
/// opened, whatever a refusal names.
#[tokio::test(start_paused = true)]
async fn a_challenge_is_never_an_endpoint() {
    for challenge in EVIL {
        for request in [
            ClientCredentials::at(URL)
                .basic("id", "s3cret")
                .scope("read")
                .resource("https://api.example.com"),
            ClientCredentials::at(URL)
                .post("id", "s3cret")
                .scope("read")
                .resource("https://api.example.com"),
            RefreshToken::at(URL)
                .refresh_token("r")
                .basic("id", "s3cret")
                .scope("read")
                .resource("https://api.example.com"),
        ] {
            let script = Script::of([token("first"), token("second")]);
            let authorizer = Authorizer::new(Cached::new(request.build(script.clone()).unwrap()));
            let mut sent = Vec::new();
            let sending = |request: Request<()>| {
                sent.push(request.uri().to_string());
                let answer = Response::builder();
                let answer = match sent.len() {
                    1 => answer.status(401).header(WWW_AUTHENTICATE, challenge),
                    _ => answer.status(200),
                };
                std::future::ready(Ok::<_, Infallible>(answer.body(()).unwrap()))
            };
            let request = Request::get("https://api.example.com/v2/")
                .body(())
                .unwrap();
            let response = authorizer.run(request, sending).await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(sent, ["https://api.example.com/v2/"; 2], "{challenge}");
            let seen = script.seen();
            assert_eq!(seen.len(), 2);
            for seen in seen {
                assert_eq!(seen.uri, URL, "{challenge}");
                assert_eq!(param(&seen.body, "scope").as_deref(), Some("read"));
                assert_eq!(
                    param(&seen.body, "resource").as_deref(),
                    Some("https://api.example.com")
                );
                assert!(
                    !seen.body.contains("evil") && !format!("{:?}", seen.headers).contains("evil")
                );
            }
        }
    }
}

/// What a source that has brought one token is asked for after a refusal with this challenge.
async fn refuse(source: impl CredentialSource, challenge: &str) {
    let cached = Cached::new(source);
    let first = cached.get().await.unwrap();
    let challenges: Challenges = challenge.parse().unwrap();
    tokio::time::advance(hallpass_oauth2::REREAD_AFTER).await;
    cached.reject(&first, &challenges);
    let _ = cached.get_within(std::time::Duration::ZERO).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
}

const RESOURCE: &str = "https://rs.example/mcp";
const ISSUER: &str = "https://as.example";

fn answers() -> [Step; 3] {
    [
        Step::ok(format!(
            r#"{{"resource":"{RESOURCE}","authorization_servers":["{ISSUER}"]}}"#
        )),
        Step::ok(format!(
            r#"{{"issuer":"{ISSUER}","token_endpoint":"{ISSUER}/token"}}"#
        )),
        token("first"),
    ]
}

fn protected(script: &Script) -> Result<ProtectedSource, Error> {
    Protected::resource(RESOURCE)
        .client_for(ISSUER, |found| found.client_secret("id", "s3cret"))
        .source(script.clone())
}

/// Threats 15 to 17: a source that does look for metadata asks the resource's own origin and the
/// configured issuer, and nobody else.
#[tokio::test(start_paused = true)]
async fn nor_for_a_source_that_looks_for_its_server() {
    for challenge in EVIL {
        let script = Script::of(answers());
        script.then([token("second")]);
        refuse(protected(&script).unwrap(), challenge).await;
        let seen = script.seen();
        assert!(seen.len() >= 3, "{challenge}");
        for seen in seen {
            let hosts = ["https://rs.example/", "https://as.example/"];
            let ours = hosts.iter().any(|host| seen.uri.starts_with(host));
            assert!(ours, "{challenge}: {}", seen.uri);
        }

        let script = Script::of(answers().into_iter().skip(1));
        script.then([token("second")]);
        let source = Discovery::of(ISSUER).source(script.clone(), |found| {
            ClientCredentials::at(found.token_endpoint()).basic("id", "s3cret")
        });
        refuse(source.unwrap(), challenge).await;
        let seen = script.seen();
        assert_eq!(seen.len(), 3, "{challenge}");
        for seen in seen {
            assert!(
                seen.uri.starts_with("https://as.example/"),
                "{challenge}: {}",
                seen.uri
            );
        }
    }
}
