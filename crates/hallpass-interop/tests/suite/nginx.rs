//! nginx in front: rate limits, connections of fifty requests, slow answers, TLS with HTTP/2.

use std::time::Duration;

use hallpass::{Cached, Error, Policy, hyper::Builder, oauth2::TokenRequest};
use http::Version;
use tokio::time::sleep;

use crate::{
    certificates::certificates,
    harness::{Folder, Held, Server, script},
    kinds::OIDC_PROVIDER,
    kit::{BASIC, Failed, Way, api, api_with, ask, built, get, grant, patient, refusal, url},
};

/// nginx, the server behind it, and the authority of its certificate.
struct Front {
    nginx: Held,
    behind: Held,
    authority: String,
}

impl Front {
    fn start() -> Self {
        let behind = OIDC_PROVIDER.running();
        let folder = Folder::new("nginx");
        let authority = certificates(&folder);
        let command = vec![
            "python3".into(),
            script("nginx.py"),
            folder.path().into(),
            behind.port("port").to_string().into(),
        ];
        Self {
            nginx: Server::start(folder, command, &[]).into(),
            behind,
            authority,
        }
    }

    fn at(&self, path: &str) -> TokenRequest {
        grant(url(&self.nginx, path), Way::Encoded, BASIC).scope("read")
    }

    fn secure(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.nginx.port("tls_port"))
    }

    fn at_secure(&self, path: &str) -> TokenRequest {
        grant(self.secure(path), Way::Encoded, BASIC).scope("read")
    }

    /// A line for each request: version, connection, path, status. nginx writes it after the
    /// answer, so this waits for so many.
    async fn requests(&self, path: &str, expected: usize) -> Vec<Vec<String>> {
        for _ in 0..100 {
            if self.logged(path).len() >= expected {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        self.logged(path)
    }

    fn logged(&self, path: &str) -> Vec<Vec<String>> {
        let log = self.nginx.file("access.log");
        let lines = log.lines().map(|line| line.split(' ').map(str::to_owned));
        lines
            .map(Iterator::collect)
            .filter(|line: &Vec<String>| line[2] == path)
            .collect()
    }
}

#[tokio::test]
async fn a_rate_limit_leaves_the_token_in_use() {
    let front = Front::start();
    // Due for renewal almost at once, and good for much longer.
    let mut policy = Policy::default();
    policy.renewal_share = 0.99;
    policy.renewal_jitter = 0.0;
    let source = built(front.at("/token"));
    let cached = Cached::builder(source.clone()).policy(policy).build();
    let api = api(&cached);
    let resource = url(&front.behind, OIDC_PROVIDER.resource);
    assert_eq!(get(&api, &resource).await.unwrap().status, 200);

    let error = ask(&source).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(4)));
    let message = error.to_string();
    assert!(
        message.contains("is rate limiting token requests"),
        "{message}"
    );

    sleep(Duration::from_millis(700)).await;
    // The first of these starts a renewal, which meets the limit; all go out with what there is.
    for _ in 0..10 {
        let answer = get(&api, &resource).await.unwrap();
        assert_eq!((answer.status, answer.attempt.generation), (200, 1));
        sleep(Duration::from_millis(20)).await;
    }
    let stats = cached.stats();
    assert_eq!((stats.fetches, stats.failures, stats.waits), (2, 1, 1));

    sleep(Duration::from_millis(4100)).await;
    get(&api, &resource).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let answer = get(&api, &resource).await.unwrap();
    assert_eq!((answer.status, answer.attempt.generation), (200, 2));
}

#[tokio::test]
async fn a_caller_without_a_token_learns_when_to_come_back() {
    let front = Front::start();
    let source = built(front.at("/token"));
    ask(&source).await.unwrap();
    // Less than the server's 4 s: who can wait for so long is served.
    let policy = Policy::default().patience(Duration::from_secs(1));
    let cached = Cached::builder(source).policy(policy).build();
    for _ in 0..3 {
        let error = cached.get().await.unwrap_err();
        let wait = error.retry_after().unwrap();
        // The server's 4 s and up to a tenth more.
        assert!(wait <= Duration::from_millis(4400) && wait > Duration::from_secs(2));
    }
    assert_eq!(cached.stats().fetches, 1);
}

#[tokio::test]
async fn connections_of_fifty_requests() {
    let front = Front::start();
    let source = built(front.at("/free"));
    let cached = Cached::new(source.clone());
    let api = api(&cached);
    let resource = url(&front.nginx, OIDC_PROVIDER.resource);
    for _ in 0..120 {
        ask(&source).await.unwrap();
        assert_eq!(get(&api, &resource).await.unwrap().status, 200);
    }
    let requests = front.requests("/resource", 120).await;
    let mut connections: Vec<_> = requests.iter().map(|request| &request[1]).collect();
    connections.dedup();
    assert_eq!(requests.len(), 120);
    assert!(connections.len() >= 3, "{connections:?}");
    assert_eq!(cached.stats().failures, 0);
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout() {
    let front = Front::start();
    let limit = Duration::from_millis(500);
    let error = refusal(front.at("/slow").attempt_deadline(limit)).await;
    assert!(error.is_timeout() && error.is_transient(), "{error:?}");
    // Three attempts.
    let expected = format!(
        "no token from {} within 2 s (answer)",
        url(&front.nginx, "")
    );
    assert_eq!(error.to_string(), expected);
    // The same answer, with the time that it takes.
    ask(&built(front.at("/slow"))).await.unwrap();
}

#[tokio::test]
async fn a_gateway_without_its_server() {
    let front = Front::start();
    let error = refusal(front.at("/gone")).await;
    assert!(error.is_transient(), "{error:?}");
    let message = error.to_string();
    assert!(
        message.ends_with("answered 502 with an HTML page"),
        "{message}"
    );
    assert_eq!(front.requests("/gone", 3).await.len(), 3);
}

#[tokio::test]
async fn a_redirect_takes_no_secret_along() {
    let front = Front::start();
    let error = refusal(front.at("/moved")).await;
    assert!(error.is_transient(), "{error:?}");
    assert!(
        error.to_string().contains("configure the final URL"),
        "{error}"
    );
    assert!(front.logged("/free").is_empty());
}

#[tokio::test]
async fn http_2_with_a_private_authority() {
    let front = Front::start();
    for (number, (builder, version, logged)) in [
        (Builder::new(), Version::HTTP_2, "HTTP/2.0"),
        (Builder::new().http1_only(), Version::HTTP_11, "HTTP/1.1"),
    ]
    .into_iter()
    .enumerate()
    {
        let builder = builder.only_roots_pem(&front.authority);
        let source = front
            .at_secure("/free")
            .build(builder.transport().unwrap())
            .unwrap();
        let cached = Cached::new(source);
        let answer = get(&api_with(&builder, &cached), &front.secure("/resource")).await;
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.version), (200, version));
        let requests = front.requests("/free", number + 1).await;
        assert_eq!(requests.last().unwrap()[0], logged);
    }
}

#[tokio::test]
async fn http_2_connections_end_without_harm() {
    let front = Front::start();
    let builder = patient().only_roots_pem(&front.authority);
    let source = front
        .at_secure("/free")
        .build(builder.transport().unwrap())
        .unwrap();
    let cached = Cached::new(source.clone());
    let api = api_with(&builder, &cached);
    let resource = front.secure("/resource");
    for round in 0..130 {
        if round % 65 == 64 {
            // nginx closes idle connections after two seconds.
            sleep(Duration::from_millis(2050)).await;
        }
        ask(&source).await.unwrap();
        assert_eq!(get(&api, &resource).await.unwrap().status, 200);
    }
    assert_eq!(cached.stats().failures, 0);
}

/// Requests that are under way when a connection has had its fifty: nginx says GOAWAY to those it
/// has not looked at. The transport sends them again; a client hands that on to its caller, who
/// alone knows whether there is a second try.
#[tokio::test]
async fn http_2_connections_end_under_load() {
    let front = Front::start();
    let builder = patient().only_roots_pem(&front.authority);
    let source = front
        .at_secure("/free")
        .build(builder.transport().unwrap())
        .unwrap();
    let cached = Cached::new(source.clone());
    let api = api_with(&builder, &cached);
    let workers: Vec<_> = (0..10)
        .map(|_| {
            let (api, source) = (api.clone(), source.clone());
            let resource = front.secure("/resource");
            tokio::spawn(async move {
                for _ in 0..30 {
                    ask(&source).await.unwrap();
                    let answer = match get(&api, &resource).await {
                        Err(Failed::Inner(error)) if !error.is_connect() => {
                            get(&api, &resource).await.unwrap()
                        }
                        outcome => outcome.unwrap(),
                    };
                    assert_eq!(answer.status, 200);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let stats = cached.stats();
    assert_eq!((stats.fetches, stats.rejections), (1, 0));
}

#[tokio::test]
async fn an_unknown_authority_is_named_as_the_reason() {
    let front = Front::start();
    let error = refusal(front.at_secure("/free")).await;
    assert!(error.is_transient(), "{error:?}");
    assert!(
        error
            .to_string()
            .starts_with("no connection to https://localhost:")
    );
    let chain = chain(&error);
    assert!(chain.contains("certificate"), "{chain}");
    assert!(front.logged("/free").is_empty());
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
