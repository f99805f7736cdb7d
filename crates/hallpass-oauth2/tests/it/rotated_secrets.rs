//! Secrets that change while they are in use: files, async functions, and the one more try.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use hallpass_core::{Cached, CredentialSource as _, Error};
use hallpass_oauth2::{ClientCredentials, JwtBearer, Key, RefreshToken, Secret};

use crate::common::{
    Script, Step, TOKEN, URL, fetch,
    jws::{self, Jws, param},
};

const REFUSED: &str = r#"{"error":"invalid_client"}"#;

fn refused() -> Step {
    Step::status(401, REFUSED)
}

/// A directory of its own, gone with the value.
struct Dir(std::path::PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hallpass-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, content: &str) -> std::path::PathBuf {
        let path = self.0.join("secret");
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One value at the first call, another at all later ones.
fn changing(values: [&'static str; 2]) -> (Secret, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let secret = Secret::from_async_fn(move || {
        let call = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::task::yield_now().await;
            Ok(values[usize::from(call > 0)].to_owned())
        }
    });
    (secret, calls)
}

#[tokio::test]
async fn a_file_is_read_at_each_fetch() {
    let dir = Dir::new("file");
    let path = dir.file("one\n");
    let script = Script::of([Step::ok(TOKEN), Step::ok(TOKEN), Step::ok(TOKEN)]);
    let source = ClientCredentials::at(URL)
        .post("id", Secret::file(&path))
        .build(script.clone())
        .unwrap();
    for content in ["one\n", "two\r\n", "three\n\n"] {
        dir.file(content);
        fetch(&source).await.unwrap();
    }
    let seen = script.seen();
    let secrets: Vec<_> = seen
        .iter()
        .map(|seen| param(&seen.body, "client_secret").unwrap())
        .collect();
    assert_eq!(secrets, ["one", "two", "three\n"]);

    fs::remove_file(&path).unwrap();
    let error = fetch(&source).await.unwrap_err();
    assert!(error.is_transient(), "it may be written yet");
    assert_eq!(
        error.to_string(),
        format!(
            "{} can't be read (needed for the client secret of \"auth.example.com\")",
            path.display()
        )
    );
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(fetch(&source).await.unwrap_err().is_permanent());
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_ends_a_remembered_refusal() {
    let dir = Dir::new("version");
    let path = dir.file("old");
    let script = Script::of([refused(), Step::ok(TOKEN)]);
    let source = ClientCredentials::at(URL)
        .post("id", Secret::file(path))
        .build(script.clone())
        .unwrap();
    let cached = Cached::new(source);
    assert!(cached.get().await.unwrap_err().is_permanent());
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    assert!(cached.get().await.unwrap_err().is_permanent());
    assert_eq!(script.seen().len(), 1);
    dir.file("longer than the old one");
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    cached.get().await.unwrap();
}

#[tokio::test]
async fn a_secret_that_changed_meanwhile_is_tried_once() {
    let (secret, calls) = changing(["old", "new"]);
    let script = Script::of([refused(), Step::ok(TOKEN)]);
    let builder = ClientCredentials::at(URL).post("id", secret);
    fetch(&builder.build(script.clone()).unwrap())
        .await
        .unwrap();
    let seen = script.seen();
    assert!(seen[0].body.ends_with("client_secret=old"));
    assert!(seen[1].body.ends_with("client_secret=new"));
    assert_eq!(calls.load(Ordering::Relaxed), 2);

    let (secret, calls) = changing(["old", "new"]);
    let script = Script::of([refused(), refused()]);
    let builder = ClientCredentials::at(URL).post("id", secret);
    let source = builder.build(script.clone()).unwrap();
    assert!(fetch(&source).await.unwrap_err().is_permanent());
    assert_eq!((script.seen().len(), calls.load(Ordering::Relaxed)), (2, 2));
}

#[tokio::test]
async fn a_secret_that_stayed_is_not_tried_again() {
    let key = Key::read(Secret::from_fn(|| Ok(jws::P256.to_owned())));
    for builder in [
        ClientCredentials::at(URL).post("id", Secret::from_fn(|| Ok("same".to_owned()))),
        ClientCredentials::at(URL)
            .private_key_jwt("id", key)
            .assertion_for_token_url(),
    ] {
        let script = Script::of([refused()]);
        let source = builder.build(script.clone()).unwrap();
        assert!(fetch(&source).await.unwrap_err().is_permanent());
        script.only();
    }
    let (failing, _) = changing(["old", "new"]);
    let transient = ClientCredentials::at(URL).post("id", failing);
    let script = Script::of([Step::status(500, "")]);
    let source = transient.build(script.clone()).unwrap();
    assert!(fetch(&source).await.unwrap_err().is_transient());
    script.only();
}

#[tokio::test]
async fn keys_and_tokens_change_too() {
    let (key, _) = changing([jws::RSA, jws::P256]);
    let script = Script::of([refused(), Step::ok(TOKEN)]);
    let builder = ClientCredentials::at(URL)
        .private_key_jwt("id", Key::read(key))
        .assertion_for_token_url();
    fetch(&builder.build(script.clone()).unwrap())
        .await
        .unwrap();
    let algorithms: Vec<_> = script
        .seen()
        .iter()
        .map(|seen| {
            let jws = Jws::of(&seen.body, "client_assertion");
            assert!(jws.verifies());
            jws.header["alg"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(algorithms, ["RS256", "ES256"]);

    let (assertion, _) = changing(["a.b.c", "d.e.f"]);
    let script = Script::of([
        Step::status(400, r#"{"error":"invalid_grant"}"#),
        Step::ok(TOKEN),
    ]);
    let source = JwtBearer::at(URL).assertion(assertion);
    fetch(&source.build(script.clone()).unwrap()).await.unwrap();
    assert_eq!(script.seen().len(), 2);

    let (token, _) = changing(["r1", "r9"]);
    let script = Script::of([
        Step::status(400, r#"{"error":"invalid_grant"}"#),
        Step::ok(TOKEN),
    ]);
    let source = RefreshToken::at(URL).refresh_token(token).public("id");
    fetch(&source.build(script.clone()).unwrap()).await.unwrap();
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test]
async fn an_async_functions_error_is_the_fetchs() {
    let secret = Secret::from_async_fn(|| async {
        Err(Error::transient(std::io::Error::other("sealed")).context("no secret"))
    });
    let source = ClientCredentials::at(URL).post("id", secret);
    let source = source.build(Script::default()).unwrap();
    assert_eq!(fetch(&source).await.unwrap_err().to_string(), "no secret");
    assert_eq!(source.version(), 0);
}
