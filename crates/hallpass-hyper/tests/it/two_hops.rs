//! Sources that take two steps, and metadata servers, over real connections on this machine.

use std::sync::{Arc, Mutex};

use hallpass_core::{Credential, CredentialSource, Error, Fetch};
use hallpass_hyper::{Builder, HyperTransport};
use hallpass_oauth2::{
    Chain, ClientCredentials, Composed, JwtBearer, Profile, Static, TokenExchange,
    cloud::{AzureManagedIdentity, GceMetadata},
    token_type,
};
use hallpass_testkit::{ClosedPort, Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A server that answers by path, with these headers and this JSON.
struct Small {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

type Answers = &'static [(&'static str, &'static str, &'static str)];

#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
impl Small {
    async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answers, kept.clone()));
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// One request of each connection; bodies here fit into what is read at once with their head.
#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
async fn serve(mut stream: TcpStream, answers: Answers, seen: Arc<Mutex<Vec<String>>>) {
    let mut request = String::new();
    let mut bytes = [0; 8192];
    while !is_whole(&request) {
        let read = stream.read(&mut bytes).await.unwrap_or_default();
        if read == 0 {
            return;
        }
        request.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(request);
    let found = answers.iter().find(|(known, ..)| path.starts_with(known));
    let (status, headers, body) = match found {
        Some((_, headers, body)) => ("200 OK", *headers, *body),
        None => ("404 Not Found", "", "{}"),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().ok())?
    });
    body.len() >= length.unwrap_or(0)
}

#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
fn transport() -> HyperTransport {
    Builder::new().transport().unwrap()
}

async fn get(source: &impl CredentialSource) -> Result<Credential, Error> {
    source.fetch(&Fetch::first()).await
}

#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
async fn value(source: &impl CredentialSource) -> String {
    let credential = get(source).await.unwrap();
    credential.header_value().to_str().unwrap().to_owned()
}

const EXCHANGED: &str = r#"{"access_token":"second","token_type":"Bearer","expires_in":300,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}"#;

#[tokio::test]
async fn a_token_of_one_server_is_exchanged_at_another() {
    let first = Server::start().await;
    let second = Small::start(&[("/token", "", EXCHANGED)]).await;
    let own = ClientCredentials::at(first.token_url())
        .basic("client", "secret")
        .build(transport())
        .unwrap();
    let url = format!("{}/token", second.url);
    let source = Composed::new(own.clone(), |token| {
        TokenExchange::at(url.as_str())
            .subject_token(token, token_type::ACCESS_TOKEN)
            .build(transport())
    })
    .unwrap();
    assert_eq!(value(&source).await, "Bearer second");
    assert_eq!(value(&source).await, "Bearer second");
    assert_eq!(first.journal().token_requests(), 1);

    // The same material as a grant of its own.
    let source = Composed::new(own, |token| {
        JwtBearer::at(url.as_str())
            .assertion(token)
            .build(transport())
    })
    .unwrap();
    assert_eq!(value(&source).await, "Bearer second");
    let seen = second.seen();
    assert_eq!(seen.len(), 3);
    assert!(
        seen[0].contains("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange")
    );
    assert!(seen[2].contains("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"));
    first.shutdown().await;
}

#[tokio::test]
async fn a_vault_gives_a_token_for_a_role() {
    let vault = Small::start(&[(
        "/v1/auth/approle/login",
        "",
        r#"{"auth":{"client_token":"hvs.t","lease_duration":1200}}"#,
    )])
    .await;
    let source = Profile::named("vault-approle")
        .unwrap()
        .var("server", vault.url.as_str())
        .var("mount", "approle")
        .client("role", "s3cret")
        .build(transport())
        .unwrap();
    let credential = get(&source).await.unwrap();
    assert_eq!(credential.header_name(), "x-vault-token");
    assert_eq!(credential.header_value().to_str().unwrap(), "hvs.t");
    assert!(vault.seen()[0].ends_with(r#"{"role_id":"role","secret_id":"s3cret"}"#));
}

#[tokio::test]
async fn metadata_servers_are_found_or_missed_within_a_second() {
    const TOKEN: &str = r#"{"access_token":"m","token_type":"Bearer","expires_in":300}"#;
    let google = Small::start(&[
        (
            "/computeMetadata/v1/instance/service-accounts/default/token",
            "metadata-flavor: Google\r\n",
            TOKEN,
        ),
        ("/", "metadata-flavor: Google\r\n", "computeMetadata/"),
    ])
    .await;
    let machine = GceMetadata::new()
        .endpoint(google.url.as_str())
        .build(transport())
        .unwrap();
    assert_eq!(value(&machine).await, "Bearer m");
    let seen = google.seen();
    assert_eq!(seen.len(), 2);
    assert!(
        seen.iter()
            .all(|seen| seen.contains("metadata-flavor: Google"))
    );

    let azure = Small::start(&[("/metadata/identity/oauth2/token", "", TOKEN)]).await;
    let identity = AzureManagedIdentity::for_resource("https://vault.azure.net")
        .metadata_service(azure.url.as_str())
        .build(transport())
        .unwrap();
    assert_eq!(value(&identity).await, "Bearer m");

    // Nobody listens there, or somebody else does.
    let nowhere = ClosedPort::reserve();
    for endpoint in [nowhere.url().as_str(), azure.url.as_str()] {
        let missing = GceMetadata::new()
            .endpoint(endpoint)
            .build(transport())
            .unwrap();
        let chain = Chain::of(missing).or(Static::bearer("other").unwrap());
        assert_eq!(value(&chain).await, "Bearer other");
    }
}
