//! Servers close idle connections after seconds, and a renewal always meets one that was idle.

use std::time::Duration;

use hallpass::{Cached, hyper::HyperTransport, oauth2::transport::Transport as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::{
    harness::Server,
    kinds::Kind,
    kit::{TTL, api_with, ask, built, get, patient, token_request, url, usual},
};

/// Longer than any server here that closes idle connections waits.
const IDLE: Duration = Duration::from_secs(8);

at_each_server!(idle_connections);

/// After how long the server closes an idle connection.
async fn closes_after(server: &Server) -> Option<Duration> {
    let port = u16::try_from(server.port("port")).unwrap();
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = b"GET /nothing-here HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    connection.write_all(request).await.unwrap();
    let mut buffer = [0; 4096];
    let mut last = Instant::now();
    loop {
        match timeout(IDLE, connection.read(&mut buffer)).await {
            Err(_) => return None,
            Ok(Ok(0) | Err(_)) => return Some(last.elapsed()),
            Ok(Ok(_)) => last = Instant::now(),
        }
    }
}

async fn idle_connections(kind: &'static Kind) {
    let server = kind.running();
    let usual_source = built(usual(kind, &server));
    let transport = patient().transport().unwrap();
    let patient_source = usual(kind, &server).build(transport.clone()).unwrap();
    let api = api_with(&patient(), &Cached::new(patient_source.clone()));
    let resource = url(&server, kind.resource);
    ask(&usual_source).await.unwrap();
    assert_eq!(get(&api, &resource).await.unwrap().status, kind.live);

    // This connection is the youngest, so the others are closed when it is.
    let closed = closes_after(&server).await;
    assert_eq!(closed.is_some(), kind.closes_idle, "{closed:?}");
    ask(&usual_source).await.unwrap();
    ask(&patient_source).await.unwrap();
    let answer = get(&api, &resource).await.unwrap();
    assert_eq!((answer.status, answer.attempt.replayed), (kind.live, false));

    if let Some(closed) = closed {
        while_nobody_looked(kind, &server, &transport, closed).await;
    }
}

/// The runtime's only thread stands still while the server closes the connection, so that the next
/// request goes out on it. Without the source's own retries.
async fn while_nobody_looked(
    kind: &'static Kind,
    server: &Server,
    transport: &HyperTransport,
    closed: Duration,
) {
    let request = token_request(&url(server, kind.token));
    let answer = transport.send(request.clone(), TTL).await.unwrap();
    assert_eq!(answer.status(), 200);
    std::thread::sleep(closed + Duration::from_millis(500));
    let answer = transport.send(request, TTL).await.unwrap();
    assert_eq!(answer.status(), 200);
}
