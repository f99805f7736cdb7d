//! What goes over the wire: lengths, codings, proxies, and connectors of one's own.

use std::{
    error::Error as _,
    io::Write as _,
    net::SocketAddr,
    process::Command,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
use hallpass_hyper::{Builder, Client, Proxy};
use hallpass_oauth2::transport::{BODY_LIMIT, Phase, Transport as _};
use hallpass_testkit::Server;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;
use tower::{ServiceExt as _, service_fn};

use crate::common::{LONG, scripted, send, transport};

type Heads = Arc<Mutex<Vec<String>>>;

async fn head(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            break;
        }
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

/// Notes the heads of the requests, and answers `CONNECT` and everything else with these.
async fn noting(connect: &'static str, other: &'static str) -> (SocketAddr, Heads) {
    let heads = Heads::default();
    let noted = Arc::clone(&heads);
    let address = scripted(move |_, mut stream| {
        let noted = Arc::clone(&noted);
        async move {
            let head = head(&mut stream).await;
            let answer = if head.starts_with("CONNECT") {
                connect
            } else {
                other
            };
            noted.lock().unwrap().push(head);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    (address, heads)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const ASKS: &str = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";

fn request(method: Method, url: &str) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(url);
    request.body(Full::default()).unwrap()
}

fn last(heads: &Heads) -> String {
    heads.lock().unwrap().pop().expect("a request")
}

#[tokio::test]
async fn a_request_without_a_body_says_so() {
    let (address, heads) = noting(OK, OK).await;
    let url = format!("http://{address}/");
    let client = hallpass_hyper::client().unwrap();
    for (method, expected) in [
        (Method::POST, true),
        (Method::PUT, true),
        (Method::PATCH, true),
        (Method::GET, false),
        (Method::DELETE, false),
    ] {
        let request = request(method.clone(), &url);
        client.clone().oneshot(request).await.unwrap();
        let says = last(&heads).contains("\r\ncontent-length: 0\r\n");
        assert_eq!(says, expected, "{method}");
    }
    let empty = Request::post(&url).body(Bytes::new()).unwrap();
    transport().send(empty, LONG).await.unwrap();
    let head = last(&heads);
    assert!(head.contains("\r\ncontent-length: 0\r\n"), "{head}");
    assert!(head.contains("\r\naccept-encoding: identity\r\n"), "{head}");
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_coded_answer_is_decoded_within_the_limit_or_named() {
    let server = Server::start().await;
    let transport = transport();
    let answer = async |status: u16, coding: &str, body: Vec<u8>| {
        let headers = [("content-encoding", coding)];
        server
            .token_endpoint()
            .respond_next(1, status, &headers, body);
        send(&transport, &server.token_url()).await
    };
    let refusal = br#"{"error":"invalid_client"}"#;
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(refusal).unwrap();
    let zlib = zlib.finish().unwrap();
    for (coding, body) in [
        ("gzip", gzip(refusal)),
        ("X-GZIP", gzip(refusal)),
        ("deflate", zlib),
        ("identity", refusal.to_vec()),
    ] {
        let answer = answer(401, coding, body).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (401, &refusal[..])
        );
    }
    let whole = answer(200, "gzip", gzip(&vec![b' '; BODY_LIMIT])).await;
    assert_eq!(whole.unwrap().body().len(), BODY_LIMIT);
    let bomb = answer(200, "gzip", gzip(&vec![b' '; 30 * BODY_LIMIT])).await;
    assert_eq!(bomb.unwrap_err().phase(), Phase::TooLarge);
    for (coding, shown) in [
        ("br", "coded (br)"),
        ("gzip, br", "coded (gzip, br)"),
        ("gzip", "coded (gzip, damaged)"),
        ("<script>", "coded (unknown)"),
    ] {
        let error = answer(200, coding, b"not that".to_vec()).await.unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(shown), "{cause}");
    }
}

#[tokio::test]
async fn plain_http_is_handed_to_the_proxy_with_its_password() {
    let (address, heads) = noting(ASKS, OK).await;
    let proxy = Proxy::all(format!("http://Aladdin:opensesame@{address}"));
    let builder = Builder::new().proxy(proxy);
    let client = builder.client().unwrap();
    let request = request(Method::GET, "http://api.example.com/items?a=b");
    assert_eq!(client.oneshot(request).await.unwrap().status(), 200);
    let transport = builder.transport().unwrap();
    send(&transport, "http://auth.example.com/token")
        .await
        .unwrap();
    let basic = "\r\nproxy-authorization: Basic QWxhZGRpbjpvcGVuc2VzYW1l\r\n";
    for line in [
        "POST http://auth.example.com/token HTTP/1.1",
        "GET http://api.example.com/items?a=b HTTP/1.1",
    ] {
        let head = last(&heads);
        assert!(head.starts_with(line) && head.contains(basic), "{head}");
    }
    let shown = format!("{builder:?}");
    assert!(!shown.contains("opensesame"), "{shown}");
}

#[tokio::test]
async fn this_machine_is_never_asked_for_through_a_proxy() {
    let server = Server::start().await;
    let (address, heads) = noting(OK, OK).await;
    let proxy = Proxy::all(format!("http://secret@{address}"));
    let client = Builder::new().proxy(proxy).client().unwrap();
    let local = format!(
        "http://localhost:{}",
        server.url().rsplit(':').next().unwrap()
    );
    for url in [server.url(), local] {
        let answer = client.clone().oneshot(request(Method::GET, &url)).await;
        assert_eq!(answer.unwrap().status(), 401);
    }
    assert!(heads.lock().unwrap().is_empty());
    let entries = server.journal();
    let header = "proxy-authorization";
    assert!(
        entries
            .api()
            .all(|entry| !entry.headers.contains_key(header))
    );
}

#[tokio::test]
async fn what_is_on_the_link_is_never_asked_for_through_a_proxy() {
    let dialed = Heads::default();
    let noted = Arc::clone(&dialed);
    let nowhere = service_fn(move |uri: Uri| {
        noted.lock().unwrap().push(uri.to_string());
        async { Err::<TokioIo<TcpStream>, _>(std::io::Error::other("nowhere")) }
    });
    let builder = Builder::new()
        .connector(nowhere)
        .proxy(Proxy::all("http://secret@proxy.example.com:3128"));
    let client = builder.client().unwrap();
    let transport = builder.transport().unwrap();
    for url in [
        "http://169.254.169.254/",
        "http://169.254.170.2/",
        "http://[fe80::1]:8080/",
        "http://[fd00:ec2::254]/",
    ] {
        let request = request(Method::GET, url);
        assert!(client.clone().oneshot(request).await.is_err());
        assert_eq!(last(&dialed), url);
        assert!(send(&transport, url).await.is_err());
        assert_eq!(last(&dialed), url);
    }
    let request = request(Method::GET, "http://api.example.com/");
    assert!(client.clone().oneshot(request).await.is_err());
    assert!(last(&dialed).contains("proxy.example.com:3128"));
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let signed = rcgen::generate_simple_self_signed(["api.example.com".to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(signed.signing_key.serialize_pem().as_bytes());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key.unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let heads = Heads::default();
    let noted = Arc::clone(&heads);
    let address = scripted(move |_, mut stream| {
        let (acceptor, noted) = (acceptor.clone(), Arc::clone(&noted));
        async move {
            let connect = head(&mut stream).await;
            noted.lock().unwrap().push(connect);
            let open = "HTTP/1.1 200 Connection established\r\n\r\n";
            stream.write_all(open.as_bytes()).await.unwrap();
            let mut inside = acceptor.accept(stream).await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                assert!(inside.read_buf(&mut seen).await.unwrap() > 0);
            }
            noted.lock().unwrap().push(String::from_utf8(seen).unwrap());
            inside.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;
    let proxy = Proxy::all(format!("http://Aladdin:opensesame@{address}"));
    let client = Builder::new()
        .only_root_der(signed.cert.der())
        .http1_only()
        .proxy(proxy)
        .client()
        .unwrap();
    let answer = client.oneshot(request(Method::GET, "https://api.example.com/items"));
    assert_eq!(answer.await.unwrap().status(), 200);
    let inside = last(&heads);
    assert!(inside.starts_with("GET /items HTTP/1.1"), "{inside}");
    assert!(!inside.contains("proxy-authorization"), "{inside}");
    let connect = last(&heads);
    assert!(connect.starts_with("CONNECT api.example.com:443 HTTP/1.1"));
    assert!(connect.contains("Basic QWxhZGRpbjpvcGVuc2VzYW1l"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_no_connection() {
    let (address, heads) = noting(ASKS, OK).await;
    let except = Proxy::all_except(format!("http://{address}"), "direct.example.com");
    let client = Builder::new().proxy(except).client().unwrap();
    let refused = client.oneshot(request(Method::GET, "https://api.example.com/"));
    let error = refused.await.unwrap_err();
    assert!(error.is_connect() && error.is_unprocessed());
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    assert!(causes.any(|cause| cause.to_string().contains("proxy authorization required")));
    assert_eq!(heads.lock().unwrap().len(), 1);
}

#[test]
fn an_unreadable_proxy_is_an_error_without_its_value() {
    for url in ["ftp://me:opensesame@proxy", "", "http://me:opensesame@"] {
        let builder = Builder::new().proxy(Proxy::all(url));
        let error = builder.client::<Full<Bytes>>().unwrap_err();
        assert!(error.to_string().contains("the proxy's URL"), "{error}");
        assert!(!format!("{error:?}{builder:?}").contains("opensesame"));
        assert!(builder.transport().is_err());
    }
}

/// The variables belong to a process, so that each case has one of its own.
#[tokio::test]
async fn the_environment_is_asked_if_it_is_chosen() {
    for (name, value, expected) in [
        ("HTTP_PROXY", "http://PROXY", "from_env: proxied"),
        ("ALL_PROXY", "PROXY", "from_env: proxied"),
        ("HTTPS_PROXY", "http://PROXY", "from_env: direct"),
        ("http_proxy", "http://PROXY", "from_env: proxied"),
        (
            "HTTP_PROXY",
            "ftp://secret@PROXY",
            "from_env: HTTP_PROXY is not",
        ),
    ] {
        let (address, heads) = noting(OK, OK).await;
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "wire::child", "--ignored", "--nocapture"])
            .env_remove("NO_PROXY")
            .env(name, value.replace("PROXY", &address.to_string()));
        let child = tokio::task::spawn_blocking(move || child.output());
        let child = child.await.unwrap();
        let said = String::from_utf8(child.unwrap().stdout).unwrap();
        assert!(said.contains(expected), "{name}={value}: {said}");
        assert!(!said.contains("secret"));
        let proxied = usize::from(expected.ends_with("proxied"));
        assert_eq!(heads.lock().unwrap().len(), proxied, "none is the default");
    }
}

#[tokio::test]
#[ignore = "runs in a process of its own, with variables"]
#[allow(clippy::print_stdout, reason = "its parent reads it")]
async fn child() {
    // Nothing listens there, and the name is not resolved.
    let nowhere = service_fn(|uri: Uri| async move {
        let address = uri.authority().unwrap().as_str().to_owned();
        let direct = uri.host().is_some_and(|host| host.ends_with("example.com"));
        if direct {
            return Err(std::io::Error::other("direct"));
        }
        TcpStream::connect(address).await.map(TokioIo::new)
    });
    for (name, proxy) in [
        ("default", None),
        ("none", Some(Proxy::none())),
        ("from_env", Some(Proxy::from_env())),
    ] {
        let builder = Builder::new().connector(nowhere);
        let builder = match proxy {
            Some(proxy) => builder.proxy(proxy),
            None => builder,
        };
        let client: Client<Full<Bytes>> = match builder.client() {
            Ok(client) => client,
            Err(error) => {
                println!("{name}: {error}");
                continue;
            }
        };
        let request = request(Method::GET, "http://api.example.com/");
        let proxied = client.oneshot(request).await.is_ok();
        println!("{name}: {}", if proxied { "proxied" } else { "direct" });
    }
}

#[tokio::test]
async fn a_connector_of_ones_own_makes_the_connections() {
    let server = Server::start().await;
    let address: SocketAddr = server.url().trim_start_matches("http://").parse().unwrap();
    let asked = Heads::default();
    let noted = Arc::clone(&asked);
    let connector = service_fn(move |uri: Uri| {
        noted.lock().unwrap().push(uri.to_string());
        async move { TcpStream::connect(address).await.map(TokioIo::new) }
    });
    let builder = Builder::new().connector(connector);
    let client = builder.client().unwrap();
    let answer = client.oneshot(request(Method::GET, "http://api.example.com/a"));
    assert_eq!(answer.await.unwrap().status(), 401);
    assert_eq!(last(&asked), "http://api.example.com/");
    let transport = builder.transport().unwrap();
    let url = server
        .token_url()
        .replace(&server.url(), "http://auth.example.com");
    assert_eq!(send(&transport, &url).await.unwrap().status(), 200);
}
