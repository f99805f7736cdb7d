//! The first of several sources that has something.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hallpass_core::{Authorizer, Credential, CredentialSource, Error, Fetch};
use hallpass_oauth2::{ABSENT, Chain, ClientCredentials, Secret, Static, Token, TokenFile};
use hallpass_testkit::ScriptedTransport;
use http::{HeaderMap, Request, Response};

use crate::common::{Script, Step, TOKEN, client, value, with};

async fn get(source: &impl CredentialSource) -> Result<Credential, Error> {
    source.fetch(&Fetch::first()).await
}

fn unset() -> Token {
    Token::new(Secret::env("HALLPASS_TEST_NEVER_SET")).name("variable")
}

#[tokio::test]
async fn a_chain_takes_the_first_that_has_something() {
    let nowhere = std::env::temp_dir().join("hallpass-never-written");
    let missing = || TokenFile::at(&nowhere).name("file");
    let chain = Chain::of(unset())
        .or(missing())
        .or(Static::bearer("last").unwrap());
    assert_eq!(value(&chain).await, "Bearer last");

    let error = get(&Chain::of(unset()).or(missing())).await.unwrap_err();
    assert!(error.is_transient(), "the file may be written yet");
    let error = get(&Chain::of(missing()).or(unset())).await.unwrap_err();
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "no credential from any of file, variable"
    );

    // A server that is down is no reason to become somebody else.
    let down = client().build(Script::of([Step::status(500, "")])).unwrap();
    let chain = Chain::of(down).or(Static::bearer("other").unwrap());
    assert!(get(&chain).await.unwrap_err().is_transient());
}

/// Answers as its script says, the last line again and again.
#[derive(Clone)]
struct Scripted(Arc<Mutex<Vec<Result<&'static str, Error>>>>);

impl Scripted {
    fn of(mut steps: Vec<Result<&'static str, Error>>) -> Self {
        steps.reverse();
        Self(Arc::new(Mutex::new(steps)))
    }
}

impl CredentialSource for Scripted {
    async fn fetch(&self, _: &Fetch) -> Result<Credential, Error> {
        let mut steps = self.0.lock().unwrap();
        let step = if steps.len() > 1 {
            steps.pop().unwrap()
        } else {
            steps[0].clone()
        };
        Credential::bearer(step?)
    }
}

#[tokio::test]
async fn a_chain_never_becomes_somebody_else_in_silence() {
    let other = || Static::bearer("other").unwrap();
    for error in [
        Error::permanent("refused").with_code("invalid_client"),
        Error::transient("down"),
        Error::permanent("no metadata server").with_code(ABSENT),
    ] {
        // Before anybody has delivered, only what is absent moves it on.
        let absent = error.code() == Some(ABSENT);
        let chain = Chain::of(Scripted::of(vec![Err(error.clone())])).or(other());
        assert_eq!(get(&chain).await.is_ok(), absent);
        // Afterwards nothing does.
        let first = Scripted::of(vec![Ok("first"), Err(error)]);
        let chain = Chain::of(first).or(other());
        assert_eq!(value(&chain).await, "Bearer first");
        assert!(get(&chain.clone()).await.is_err());
    }
    // The second that has delivered stays, too, though the first is there by now.
    let late = Scripted::of(vec![
        Err(Error::permanent("no").with_code(ABSENT)),
        Ok("late"),
    ]);
    let chain = Chain::of(late).or(other());
    for _ in 0..2 {
        assert_eq!(value(&chain).await, "Bearer other");
    }
    assert_eq!(chain.description().name, "static");
}

#[test]
fn a_chain_describes_itself_carefully() {
    let bound = |origin: &str| Static::bearer("t").unwrap().origins([origin]).unwrap();
    let one = Chain::of(bound("https://a.example")).or(bound("https://a.example"));
    assert_eq!(one.description().origins.unwrap().len(), 1);
    let two = Chain::of(bound("https://a.example")).or(bound("https://b.example"));
    assert!(two.description().origins.is_none());
    assert_eq!(format!("{two:?}"), r#"["static", "static"]"#);
    // Whichever link delivers later, what one of them forbids is not done.
    let transport = || ScriptedTransport::tokens(Duration::from_secs(300));
    let hedged = || ClientCredentials::at("https://as.example/token").basic("id", "secret");
    let hedged = || hedged().build(transport()).unwrap();
    assert!(hedged().description().hedge);
    let both = Chain::of(hedged()).or(bound("https://a.example"));
    assert!(!both.description().hedge && both.description().endpoint.is_none());
}

#[tokio::test]
async fn a_link_with_another_header_leaves_the_callers_own() {
    let chain = Chain::of(unset()).or(Static::header("x-api-key", "ours").unwrap());
    let authorizer = Authorizer::new(chain);
    for (own, expected) in [(Some("theirs"), "theirs"), (None, "ours")] {
        let mut request = Request::get("https://api.example.com/").body(()).unwrap();
        if let Some(own) = own {
            request
                .headers_mut()
                .insert("x-api-key", own.parse().unwrap());
        }
        let sent = authorizer.run(request, async |request| {
            let keys = request.headers().get_all("x-api-key").iter();
            let keys: Vec<String> = keys.map(|key| key.to_str().unwrap().to_owned()).collect();
            Ok::<_, Error>(Response::new(keys))
        });
        assert_eq!(sent.await.unwrap().into_body(), [expected]);
    }
}

#[tokio::test]
async fn a_refusal_is_what_the_link_that_has_delivered_takes_for_one() {
    let by_status = || with("rejected = { status = 419 }");
    let by_body = || with(r#"rejected = { body = "code", is = [77] }"#);
    let tokens = || Script::of((0..2).map(|_| Step::ok(TOKEN)));
    let source = |request: hallpass_oauth2::TokenRequest| request.build(tokens()).unwrap();
    for (chain, refused) in [
        (Chain::of(unset()).or(source(by_status())), true),
        (Chain::of(source(by_status())).or(unset()), true),
        (Chain::of(source(client())).or(source(by_status())), false),
    ] {
        // Adapters read it once, before anybody has delivered. A credential that they have then was
        // fetched elsewhere, by any of the links.
        let rejected = chain.description().rejected;
        assert!(rejected.by_head(419.try_into().unwrap(), &HeaderMap::new()));
        get(&chain).await.unwrap();
        for rejected in [rejected, chain.description().rejected] {
            let seen = rejected.by_head(419.try_into().unwrap(), &HeaderMap::new());
            assert_eq!(seen, refused);
        }
    }
    let chain = Chain::of(unset()).or(source(by_body()));
    let rejected = chain.description().rejected;
    assert!(rejected.looks_at_bodies());
    assert!(rejected.by_body(br#"{"code":77}"#));
    get(&chain).await.unwrap();
    assert!(rejected.by_body(br#"{"code":77}"#));
    assert!(!rejected.by_body(br#"{"code":78}"#));
    let plain = Chain::of(unset()).or(source(by_status()));
    assert!(!plain.description().rejected.looks_at_bodies());
}
