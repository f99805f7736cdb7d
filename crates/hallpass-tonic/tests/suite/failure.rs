//! No credential: the right status, with the error as its source.

use std::time::Duration;

use crate::common::{EchoClient, Issuer, Server, cause, message, start};
use hallpass_core::{Cached, Error, Keyed};
use hallpass_testkit::ClosedPort;
use hallpass_tonic::{Interceptor, bearer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::Code;

/// Asks a real token endpoint, in as few words as HTTP/1.1 takes.
struct TokenEndpoint {
    address: std::net::SocketAddr,
    secret: &'static str,
}

impl hallpass_core::CredentialSource for TokenEndpoint {
    async fn fetch(&self, _why: &hallpass_core::Fetch) -> Result<hallpass_core::Credential, Error> {
        let mut stream = TcpStream::connect(self.address)
            .await
            .map_err(Error::transient)?;
        let body = format!(
            "grant_type=client_credentials&client_id=client&client_secret={}",
            self.secret
        );
        let request = format!(
            "POST /token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream
            .write_all(request.as_bytes())
            .await
            .map_err(Error::transient)?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .map_err(Error::transient)?;
        match answer.get(9..12) {
            Some("200") => {}
            Some("400" | "401") => return Err(Error::permanent("the client was refused")),
            _ => return Err(Error::transient("overloaded").after(Duration::from_secs(7))),
        }
        let (_, rest) = answer.split_once("\"access_token\":\"").unwrap();
        let (token, _) = rest.split_once('"').unwrap();
        Ok(hallpass_core::Credential::bearer(token)?.lives_for(Duration::from_secs(3600)))
    }
}

async fn against(secret: &'static str, tokens: &hallpass_testkit::Server) -> tonic::Status {
    let server = Server::start().await;
    assert!(
        tokens.token_url().ends_with("/token"),
        "{}",
        tokens.token_url()
    );
    let source = TokenEndpoint {
        address: tokens.addr(),
        secret,
    };
    let mut client = EchoClient::new(bearer(server.endpoint(), source));
    let outcome = client.unary(message("a")).await;
    let status = outcome.err().unwrap_or_else(|| tonic::Status::ok("fine"));
    assert_eq!(server.gate.calls(), usize::from(status.code() == Code::Ok));
    status
}

#[tokio::test]
async fn what_the_token_endpoint_says_decides_the_code() {
    let tokens = hallpass_testkit::Server::start().await;
    assert_eq!(against("secret", &tokens).await.code(), Code::Ok);

    let status = against("wrong", &tokens).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(cause(&status).is_permanent());

    tokens.token_endpoint().fail_next(1, 429);
    let status = against("secret", &tokens).await;
    assert_eq!(status.code(), Code::Unavailable);
    let after = cause(&status).retry_after().unwrap();
    let spread = Duration::from_secs(7)..Duration::from_secs(8);
    assert!(spread.contains(&after), "{after:?}");

    tokens.token_endpoint().fail_next(1, 503);
    assert_eq!(against("secret", &tokens).await.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_token_endpoint_that_is_down_is_unavailable() {
    let closed = ClosedPort::reserve();
    let server = Server::start().await;
    let source = TokenEndpoint {
        address: closed.addr(),
        secret: "secret",
    };
    let mut client = EchoClient::new(bearer(server.endpoint(), source));
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let io = std::error::Error::source(cause(&status)).unwrap();
    assert!(io.downcast_ref::<std::io::Error>().is_some());
    // Logs show the message alone.
    assert!(status.message().contains("refused"), "{status:?}");
}

struct TokenFile;

impl hallpass_core::CredentialSource for TokenFile {
    async fn fetch(&self, _why: &hallpass_core::Fetch) -> Result<hallpass_core::Credential, Error> {
        let missing = std::fs::read_to_string("/nowhere/token").unwrap_err();
        Err(Error::permanent(missing).context("/nowhere/token can't be read"))
    }
}

#[tokio::test]
async fn a_missing_token_file_is_unavailable() {
    let server = Server::start().await;
    let mut client = EchoClient::new(bearer(server.endpoint(), TokenFile));
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("/nowhere/token can't be read"));
    assert!(status.message().contains("entity not found"), "{status:?}");
}

#[tokio::test]
async fn a_refused_call_without_a_replacement_gets_its_own_answer() {
    let (server, issuer, mut client) = start().await;
    client.unary(message("a")).await.unwrap();
    server.gate.revoke();
    issuer.fails(Error::permanent("the client was struck off"));
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "no valid token");
    assert_eq!(server.gate.calls(), 2);
}

#[tokio::test]
async fn a_server_that_is_down_is_told_as_tonic_tells_it() {
    let server = Server::start().await;
    let endpoint = server.endpoint();
    server.stop().await;
    let bare = EchoClient::new(endpoint.connect_lazy())
        .unary(message("a"))
        .await
        .unwrap_err();
    let channel = bearer(endpoint, Issuer::new());
    let ours = EchoClient::new(channel)
        .unary(message("a"))
        .await
        .unwrap_err();
    assert_eq!((ours.code(), ours.message()), (bare.code(), bare.message()));
    assert!(std::error::Error::source(&ours).is_some());
}

#[tokio::test]
async fn an_interceptor_takes_what_is_in_hand() {
    let server = Server::start().await;
    let issuer = Issuer::new();
    let cached = Cached::new(std::sync::Arc::clone(&issuer));
    let channel = server.endpoint().connect_lazy();
    let interceptor = Interceptor::new(cached.clone());
    let mut client = EchoClient::with_interceptor(channel, interceptor);

    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().starts_with("no credential in hand yet"));
    assert_eq!(server.gate.calls(), 0);
    // The refused call has started the fetch.
    cached.get().await.unwrap();
    client.unary(message("a")).await.unwrap();
    assert_eq!(issuer.fetches(), 1);

    server.gate.revoke();
    for _ in 0..2 {
        let status = client.unary(message("a")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    assert_eq!(server.gate.bearers(), crate::common::tokens(["token-1"; 3]));
}

#[tokio::test]
async fn an_interceptor_finds_the_key_of_a_call() {
    let server = Server::start().await;
    let cached = Cached::new(Issuer::new());
    cached.get().await.unwrap();
    let keyed = Keyed::new(move |_: &u8| Ok(cached.clone()));
    let channel = server.endpoint().connect_lazy();
    let mut client = EchoClient::with_interceptor(channel, Interceptor::keyed(keyed));
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(server.gate.calls(), 0);
    let mut call = tonic::Request::new(message("a"));
    call.extensions_mut().insert(1_u8);
    client.unary(call).await.unwrap();
    assert_eq!(server.gate.bearers(), crate::common::tokens(["token-1"]));
}

#[tokio::test]
async fn an_interceptor_tells_a_remembered_failure() {
    let server = Server::start().await;
    let issuer = Issuer::new();
    issuer.fails(Error::permanent("the client was refused"));
    let cached = Cached::new(issuer);
    cached.get().await.unwrap_err();
    let channel = server.endpoint().connect_lazy();
    let mut client = EchoClient::with_interceptor(channel, Interceptor::new(cached));
    let status = client.unary(message("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

/// "HTTP/2 Transport Mapping" of gRPC: so that a caller's retries send it again.
#[tokio::test]
async fn what_the_server_has_not_looked_at_is_unavailable() {
    for goaway in [true, false] {
        let mut builder = hallpass_testkit::Server::builder();
        if goaway {
            builder = builder.goaway_after(1);
        }
        let server = builder.start().await;
        let done = hallpass_testkit::RouteAnswer::grpc(b"");
        server.api().route("POST /{service}/{method}", done);
        let source = TokenEndpoint {
            address: server.addr(),
            secret: "secret",
        };
        let endpoint = tonic::transport::Endpoint::from_shared(server.url()).unwrap();
        let mut client = EchoClient::new(bearer(endpoint, source));
        client.unary(message("a")).await.unwrap();
        if !goaway {
            server.api().refuse_stream_next(1);
        }
        let status = client.unary(message("a")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert!(std::error::Error::source(&status).is_some(), "{status:?}");
        client.unary(message("a")).await.unwrap();
    }
}
