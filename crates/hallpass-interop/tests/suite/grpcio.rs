//! tonic against a gRPC server of another make, which asks the authorization server about the token
//! of every call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hallpass::{Attempt, Cached};
use hallpass_tonic::BearerChannel;
use tokio::time::sleep;
use tokio_stream::{self as stream, StreamExt as _};
use tonic::{
    Code, Response, Streaming,
    transport::{Certificate, ClientTlsConfig, Endpoint},
};

use crate::{
    certificates::certificates,
    harness::{Folder, Held, Server, python, script},
    kinds::{AUTHLIB, GLEWLWYD, Kind, OIDC_PROVIDER},
    kit::{BASIC, about, built, url, usual},
    proto::{EchoClient, Message, message},
};

/// Makes each function a test with tokens of each server that can be asked about them.
macro_rules! with_tokens_of_each_server {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn oidc_provider() {
                super::$test(&super::OIDC_PROVIDER).await;
            }

            #[tokio::test]
            async fn authlib() {
                super::$test(&super::AUTHLIB).await;
            }

            #[tokio::test]
            async fn glewlwyd() {
                super::$test(&super::GLEWLWYD).await;
            }
        }
    )+};
}

with_tokens_of_each_server!(
    all_four_kinds_heal,
    every_unary_call_succeeds,
    a_cut_stream_is_reported,
);

/// grpcio, the server that its tokens come from, and a client.
struct Peer {
    _grpcio: Held,
    issuer: Held,
    kind: &'static Kind,
    cached: Cached,
    client: EchoClient<BearerChannel>,
}

impl Peer {
    fn start(kind: &'static Kind) -> Self {
        Self::build(kind, Folder::new("grpcio"), &[], |port| {
            Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap()
        })
    }

    fn build(
        kind: &'static Kind,
        folder: Folder,
        tls: &[&str],
        endpoint: impl FnOnce(u64) -> Endpoint,
    ) -> Self {
        let issuer = kind.running();
        let introspection = url(&issuer, kind.introspection.unwrap());
        let mut command = vec![
            python("python"),
            script("grpc_server.py"),
            introspection.into(),
        ];
        command.extend(tls.iter().map(|file| folder.path().join(file).into()));
        let (id, secret) = BASIC;
        let grpcio = Held::from(Server::start(
            folder,
            command,
            &[("ID", id), ("SECRET", secret)],
        ));
        let cached = Cached::new(built(usual(kind, &issuer)));
        let channel = hallpass_tonic::bearer(endpoint(grpcio.port("port")), cached.clone())
            .replay_client_streams();
        Self {
            client: EchoClient::new(channel),
            _grpcio: grpcio,
            issuer,
            kind,
            cached,
        }
    }

    /// Revokes the token in use at the server that it came from (RFC 7009).
    async fn revoke(&self) {
        let credential = self.cached.get().await.unwrap();
        about(&self.issuer, self.kind.revocation, &credential).await;
    }

    /// How many tokens were fetched, how many rejected, and how many calls replayed.
    fn counted(&self) -> (u64, u64, u64) {
        let stats = self.cached.stats();
        (stats.fetches, stats.rejections, stats.replays)
    }
}

fn attempt<T>(response: &Response<T>) -> (u64, bool) {
    let attempt = response.extensions().get::<Attempt>().unwrap();
    (attempt.generation, attempt.replayed)
}

async fn texts(response: Response<Streaming<Message>>) -> Vec<String> {
    let messages = response.into_inner();
    messages
        .map(|message| message.unwrap().text)
        .collect()
        .await
}

async fn all_four_kinds_heal(kind: &'static Kind) {
    let mut peer = Peer::start(kind);
    let parts = || stream::iter(["a", "b", "c"].map(message));
    let answer = peer.client.unary(message("a")).await.unwrap();
    assert_eq!(attempt(&answer), (1, false));

    peer.revoke().await;
    let answer = peer.client.unary(message("a")).await.unwrap();
    assert_eq!(attempt(&answer), (2, true));
    assert_eq!(answer.into_inner().text, "a");

    peer.revoke().await;
    let answer = peer.client.collect(parts()).await.unwrap();
    assert_eq!(attempt(&answer), (3, true));
    assert_eq!(answer.into_inner().text, "abc");

    peer.revoke().await;
    let answers = peer.client.repeat(message("3")).await.unwrap();
    assert_eq!(attempt(&answers), (4, true));
    assert_eq!(texts(answers).await, ["0", "1", "2"]);

    peer.revoke().await;
    let answers = peer.client.chat(parts()).await.unwrap();
    assert_eq!(attempt(&answers), (5, true));
    assert_eq!(texts(answers).await, ["a", "b", "c"]);
    assert_eq!(peer.counted(), (5, 4, 4));
}

async fn every_unary_call_succeeds(kind: &'static Kind) {
    const TASKS: usize = 8;
    const CALLS: usize = 30;
    const REVOCATIONS: usize = 3;

    let peer = Peer::start(kind);
    let done = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (mut client, done) = (peer.client.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                for call in 0..CALLS {
                    let text = format!("{task} {call}");
                    let answer = client.unary(message(&*text)).await.unwrap();
                    assert_eq!(answer.into_inner().text, text);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for revocation in 1..=REVOCATIONS {
        while done.load(Ordering::Relaxed) < revocation * TASKS * CALLS / (REVOCATIONS + 1) {
            sleep(Duration::from_millis(1)).await;
        }
        peer.revoke().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (fetches, rejections, replays) = peer.counted();
    assert_eq!((fetches, rejections), (4, 3));
    // At least one call met each revocation, and at most those that were under way.
    assert!((3..=3 * TASKS as u64).contains(&replays), "{replays}");
}

async fn a_cut_stream_is_reported(kind: &'static Kind) {
    let mut peer = Peer::start(kind);
    let answers = peer.client.repeat(message("1000")).await.unwrap();
    let mut answers = answers.into_inner();
    for number in ["0", "1"] {
        assert_eq!(answers.message().await.unwrap().unwrap().text, number);
    }
    peer.revoke().await;
    let status = loop {
        match answers.message().await {
            Ok(answer) => assert!(answer.is_some(), "it ended as if all was well"),
            Err(status) => break status,
        }
    };
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unauthenticated, "the token has ended")
    );
    // The refusal fetches another token, but what was read can't be unread.
    assert_eq!(peer.counted(), (2, 1, 0));

    // If it comes before that token, it tries the suspect and is sent again.
    let answer = peer.client.unary(message("next")).await.unwrap();
    let (generation, replayed) = attempt(&answer);
    assert_eq!(generation, 2);
    assert_eq!(peer.counted(), (2, 1, u64::from(replayed)));
}

#[tokio::test]
async fn over_tls_oidc_provider() {
    let folder = Folder::new("grpcio-tls");
    let authority = Certificate::from_pem(certificates(&folder));
    let files = ["server.pem", "server.key"];
    let mut peer = Peer::build(&OIDC_PROVIDER, folder, &files, |port| {
        let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).unwrap();
        let tls = ClientTlsConfig::new().ca_certificate(authority);
        endpoint.tls_config(tls).unwrap()
    });
    let answer = peer.client.unary(message("a")).await.unwrap();
    assert_eq!(attempt(&answer), (1, false));
    peer.revoke().await;
    let answer = peer.client.unary(message("b")).await.unwrap();
    assert_eq!(attempt(&answer), (2, true));
    assert_eq!(answer.into_inner().text, "b");
}
