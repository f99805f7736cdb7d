//! The proxy's life: reload, a socket, and the end.

#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use hallpass_testkit::Server;
use http::StatusCode;
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

use super::{
    common::{Folder, SECRET, generic},
    proxy::{Proxy, get},
};

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_end_before_the_proxy_does() {
    for signal in [Signal::TERM, Signal::INT] {
        let (server, _) = generic().await;
        let proxy = Proxy::start(&server, &server.url(), &[]).await;
        let url = format!("{}/items", proxy.url);
        get(&url).await;
        let hold = server.api().hold();
        let slow = tokio::spawn(async move { get(&url).await.0 });
        hold.arrived(1).await;
        proxy.signal(signal);
        // Nobody new is let in.
        let address = proxy.address().to_owned();
        while TcpStream::connect(&address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        hold.release();
        assert_eq!(slow.await.unwrap(), StatusCode::OK);
        let (code, stderr) = proxy.ended().await;
        assert_eq!(code, 0, "{stderr}");
        assert!(!stderr.contains("ended with requests"), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_has_a_limit() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &["--grace", "200ms"]).await;
    let url = format!("{}/items", proxy.url);
    get(&url).await;
    let hold = server.api().hold();
    let slow = tokio::spawn(async move {
        let request = http::Request::get(url)
            .body(http_body_util::Full::default())
            .unwrap();
        tower::ServiceExt::oneshot(super::proxy::http(), request)
            .await
            .is_err()
    });
    hold.arrived(1).await;
    proxy.signal(Signal::TERM);
    let (code, stderr) = proxy.ended().await;
    assert_eq!(code, 0);
    assert!(stderr.contains("ended with requests under way"), "{stderr}");
    assert!(slow.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_anew_and_wrong_ones_change_nothing() {
    let (one, _) = generic().await;
    let two = Server::builder().client("client", SECRET).start().await;
    let folder = Folder::new();
    let settings = |server: &Server, more: &str| {
        let text = format!(
            "[clients.acme]\ntoken_url = \"{}\"\nid = \"client\"\nsecret = \"env:SECRET\"\n{more}",
            server.token_url()
        );
        folder.write("clients.toml", &text)
    };
    let file = settings(&one, "");
    let upstream = one.url();
    let mut proxy = Proxy::of(&["acme", "--config", &file, &upstream], &[]).await;
    let url = format!("{}/items", proxy.url);
    assert_eq!(get(&url).await.0, StatusCode::OK);

    settings(&one, "secrt = 'env:X'\n");
    proxy.signal(Signal::HUP);
    proxy.says("the settings stay: ");
    assert_eq!(get(&url).await.0, StatusCode::OK);
    assert_eq!(two.journal().token_requests(), 0);

    settings(&two, "");
    proxy.signal(Signal::HUP);
    while two.journal().token_requests() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The API of the one knows nothing of the other's tokens.
    while get(&url).await.0 != StatusCode::UNAUTHORIZED {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    proxy.signal(Signal::TERM);
    let (code, stderr) = proxy.ended().await;
    assert_eq!(code, 0);
    assert!(stderr.contains("the settings stay: "), "{stderr}");
    assert!(stderr.contains("did you mean \"secret\""), "{stderr}");
    assert!(stderr.contains("were read anew"), "{stderr}");
    assert!(!stderr.contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_bring_no_token_take_none_away() {
    let (server, _) = generic().await;
    let proxy = Proxy::start(&server, &server.url(), &[]).await;
    let url = format!("{}/items", proxy.url);
    assert_eq!(get(&url).await.0, StatusCode::OK);
    let before = server.journal().token_requests();
    server.token_endpoint().down(503);
    proxy.signal(Signal::HUP);
    while server.journal().token_requests() == before {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(get(&url).await.0, StatusCode::OK, "by the old settings");
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.ended().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_for_its_owner_alone() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let path = folder.path("acme.sock");
    let listen = format!("unix:{path}");
    let proxy = Proxy::start(&server, &server.url(), &["--listen", &listen]).await;
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream
        .write_all(b"GET /items HTTP/1.1\r\nhost: whatever\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.ended().await.0, 0);
    assert!(!folder.as_path().join("acme.sock").exists());

    // What one leaves behind that was killed is no hindrance; another file is.
    drop(tokio::net::UnixListener::bind(&path).unwrap());
    let proxy = Proxy::start(&server, &server.url(), &["--listen", &listen]).await;
    drop(proxy);
    let file = folder.write("file", "mine");
    let upstream = server.url();
    let args = super::common::client_args(&server);
    let listen = format!("unix:{file}");
    let args = ["proxy", "--listen", &listen]
        .into_iter()
        .chain(args.iter().map(String::as_str));
    super::common::hallpass(args.chain([upstream.as_str()]))
        .await
        .refused(&["something else is there"]);
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}
