//! Sources that ask no endpoint: a JWT of one's own, a token in a variable or a file.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_core::{Cached, Credential, CredentialSource, Error, Fetch};
use hallpass_oauth2::{Jwt, Key, Secret, SelfSigned, Token, TokenFile};
use http::{HeaderMap, Method, Uri};

use crate::common::{
    self,
    jws::{self, Jws},
    lifetime,
};

async fn get(source: &impl CredentialSource) -> Result<Credential, Error> {
    source.fetch(&Fetch::first()).await
}

fn value(credential: &Credential) -> &str {
    credential.header_value().to_str().unwrap()
}

fn token(credential: &Credential) -> Jws {
    Jws::read(value(credential).strip_prefix("Bearer ").unwrap())
}

/// A path of its own in the system's temporary directory.
fn path() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("hallpass-source-{}-{number}", std::process::id()))
}

#[tokio::test]
async fn snowflake_names_the_key_in_the_issuer() {
    for (pem, fingerprint) in [
        (jws::RSA, "pSMMJ6U56TtslIW/7TO9XumRwCdWlP837guVi+Nw5h4="),
        (jws::P256, "6Mzfwge4LAkdfja0TfpHv9JPsivMont5kj660MdmDz4="),
        (
            jws::ED25519_PEM,
            "Ls0RXZEx9CLq9gHOMgj1IBtgk+0AEeL99MfxZelTXy0=",
        ),
    ] {
        let key = Key::from_pem(pem).unwrap();
        let source = SelfSigned::snowflake("xy12345.eu-central-1", "robot", key);
        let credential = get(&source).await.unwrap();
        let jwt = token(&credential);
        assert!(jwt.verifies());
        assert_eq!(jwt.claim("sub"), "XY12345.ROBOT");
        assert_eq!(
            jwt.claim("iss"),
            format!("XY12345.ROBOT.SHA256:{fingerprint}")
        );
        assert!(jwt.lifetime() < 3600);
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("https://xy12345.snowflakecomputing.com/");
        credential.attach(&Method::GET, &uri, &mut headers).unwrap();
        assert_eq!(
            headers["x-snowflake-authorization-token-type"],
            "KEYPAIR_JWT"
        );
    }
    for (account, expected) in [
        ("xy12345", "XY12345.ROBOT"),
        ("myorg-prod", "MYORG-PROD.ROBOT"),
        ("acct-x.global", "ACCT.ROBOT"),
    ] {
        let key = Key::from_pem(jws::P256).unwrap();
        let source = SelfSigned::snowflake(account, "robot", key);
        assert_eq!(token(&get(&source).await.unwrap()).claim("sub"), expected);
    }
    let source = SelfSigned::snowflake("a", "u", Key::hmac("s3cr3t"));
    assert!(get(&source).await.unwrap_err().is_permanent());
}

#[tokio::test]
async fn app_store_connect_and_ghost() {
    let key = Key::from_pem(jws::P256).unwrap();
    let source = SelfSigned::app_store_connect("issuer", "KEYID", key);
    let credential = get(&source).await.unwrap();
    let jwt = token(&credential);
    assert!(jwt.verifies());
    assert_eq!(
        (&jwt.header["alg"], &jwt.header["kid"]),
        (&"ES256".into(), &"KEYID".into())
    );
    assert_eq!(jwt.header["typ"], "JWT");
    assert_eq!(
        (jwt.claim("iss"), jwt.claim("aud")),
        ("issuer", "appstoreconnect-v1")
    );
    assert!(jwt.lifetime() <= 20 * 60);
    assert_eq!(lifetime(&credential), Some(Duration::from_secs(15 * 60)));
    assert_ne!(
        jwt.claim("jti"),
        token(&get(&source).await.unwrap()).claim("jti")
    );

    let ghost = Jwt::signed_by(Key::hmac([1, 2, 3]).kid("6489"))
        .audience("/admin/")
        .lifetime(Duration::from_secs(300));
    let source = SelfSigned::new(ghost)
        .attach("authorization", "Ghost {token}")
        .unwrap();
    let credential = get(&source).await.unwrap();
    let jwt = Jws::read(value(&credential).strip_prefix("Ghost ").unwrap());
    assert!(jwt.verifies_with(&[1, 2, 3]));
    assert_eq!(jwt.header["kid"], "6489");
}

#[tokio::test]
async fn a_variable_is_a_token() {
    let source = Token::new(Secret::env("CARGO_PKG_NAME"));
    let credential = get(&source).await.unwrap();
    assert_eq!(value(&credential), "Bearer hallpass-oauth2");
    assert!(format!("{credential:?}").contains("Forever"));

    let source = Token::new("k3y")
        .attach("X-Api-Key", "{token}")
        .unwrap()
        .lives_for(Duration::from_secs(60));
    let credential = get(&source).await.unwrap();
    assert_eq!(credential.header_name(), "x-api-key");
    assert_eq!(source.description().header, "x-api-key");
    assert_eq!(lifetime(&credential), Some(Duration::from_secs(60)));

    let unset = Token::new(Secret::env("HALLPASS_TEST_NEVER_SET")).name("api");
    assert_eq!(
        get(&unset).await.unwrap_err().to_string(),
        "environment variable HALLPASS_TEST_NEVER_SET is not set (needed for the token of \"api\")"
    );
    assert!(Token::new("k").attach("x", "no place").is_err());
    assert!(Token::new("k").attach("no name", "{token}").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_file_is_looked_at_once_a_minute() {
    let path = path();
    fs::write(&path, "one\n").unwrap();
    let cached = Cached::new(TokenFile::at(&path));
    assert_eq!(value(&cached.get().await.unwrap()), "Bearer one");
    fs::write(&path, "two\n").unwrap();
    // Up to a tenth earlier, by chance.
    tokio::time::advance(Duration::from_secs(53)).await;
    assert_eq!(value(&cached.get().await.unwrap()), "Bearer one");
    assert_eq!(cached.stats().fetches, 1);
    tokio::time::advance(Duration::from_secs(10)).await;
    // The look is beside the requests: this one still gets the old token.
    assert_eq!(value(&cached.get().await.unwrap()), "Bearer one");
    while cached.stats().fetches < 2 || value(&cached.get().await.unwrap()) != "Bearer two" {
        tokio::task::yield_now().await;
    }
    assert_eq!(cached.stats().fetches, 2);
    fs::remove_file(&path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stays_is_looked_at_no_oftener() {
    let path = path();
    fs::write(&path, "one").unwrap();
    let source = Counted::new(TokenFile::at(&path));
    let cached = Cached::new(source.clone());
    for _ in 0..600 {
        cached.get().await.unwrap();
        // A file is read on another thread, which the paused clock does not wait for.
        while source.begun() < cached.stats().fetches || source.ended() < source.begun() {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // The engine takes the first look a little early, so that a fleet does not look at once.
    let fetches = cached.stats().fetches;
    assert!((8..=11).contains(&fetches), "{fetches}");
    fs::remove_file(&path).unwrap();
}

/// A source that knows whether it is being asked.
#[derive(Clone)]
struct Counted {
    source: TokenFile,
    begun: Arc<AtomicU64>,
    ended: Arc<AtomicU64>,
}

impl Counted {
    fn new(source: TokenFile) -> Self {
        Self {
            source,
            begun: Arc::default(),
            ended: Arc::default(),
        }
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    fn ended(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }
}

impl CredentialSource for Counted {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let credential = self.source.fetch(why).await;
        self.ended.fetch_add(1, Ordering::SeqCst);
        credential
    }
}

#[tokio::test]
async fn an_unreadable_file_leaves_the_last_token() {
    let path = path();
    let source = TokenFile::at(&path);
    // Somebody may have yet to write it.
    let error = get(&source).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        format!("{} can't be read", path.display())
    );

    fs::write(&path, "one").unwrap();
    assert_eq!(value(&get(&source).await.unwrap()), "Bearer one");
    for broken in ["", "two parts", "line\nline"] {
        fs::write(&path, broken).unwrap();
        assert_eq!(value(&get(&source).await.unwrap()), "Bearer one");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(value(&get(&source).await.unwrap()), "Bearer one");

    fs::write(&path, "s3cr3t token").unwrap();
    let error = get(&TokenFile::at(&path)).await.unwrap_err();
    assert!(error.is_transient());
    assert!(!common::chain(&error).contains("s3cr3t"));
    fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn the_end_of_a_jwt_in_a_file_counts() {
    let path = path();
    let end = SystemTime::now() + Duration::from_secs(30);
    let exp = end
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let payload = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{exp}}}"#));
    fs::write(&path, format!("e30.{payload}.c2ln")).unwrap();
    let credential = get(&TokenFile::at(&path)).await.unwrap();
    assert!(format!("{credential:?}").contains("instant: Some"));
    fs::remove_file(&path).unwrap();
}
