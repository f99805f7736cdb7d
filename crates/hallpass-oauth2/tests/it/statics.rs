//! Sources that need no exchange.

use std::time::Duration;

use hallpass_core::{Authorizer, Cached, Credential, CredentialSource as _, Error, Fetch};
use hallpass_oauth2::{Basic, Secret, Static};
use http::{Request, Response};

#[tokio::test]
async fn basic_is_rfc_7617() {
    for (user, password, expected) in [
        ("test", "123£", "Basic dGVzdDoxMjPCow=="),
        (
            "Aladdin",
            "open sesame",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        ("id", "", "Basic aWQ6"),
    ] {
        let credential = Basic::new(user, password)
            .fetch(&Fetch::first())
            .await
            .unwrap();
        assert_eq!(credential.header_value(), expected);
        assert!(format!("{credential:?}").contains("Forever"));
    }
    for (user, password) in [("a:b", "c"), ("a", "c\n")] {
        let error = Basic::new(user, password)
            .fetch(&Fetch::first())
            .await
            .unwrap_err();
        assert!(error.is_permanent());
    }
}

#[tokio::test]
async fn basic_reads_its_secrets_and_follows_their_changes() {
    let (password, handle) = Secret::rotating("one");
    let source = Basic::new("user", password);
    let before = source.version();
    let first = source.fetch(&Fetch::first()).await.unwrap();
    handle.set("two");
    assert_ne!(source.version(), before);
    let second = source.fetch(&Fetch::first()).await.unwrap();
    assert_ne!(first.header_value(), second.header_value());

    let source = Basic::new("user", Secret::env("HALLPASS_TEST_NEVER_SET")).name("atlar");
    let error = source.fetch(&Fetch::first()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable HALLPASS_TEST_NEVER_SET is not set (needed for the password of \"atlar\")"
    );
}

#[tokio::test]
async fn static_credentials_stay() {
    let source = Static::bearer("t0ken").unwrap();
    let credential = source.fetch(&Fetch::first()).await.unwrap();
    assert_eq!(credential.header_value(), "Bearer t0ken");
    assert!(format!("{credential:?}").contains("Forever"));

    let source = Static::header("X-Api-Key", "k3y")
        .unwrap()
        .name("acme")
        .origins(["https://api.acme.example"])
        .unwrap();
    let description = source.description();
    assert_eq!(description.name, "acme");
    assert_eq!(description.header, "x-api-key");
    assert_eq!(description.origins.unwrap().len(), 1);

    let own = Credential::bearer("t0ken").unwrap();
    let minute = Duration::from_secs(60);
    for (own, lasts) in [(own.clone(), None), (own.lives_for(minute), Some(minute))] {
        let credential = Static::new(own).fetch(&Fetch::first()).await.unwrap();
        assert_eq!(credential.lifetime(), lasts);
        assert_eq!(credential.is_unending(), lasts.is_none());
    }
}

#[tokio::test]
async fn a_refusal_of_what_stays_is_returned_at_once() {
    let bare = Credential::bearer("t0ken").unwrap();
    let named = Static::new(bare.clone()).name("acme");
    assert!(bare.description().fixed && named.description().fixed);
    for cached in [Cached::new(bare), Cached::new(named)] {
        let authorizer = Authorizer::new(cached.clone());
        for _ in 0..3 {
            let mut sent = 0;
            let request = Request::get("https://api.example.com/").body(()).unwrap();
            let answered = authorizer.run(request, |_| {
                sent += 1;
                async { Ok::<_, Error>(Response::builder().status(401).body(()).unwrap()) }
            });
            assert_eq!(answered.await.unwrap().status(), 401);
            assert_eq!(sent, 1);
        }
        assert_eq!(cached.stats().fetches, 1);
    }
}

#[test]
fn what_no_header_can_carry_is_refused() {
    assert!(Static::bearer("a b").is_err());
    assert!(Static::header("no name", "x").is_err());
    assert!(Static::header("x-key", "").is_err());
    assert!(Static::bearer("t").unwrap().origins(["nowhere"]).is_err());
    assert!(Basic::new("a", "b").origins(["ftp://x"]).is_err());
}
