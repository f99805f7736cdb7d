//! Finding the authorization server through the resource, and not trusting it further than needed.

use std::time::Duration;

use hallpass_core::{Cached, CredentialSource as _, Fetch};
use hallpass_oauth2::{
    ClientCredentials, Condition, METADATA_LIFETIME, Protected, REREAD_AFTER, TokenRequest,
};
use http::{HeaderMap, StatusCode};

use crate::common::{
    Script, Step, TOKEN,
    protected::{
        ISSUER, OAUTH, RESOURCE, ROOT, WITH_PATH, document, fails, metadata, protected, right,
        source, uris,
    },
};

#[tokio::test]
async fn the_resource_leads_to_the_token() {
    let script = Script::of(right());
    let source = source(&script);
    assert_eq!(
        source.fetch(&Fetch::first()).await.unwrap().token(),
        Some("t0ken")
    );
    let seen = script.seen();
    assert_eq!(uris(&seen), [WITH_PATH, OAUTH, "https://as.example/token"]);
    let body = &seen[2].body;
    assert!(
        body.contains("resource=https%3A%2F%2Frs.example%2Fmcp"),
        "{body}"
    );
    assert!(
        body.contains("scope=a+b") || body.contains("scope=a%20b"),
        "{body}"
    );
    assert!(
        body.contains("client_secret=s3cret"),
        "as the server takes it: {body}"
    );
    // Known now, and the credential is for the resource's origin alone.
    script.then([Step::ok(TOKEN)]);
    source.fetch(&Fetch::first()).await.unwrap();
    assert_eq!(uris(&script.seen()), ["https://as.example/token"]);
    let origins = source.description().origins.unwrap();
    assert_eq!(
        origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["https://rs.example"]
    );
}

#[tokio::test]
async fn places_are_tried_in_their_order() {
    let script = Script::of([
        Step::status(404, ""),
        document(RESOURCE, ISSUER),
        Step::status(404, ""),
        Step::status(404, ""),
        metadata(ISSUER, "https://as.example/token"),
        Step::ok(TOKEN),
    ]);
    source(&script).fetch(&Fetch::first()).await.unwrap();
    assert_eq!(
        uris(&script.seen()),
        [
            WITH_PATH,
            ROOT,
            OAUTH,
            "https://as.example/.well-known/openid-configuration/t1",
            "https://as.example/t1/.well-known/openid-configuration",
            "https://as.example/token",
        ]
    );

    // Anything but 404 ends the search.
    let (error, asked) = fails(protected(), [Step::status(503, "")]).await;
    assert!(error.is_transient());
    assert_eq!(asked, [WITH_PATH]);
    let steps = [document(RESOURCE, ISSUER), Step::status(500, "")];
    let (error, asked) = fails(protected(), steps).await;
    assert!(error.is_transient());
    assert_eq!(asked, [WITH_PATH, OAUTH]);
}

#[tokio::test]
async fn a_resource_without_metadata_is_asked_where_it_lies() {
    let named = |url: &str| {
        let challenge = format!("Bearer resource_metadata=\"{url}\", scope=\"c\"");
        Step::status(401, "").with("www-authenticate", &challenge)
    };
    let missing = || [Step::status(404, ""), Step::status(404, "")];
    let script = Script::of(missing());
    script.then([named("https://rs.example/custom/metadata")]);
    script.then(right());
    source(&script).fetch(&Fetch::first()).await.unwrap();
    let seen = script.seen();
    let asked = uris(&seen);
    assert_eq!(
        asked[2..4],
        [RESOURCE, "https://rs.example/custom/metadata"]
    );
    assert!(seen[2].header("authorization").is_none());
    assert!(seen[5].body.contains("scope=c"), "{}", seen[5].body);
    assert_eq!(
        (seen[2].method.as_str(), seen[2].body.as_str()),
        ("GET", "")
    );

    let script = Script::of(missing());
    script.then([named("https://rs.example/custom/metadata")]);
    script.then(right());
    let mcp =
        Protected::mcp(RESOURCE).client_for(ISSUER, |found| found.client_secret("id", "s3cret"));
    let source = mcp.source(script.clone()).unwrap();
    source.fetch(&Fetch::first()).await.unwrap();
    let probe = &script.seen()[2];
    assert_eq!(
        (probe.method.as_str(), probe.uri.as_str()),
        ("POST", RESOURCE)
    );
    assert!(probe.body.contains("\"ping\"") && probe.header("authorization").is_none());

    for elsewhere in [
        "http://169.254.169.254/x",
        "https://rs.example@evil.example/x",
        "https://evil.example/x",
        "http://rs.example/x",
        "https://rs.example:8443/x",
        "nonsense",
    ] {
        let steps = missing().into_iter().chain([named(elsewhere)]);
        let (error, asked) = fails(protected(), steps).await;
        assert!(error.is_permanent());
        assert!(error.to_string().contains("not at its origin"), "{error}");
        assert_eq!(asked, [WITH_PATH, ROOT, RESOURCE], "{elsewhere}");
    }
    let steps = missing().into_iter().chain([Step::status(401, "")]);
    let (error, _) = fails(protected(), steps).await;
    assert!(
        error.is_permanent() && error.to_string().contains("no metadata"),
        "{error}"
    );
}

#[tokio::test]
async fn only_configured_issuers_are_asked() {
    for other in [
        "https://unknown-as.example",
        "https://as.example/t1/",
        "https://as.example",
    ] {
        let (error, asked) = fails(protected(), [document(RESOURCE, other)]).await;
        assert!(error.is_permanent());
        let expected = format!("add client_for(\"{other}\", …)");
        assert!(error.to_string().contains(&expected), "{error}");
        assert_eq!(asked, [WITH_PATH]);
    }
    // The first of those that are.
    let two = r#"{"resource":"https://rs.example/mcp","authorization_servers":["https://other.example","https://as.example/t1"]}"#;
    let script = Script::of(
        [Step::ok(two)]
            .into_iter()
            .chain(right().into_iter().skip(1)),
    );
    source(&script).fetch(&Fetch::first()).await.unwrap();
    assert_eq!(script.seen()[1].uri, OAUTH);
    let none = r#"{"resource":"https://rs.example/mcp"}"#;
    let (error, _) = fails(protected(), [Step::ok(none)]).await;
    assert!(error.is_permanent() && error.to_string().contains("names no authorization server"));
}

#[tokio::test]
async fn servers_are_checked_as_ever() {
    for (issuer, endpoint) in [
        ("https://as.example/t1/", "https://as.example/token"),
        (ISSUER, "https://evil.example/token"),
        (ISSUER, "http://as.example/token"),
    ] {
        let steps = [document(RESOURCE, ISSUER), metadata(issuer, endpoint)];
        let (error, asked) = fails(protected(), steps).await;
        assert!(error.is_permanent(), "{issuer} {endpoint}");
        assert_eq!(asked.len(), 2);
    }
    let allowed = protected().allow_origins(["https://tokens.example"]);
    let script = Script::of([
        document(RESOURCE, ISSUER),
        metadata(ISSUER, "https://tokens.example/token"),
        Step::ok(TOKEN),
    ]);
    let source = allowed.source(script.clone()).unwrap();
    source.fetch(&Fetch::first()).await.unwrap();
}

#[tokio::test]
async fn a_scope_that_is_said_stays() {
    let builds: [fn() -> Protected; 2] = [
        || protected().scope("mine"),
        || {
            Protected::resource(RESOURCE).client_for(ISSUER, |found| {
                ClientCredentials::at(found.token_endpoint())
                    .basic("id", "s3cret")
                    .scope("mine")
            })
        },
    ];
    for build in builds {
        let script = Script::of(right());
        let source = build().source(script.clone()).unwrap();
        source.fetch(&Fetch::first()).await.unwrap();
        let body = &script.seen()[2].body;
        assert!(body.contains("scope=mine"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_names_another_place_is_followed_once_a_minute() {
    use hallpass_core::{
        Authorizer,
        adapter::{Admission, Answer, Attached, Next},
    };
    use http::{Extensions, Method, Uri};

    let script = Script::of(right());
    let cached = Cached::new(source(&script));
    let authorizer = Authorizer::new(cached.clone());
    let refuse = async |place: &str| {
        let uri = Uri::from_static(RESOURCE);
        let mut headers = HeaderMap::new();
        let Admission::Carry(mut exchange) = authorizer.admit(&uri, &headers, &Extensions::new())
        else {
            panic!("ours");
        };
        if exchange.attach(&Method::GET, &uri, &mut headers).unwrap() == Attached::NoneInHand {
            let acquired = exchange.acquire(true).await.unwrap();
            exchange
                .attach_acquired(acquired, &Method::GET, &uri, &mut headers)
                .unwrap();
        }
        let challenge = format!("Bearer error=\"invalid_token\", resource_metadata=\"{place}\"");
        let answer =
            HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, challenge.parse().unwrap())]);
        let status = StatusCode::UNAUTHORIZED;
        let next = exchange.answered(&Answer::new(status, &answer), || true);
        let Next::Renew(renewal) = next else {
            panic!("a renewal, not {next:?}");
        };
        let acquired = exchange.renewed(renewal).await.unwrap();
        let (mut headers, mut extensions) = (HeaderMap::new(), Extensions::new());
        assert!(exchange.attach_again(acquired, &Method::GET, &uri, &mut headers, &mut extensions));
        let fine = HeaderMap::new();
        exchange.answered(&Answer::new(StatusCode::OK, &fine), || true);
    };
    cached.get().await.unwrap();
    tokio::time::advance(REREAD_AFTER).await;
    let moved = "https://rs.example/moved";
    script.seen();
    script.then([
        document(RESOURCE, ISSUER),
        Step::ok(TOKEN.replace("t0ken", "second")),
    ]);
    refuse(moved).await;
    assert_eq!(uris(&script.seen()), [moved, "https://as.example/token"]);
    assert_eq!(cached.get().await.unwrap().token(), Some("second"));

    tokio::time::advance(Duration::from_secs(20)).await;
    script.then([Step::ok(TOKEN.replace("t0ken", "third"))]);
    refuse("https://rs.example/again").await;
    assert_eq!(
        uris(&script.seen()),
        ["https://as.example/token"],
        "not within the minute"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_what_the_client_that_has_delivered_takes_for_one() {
    const OTHER: &str = "https://other.example";
    let refused_by = |request: TokenRequest, status: u16| {
        let mut condition = Condition::default();
        condition.status = vec![status];
        request.profile(|profile| profile.rejected = vec![condition])
    };
    let protected = Protected::resource(RESOURCE)
        .client_for(ISSUER, move |found| {
            refused_by(found.client_secret("id", "s3cret"), 419)
        })
        .client_for(OTHER, move |found| {
            refused_by(found.client_secret("id", "s3cret"), 440)
        });
    let script = Script::of([
        document(RESOURCE, OTHER),
        metadata(OTHER, "https://other.example/token"),
        Step::ok(TOKEN),
    ]);
    let source = protected.source(script.clone()).unwrap();
    // Adapters read it once, before anybody has delivered. A credential that they have then was
    // fetched elsewhere, by any of the clients.
    let rejected = source.description().rejected;
    let refuses =
        |status: u16| rejected.by_head(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
    assert!(refuses(419) && refuses(440));
    source.fetch(&Fetch::first()).await.unwrap();
    assert!(refuses(440) && !refuses(419));

    // The resource moves to the other server; its clients are judged by that once it has delivered.
    tokio::time::advance(METADATA_LIFETIME).await;
    script.then([
        document(RESOURCE, ISSUER),
        metadata(ISSUER, "https://as.example/token"),
        Step::status(401, r#"{"error":"invalid_client"}"#),
    ]);
    source.fetch(&Fetch::first()).await.unwrap_err();
    assert!(refuses(440) && !refuses(419));
    // After a refusal the server's metadata is read again.
    script.then([
        metadata(ISSUER, "https://as.example/token"),
        Step::ok(TOKEN),
    ]);
    source.fetch(&Fetch::first()).await.unwrap();
    assert!(refuses(419) && !refuses(440));
}

#[tokio::test]
async fn settings_are_checked_at_once() {
    let script = || Script::of([]);
    for url in [
        "http://rs.example/mcp",
        "https://rs.example/#a",
        "https://me@rs.example/",
        "rs",
        "",
    ] {
        let error = Protected::resource(url)
            .client_for(ISSUER, |found| found.client_secret("id", "s3cret"))
            .source(script())
            .unwrap_err();
        assert!(error.is_permanent(), "{url}");
    }
    let error = Protected::resource(RESOURCE).source(script()).unwrap_err();
    assert!(error.to_string().contains("client_for"), "{error}");
    for issuer in ["http://as.example", "https://as.example?x", "as"] {
        let protected = Protected::resource(RESOURCE)
            .client_for(issuer, |found| found.client_secret("id", "s3cret"));
        assert!(protected.source(script()).is_err(), "{issuer}");
    }
    let here = Protected::resource("http://localhost:8080/mcp")
        .client_for("http://localhost:9000", |found| {
            found.client_secret("id", "s3cret")
        });
    let printed = format!("{:?}", here.source(script()).unwrap());
    assert!(!printed.contains("s3cret"), "{printed}");
}
