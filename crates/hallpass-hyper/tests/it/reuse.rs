//! Connections are used again, and one that died while idle costs nobody an error.

use std::time::Duration;

use hallpass_hyper::Builder;
use hallpass_oauth2::transport::Phase;
use hallpass_testkit::Server;
use tokio::io::AsyncWriteExt as _;

use crate::common::{
    LONG, SHORT, connections, phase, read_request, scripted, send, status, transport,
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn requests_in_a_row_share_a_connection() {
    let server = Server::start().await;
    let transport = transport();
    for _ in 0..3 {
        assert_eq!(status(&transport, &server.token_url()).await, 200);
        assert_eq!(status(&transport.clone(), &server.token_url()).await, 200);
    }
    assert_eq!(connections(&server), [1; 6]);
}

#[tokio::test]
async fn an_idle_connection_is_given_up_in_time() {
    let server = Server::start().await;
    let transport = Builder::new().idle_timeout(SHORT).transport().unwrap();
    assert_eq!(status(&transport, &server.token_url()).await, 200);
    tokio::time::sleep(2 * SHORT).await;
    assert_eq!(status(&transport, &server.token_url()).await, 200);
    assert_eq!(connections(&server), [1, 2]);
}

#[tokio::test]
async fn a_server_that_closes_each_connection_is_no_trouble() {
    let server = Server::start().await;
    server.token_endpoint().close_each(true);
    let transport = transport();
    for _ in 0..50 {
        assert_eq!(status(&transport, &server.token_url()).await, 200);
    }
    assert_eq!(connections(&server), (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_server_that_closes_idle_connections_is_no_trouble() {
    for builder in [Builder::new(), Builder::new().http2_only()] {
        let server = Server::start().await;
        let transport = builder.transport().unwrap();
        for round in 0..50 {
            server.close_idle();
            if round % 2 == 0 {
                // Sometimes the news of it has come, and sometimes not.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(status(&transport, &server.token_url()).await, 200);
        }
    }
}

#[tokio::test]
async fn a_request_that_met_a_dead_idle_connection_is_sent_once_more() {
    let server = Server::start().await;
    let transport = transport();
    assert_eq!(status(&transport, &server.token_url()).await, 200);
    server.token_endpoint().hang_up_next(1);
    assert_eq!(status(&transport, &server.token_url()).await, 200);
    assert_eq!(connections(&server), [1, 1, 2]);

    // Once: a server that hangs up on the fresh connection too is not asked a third time.
    assert_eq!(status(&transport, &server.token_url()).await, 200);
    server.clear_journal();
    server.token_endpoint().hang_up_next(2);
    let met = phase(&transport, &server.token_url(), LONG).await;
    assert_eq!(met, Phase::Exchange);
    assert_eq!(connections(&server), [3, 4]);
}

#[tokio::test]
async fn of_many_dead_idle_connections_none_is_met_twice() {
    let server = Server::start().await;
    let transport = transport();
    let hold = server.token_endpoint().hold();
    let url = server.token_url();
    let sending: Vec<_> = (0..8)
        .map(|_| {
            let (transport, url) = (transport.clone(), url.clone());
            tokio::spawn(async move { status(&transport, &url).await })
        })
        .collect();
    hold.arrived(8).await;
    drop(hold);
    for sent in sending {
        assert_eq!(sent.await.unwrap(), 200);
    }
    assert_eq!(server.connections(), 8);
    server.token_endpoint().hang_up_next(1);
    assert_eq!(status(&transport, &url).await, 200);
    assert_eq!(server.connections(), 9);
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_reported() {
    let server = Server::start().await;
    server.token_endpoint().hang_up_next(1);
    let met = phase(&transport(), &server.token_url(), LONG).await;
    assert_eq!(met, Phase::Exchange);
    assert_eq!(connections(&server), [1]);
}

#[tokio::test]
async fn an_answer_that_had_begun_is_not_asked_for_again() {
    let server = Server::start().await;
    let transport = transport();
    assert_eq!(status(&transport, &server.token_url()).await, 200);
    server.token_endpoint().cut_next(1);
    let met = phase(&transport, &server.token_url(), LONG).await;
    assert_eq!(met, Phase::Exchange);
    assert_eq!(connections(&server), [1, 1]);
}

#[tokio::test]
async fn a_connection_reset_while_idle_is_no_trouble() {
    let address = scripted(|number, mut stream| async move {
        assert!(read_request(&mut stream).await);
        stream.write_all(OK).await.unwrap();
        if number == 1 {
            assert!(read_request(&mut stream).await);
            stream.set_zero_linger().unwrap();
        }
    })
    .await;
    let url = format!("http://{address}/token");
    let transport = transport();
    assert_eq!(status(&transport, &url).await, 200);
    assert_eq!(status(&transport, &url).await, 200);
}

#[tokio::test]
async fn a_reset_stream_on_http2_is_reported() {
    // It says nothing of whether the request was looked at, and the connection lives.
    let server = Server::start().await;
    let transport = Builder::new().http2_only().transport().unwrap();
    assert_eq!(status(&transport, &server.token_url()).await, 200);
    server.token_endpoint().hang_up_next(1);
    assert!(send(&transport, &server.token_url()).await.is_err());
    assert_eq!(status(&transport, &server.token_url()).await, 200);
    assert_eq!(connections(&server), [1; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once() {
    for builder in [Builder::new(), Builder::new().http2_only()] {
        let server = Server::start().await;
        let transport = builder.transport().unwrap();
        let url = server.token_url();
        for _ in 0..2 {
            let sending: Vec<_> = (0..200)
                .map(|_| {
                    let (transport, url) = (transport.clone(), url.clone());
                    tokio::spawn(async move { status(&transport, &url).await })
                })
                .collect();
            for sent in sending {
                assert_eq!(sent.await.unwrap(), 200);
            }
        }
        assert_eq!(server.journal().token_with_status(200), 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_over_tls() {
    let server = Server::builder().tls().start().await;
    let transport = Builder::new()
        .only_roots_pem(server.certificate_pem().unwrap())
        .transport()
        .unwrap();
    let url = server.token_url();
    let mut opened = Vec::new();
    for _ in 0..2 {
        let sending: Vec<_> = (0..200)
            .map(|_| {
                let (transport, url) = (transport.clone(), url.clone());
                tokio::spawn(async move { status(&transport, &url).await })
            })
            .collect();
        for sent in sending {
            assert_eq!(sent.await.unwrap(), 200);
        }
        // On a machine that stands still meanwhile, the kept one may have ended.
        assert_eq!(status(&transport, &url).await, 200);
        opened.push(server.connections());
    }
    assert_eq!(
        opened[0], opened[1],
        "then they are streams of one connection"
    );
}

#[test]
fn another_runtime_may_take_over() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let servers = runtime();
    let server = servers.block_on(Server::start());
    let transport = transport();
    for _ in 0..3 {
        let callers = runtime();
        assert_eq!(
            callers.block_on(status(&transport, &server.token_url())),
            200
        );
    }
}
