//! The five systems that this crate began with, byte for byte: method, target, every header in the
//! order in which it goes out, and the body. Since they were recorded, two headers have come to them:
//! `accept-encoding`, and `content-length` where there is no body.

use std::{fs, path::Path};

use hallpass_core::{CredentialSource as _, Fetch};
use hallpass_oauth2::{Basic, Profile};

use crate::common::{Script, Seen, Step, TOKEN, fetch};

/// The request as it is handed to the transport.
fn written(seen: &Seen) -> String {
    let mut out = format!("{} {}\n", seen.method, seen.uri);
    for (name, value) in &seen.headers {
        let value = value.to_str().unwrap();
        let value = value.replace(env!("CARGO_PKG_VERSION"), "<version>");
        out.extend([name.as_str(), ": ", &value, "\n"]);
    }
    out.push('\n');
    out.push_str(&seen.body);
    out.push('\n');
    out
}

#[tokio::test]
async fn the_seed_systems_are_asked_as_they_always_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seeds");
    for (name, variables) in [
        ("atlar", vec![]),
        ("is2", vec![("realm", "acme")]),
        ("ataccama", vec![("environment", "blue"), ("realm", "acme")]),
        (
            "atomic",
            vec![
                ("token_url", "https://auth.example.com/oauth2/token"),
                ("org_id", "12"),
            ],
        ),
        ("oauth-v2", vec![("base_url", "https://api.example.com")]),
    ] {
        let profile = Profile::named(name).unwrap();
        let profile = variables
            .into_iter()
            .fold(profile, |profile, (name, value)| profile.var(name, value));
        let script = Script::of([Step::ok(TOKEN)]);
        let source = profile
            .client("my:client", "s3cr\u{e9}t /+%")
            .build(script.clone())
            .unwrap();
        fetch(&source).await.unwrap();
        let found = written(&script.only());
        let path = folder.join(format!("{name}.request"));
        if std::env::var_os("HALLPASS_RECORD").is_some() {
            fs::write(&path, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&path).unwrap(), "{name}");
    }
}

/// Atlar's API takes its access key without a token, too, as `curl -u` sends it.
#[tokio::test]
async fn an_access_key_goes_as_it_is() {
    let source = Basic::new("ACCESS_KEY", "SECRET");
    let credential = source.fetch(&Fetch::first()).await.unwrap();
    assert_eq!(credential.header_name(), "authorization");
    assert_eq!(credential.header_value(), "Basic QUNDRVNTX0tFWTpTRUNSRVQ=");
}
