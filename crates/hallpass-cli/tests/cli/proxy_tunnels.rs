//! Connections that change their protocol, and the end of the proxy.

#![cfg(unix)]

use std::{sync::Arc, time::Duration};

use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::{common::generic, proxy::Proxy, proxy_streams::head};

/// An API that changes to a protocol which repeats what it is told.
struct Echo {
    url: String,
    asked: Arc<Notify>,
    may_change: Arc<Notify>,
}

impl Echo {
    async fn start() -> Self {
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let echo = Self {
            url: format!("http://{}", api.local_addr().unwrap()),
            asked: Arc::default(),
            may_change: Arc::default(),
        };
        let (asked, may_change) = (Arc::clone(&echo.asked), Arc::clone(&echo.may_change));
        tokio::spawn(async move {
            let (mut stream, _) = api.accept().await.unwrap();
            head(&mut stream).await;
            asked.notify_one();
            may_change.notified().await;
            let answer =
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let mut buffer = [0; 3];
            while stream.read_exact(&mut buffer).await.is_ok() {
                stream.write_all(&buffer).await.unwrap();
            }
        });
        echo
    }
}

/// Asks for the change, and waits until the API was asked.
async fn ask(proxy: &Proxy, echo: &Echo) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let asked = format!(
        "GET / HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n",
        proxy.address()
    );
    stream.write_all(asked.as_bytes()).await.unwrap();
    echo.asked.notified().await;
    stream
}

async fn changed(stream: &mut TcpStream) {
    let answer = head(stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
}

/// Tells the proxy to end, and waits until it lets nobody in.
async fn told_to_end(proxy: &Proxy) {
    proxy.signal(Signal::TERM);
    while TcpStream::connect(proxy.address()).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn repeats(stream: &mut TcpStream) {
    stream.write_all(b"bye").await.unwrap();
    let mut echo = [0; 3];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"bye");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_may_end_by_itself_too() {
    let (server, _) = generic().await;
    let echo = Echo::start().await;
    let proxy = Proxy::start(&server, &echo.url, &[]).await;
    let mut stream = ask(&proxy, &echo).await;
    echo.may_change.notify_one();
    changed(&mut stream).await;
    told_to_end(&proxy).await;
    repeats(&mut stream).await;
    drop(stream);
    let (code, stderr) = proxy.ended().await;
    assert_eq!(code, 0);
    assert!(stderr.contains("are still open"), "{stderr}");
    assert!(!stderr.contains("ended with requests"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_may_still_become_a_tunnel() {
    let (server, _) = generic().await;
    let echo = Echo::start().await;
    let proxy = Proxy::start(&server, &echo.url, &[]).await;
    let mut stream = ask(&proxy, &echo).await;
    told_to_end(&proxy).await;
    echo.may_change.notify_one();
    changed(&mut stream).await;
    repeats(&mut stream).await;
    drop(stream);
    let (code, stderr) = proxy.ended().await;
    assert_eq!(code, 0);
    assert!(!stderr.contains("ended with requests"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_that_does_not_end_is_cut_at_the_limit() {
    let (server, _) = generic().await;
    let echo = Echo::start().await;
    let proxy = Proxy::start(&server, &echo.url, &["--grace", "200ms"]).await;
    let mut stream = ask(&proxy, &echo).await;
    echo.may_change.notify_one();
    changed(&mut stream).await;
    proxy.signal(Signal::TERM);
    let (code, stderr) = proxy.ended().await;
    assert_eq!(code, 0);
    assert!(stderr.contains("ended with requests under way"), "{stderr}");
    assert_ne!(stream.read(&mut [0]).await.unwrap_or_default(), 1);
}
