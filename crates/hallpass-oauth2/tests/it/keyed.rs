//! Many sources of one request, and what a `Keyed` has to know of them.

use std::time::Duration;

use hallpass_core::{CredentialSource as _, Error, Keyed};
use hallpass_oauth2::{Profile, RefreshToken};

use crate::common::{Script, Step, TOKEN, URL, client, fetch, jws::param, with};

#[derive(Clone, PartialEq, Eq, Hash)]
struct Tenant {
    realm: &'static str,
    scope: Option<&'static str>,
}

const fn tenant(realm: &'static str, scope: Option<&'static str>) -> Tenant {
    Tenant { realm, scope }
}

const TENANTS: &str = r#"
token_url = "https://auth.example.com/{realm}/token"
origins = ["https://{realm}.example.com"]
[variables]
realm = "the tenant"
"#;

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_variables_scope_and_audience() {
    let script = Script::of((0..4).map(|_| Step::ok(TOKEN)));
    let request = Profile::from_toml(TENANTS).unwrap().client("me", "s3cret");
    let make = request.per_key(script.clone(), |tenant: &Tenant, request| {
        if tenant.realm == "unknown" {
            return Err(Error::unknown_key("there is no such tenant"));
        }
        let request = request
            .var("realm", tenant.realm)
            .audience(format!("of-{}", tenant.realm));
        Ok(match tenant.scope {
            Some(scope) => request.scope(scope),
            None => request,
        })
    });
    let keyed = Keyed::new(make);
    for key in [
        tenant("acme", None),
        tenant("acme", Some("read")),
        tenant("other", Some("read")),
        tenant("acme", None),
    ] {
        keyed.get(&key).unwrap().get().await.unwrap();
    }
    let seen = script.seen();
    let shown: Vec<_> = seen
        .iter()
        .map(|seen| {
            let scope = param(&seen.body, "scope");
            (
                seen.uri.as_str(),
                scope,
                param(&seen.body, "audience").unwrap(),
            )
        })
        .collect();
    let (acme, other) = (
        "https://auth.example.com/acme/token",
        "https://auth.example.com/other/token",
    );
    let read = || Some("read".to_owned());
    assert_eq!(
        shown,
        [
            (acme, None, "of-acme".to_owned()),
            (acme, read(), "of-acme".to_owned()),
            (other, read(), "of-other".to_owned()),
        ]
    );
    let cached = keyed.get(&tenant("other", Some("read"))).unwrap();
    let description = cached.description();
    let origins = description.origins.as_ref().unwrap();
    assert_eq!(origins, &["https://other.example.com".parse().unwrap()]);
    let endpoint = description.endpoint.as_ref().unwrap();
    assert_eq!(endpoint, &"https://auth.example.com".parse().unwrap());
    let unknown = keyed.get(&tenant("unknown", None)).unwrap_err();
    assert!(unknown.is_unknown_key());
    // What is wrong with a tenant's request is that request's error, and no other's.
    let wrong = keyed.get(&tenant("a", Some("a\"b"))).unwrap_err();
    assert!(wrong.is_permanent() && !wrong.is_unknown_key());
}

fn rotated(to: &str) -> Step {
    Step::ok(format!(
        r#"{{"access_token":"a","token_type":"Bearer","expires_in":300,"refresh_token":"{to}"}}"#
    ))
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_nobody_was_told_of_is_kept() {
    let steps = || Script::of([Step::ok(TOKEN), rotated("r2")]);
    let request = || RefreshToken::at(URL).refresh_token("r1").public("me");
    let untold = request().build(steps()).unwrap();
    let told = request().on_rotation(|_| {}).build(steps()).unwrap();
    let failing = request()
        .on_rotation(|_| panic!("no disk"))
        .build(steps())
        .unwrap();
    for (source, unsaved) in [(untold, true), (told, false), (failing, true)] {
        assert!(!source.keeps_state());
        fetch(&source).await.unwrap();
        assert!(!source.keeps_state(), "nothing was rotated");
        fetch(&source).await.unwrap();
        assert_eq!(source.keeps_state(), unsaved);
    }
    // What all keys share is kept by what makes them.
    let make = request().per_key(steps(), |scope: &&str, request| Ok(request.scope(*scope)));
    let (one, other) = (make(&"a").unwrap(), make(&"b").unwrap());
    fetch(&one).await.unwrap();
    fetch(&other).await.unwrap();
    assert!(!one.keeps_state() && !other.keeps_state());
}

#[tokio::test(start_paused = true)]
async fn a_rotation_under_way_is_kept() {
    let source = RefreshToken::at(URL)
        .refresh_token("r1")
        .on_rotation(|_| {})
        .public("me")
        .build(Script::of([Step::Hang]))
        .unwrap();
    let asked = source.clone();
    let asking = tokio::spawn(async move { fetch(&asked).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    asking.abort();
    assert!(source.keeps_state(), "the answer may bring another token");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!source.keeps_state());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_must_not_be_asked_again_is_kept_in_mind() {
    let script = Script::of([Step::ok(TOKEN)]);
    let source = with("min_interval = 200").build(script).unwrap();
    fetch(&source).await.unwrap();
    assert!(source.keeps_state());
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(!source.keeps_state());
    let plain = client().build(Script::of([Step::ok(TOKEN)])).unwrap();
    fetch(&plain).await.unwrap();
    assert!(!plain.keeps_state());
}
