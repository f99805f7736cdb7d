//! A token of one source as the material of another.

use std::time::Duration;

use hallpass_core::{Cached, Challenges, Rejection};
use hallpass_oauth2::{Composed, JwtBearer, Profile, TokenExchange, token_type};

use crate::common::{self, Script, Step, chain, client, fetch, jws, refused, token, value};

fn two_steps(script: &Script) -> Composed {
    let own = client().build(script.clone()).unwrap();
    let transport = script.clone();
    Composed::new(own, |first| {
        TokenExchange::at("https://sts.example.net/token")
            .subject_token(first, token_type::ACCESS_TOKEN)
            .build(transport)
    })
    .unwrap()
}

fn subject(seen: &common::Seen) -> String {
    jws::param(&seen.body, "subject_token").unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_first_token_is_kept_and_never_sent_to_the_api() {
    let script = Script::of([token("f1rst"), token("two"), token("three")]);
    let source = two_steps(&script);
    assert_eq!(value(&source).await, "Bearer two");
    assert_eq!(value(&source).await, "Bearer three");
    let seen = script.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(
        (subject(&seen[1]), subject(&seen[2])),
        ("f1rst".into(), "f1rst".into())
    );
    assert!(!format!("{source:?}").contains("f1rst"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_first_token_is_replaced_once() {
    let steps = [
        token("one"),
        refused("invalid_grant"),
        token("new"),
        token("two"),
    ];
    let script = Script::of(steps);
    assert_eq!(value(&two_steps(&script)).await, "Bearer two");
    let seen = script.seen();
    assert_eq!(subject(&seen[1]), "one");
    assert_eq!(subject(&seen[3]), "new");

    let steps = [
        token("one"),
        refused("invalid_grant"),
        token("new"),
        refused("invalid_grant"),
    ];
    let script = Script::of(steps);
    let error = fetch(&two_steps(&script)).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(script.seen().len(), 4);
    assert!(!chain(&error).contains("new"), "{}", chain(&error));

    // A 401, or a word that says so, need not last: it may well be the first token all the same.
    for refusal in [
        Step::status(401, ""),
        Step::status(
            401,
            r#"{"message":"A JSON web token could not be decoded"}"#,
        ),
        refused("invalid_token"),
    ] {
        let script = Script::of([token("one"), refusal, token("new"), token("two")]);
        let own = client().build(script.clone()).unwrap();
        let transport = script.clone();
        let source = Composed::new(own, |first| {
            let profile = "token_url = \"https://sts.example.net/token\"\nclient_auth = \"none\"\ntoken_headers = { x-token = \"{first}\" }";
            let profile = Profile::from_toml(profile).unwrap().var("first", first);
            profile.client("id", "").build(transport)
        })
        .unwrap();
        assert_eq!(value(&source).await, "Bearer two");
        let seen = script.seen();
        assert_eq!(seen[1].header("x-token"), Some("one"));
        assert_eq!(seen[3].header("x-token"), Some("new"));
    }

    // Trouble that passes is no reason for another first token.
    let script = Script::of([token("one"), Step::status(500, "")]);
    assert!(fetch(&two_steps(&script)).await.unwrap_err().is_transient());
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_rejections_in_a_row_reach_the_first_token() {
    let script = Script::of(["one", "a", "b", "new", "c"].map(token));
    let cached = Cached::new(two_steps(&script));
    let mut last = cached.get().await.unwrap();
    for expected in ["Bearer b", "Bearer c"] {
        // The engine spaces such fetches out.
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(60)).await;
            if cached.reject(&last, &Challenges::default()) == Rejection::Suspected {
                break;
            }
        }
        last = cached.get().await.unwrap();
        assert_eq!(last.header_value().to_str().unwrap(), expected);
    }
    let seen = script.seen();
    let subjects: Vec<_> = [1, 2, 4].map(|at: usize| subject(&seen[at])).into();
    assert_eq!(subjects, ["one", "one", "new"]);
}

/// An identity provider issues an assertion that only another server's token endpoint may see.
#[tokio::test(start_paused = true)]
async fn an_assertion_that_is_no_token_is_passed_on() {
    const JAG: &str = r#"{"issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","access_token":"jag","token_type":"N_A","expires_in":300}"#;
    let exchange = || {
        TokenExchange::at("https://idp.example/token")
            .basic("my-client", "s3cret")
            .subject_token("id-token", token_type::ID_TOKEN)
            .requested_token_type(token_type::ID_JAG)
            .audience("https://as.example")
            .resource("https://api.example")
    };
    let script = Script::of([Step::ok(JAG), token("t0ken")]);
    let transport = script.clone();
    let jag = exchange().profile(|profile| profile.token_types = vec!["N_A".to_owned()]);
    let source = Composed::new(jag.build(script.clone()).unwrap(), |jag| {
        JwtBearer::at("https://as.example/token")
            .basic("my-client", "other")
            .assertion(jag)
            .build(transport)
    });
    assert_eq!(value(&source.unwrap()).await, "Bearer t0ken");
    let seen = script.seen();
    assert_eq!(
        seen[0].body,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid-jag&audience=https%3A%2F%2Fas.example&resource=https%3A%2F%2Fapi.example&subject_token=id-token"
    );
    assert_eq!(
        seen[1].body,
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=jag"
    );

    // Where it would go to an API it is refused.
    let error = common::outcome(exchange(), Step::ok(JAG)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("a token of type \"N_A\""), "{error}");
}
