//! axum as a reverse proxy that signs in on behalf of its callers.

use axum::{Router, body::Body, extract::Request, response::Response};
use bytes::Bytes;
use hallpass_core::BoxError;
use hallpass_testkit::Server;
use hallpass_tower::BearerLayer;
use http::{
    HeaderMap, HeaderName, Method, Uri,
    header::{AUTHORIZATION, CONNECTION, HOST, PROXY_AUTHORIZATION, TE, UPGRADE},
};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tower::{Layer as _, ServiceExt as _};

use crate::{
    front::{failed, serve},
    stage::{Outcome, Stage},
};

fn hop_by_hop(headers: &mut HeaderMap) {
    let named = headers.get_all(CONNECTION).iter();
    let named = named.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let named = named.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
    let named: Vec<HeaderName> = named.collect();
    let needed_by_grpc = headers.remove(TE).filter(|value| value == "trailers");
    let always = [CONNECTION, TE, UPGRADE, PROXY_AUTHORIZATION];
    for name in named.into_iter().chain(always) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    if let Some(trailers) = needed_by_grpc {
        headers.insert(TE, trailers);
    }
}

pub(crate) async fn run(stage: &Stage) -> Outcome {
    let (upstream, source) = (stage.url(), stage.source());
    let client = BearerLayer::new(source)
        .origins([upstream.as_str()])?
        .layer(hallpass_hyper::client()?);
    let upstream: Uri = upstream.parse()?;
    let proxy = move |mut request: Request| async move {
        if request.method() == Method::CONNECT {
            return failed("no tunnels");
        }
        let mut target = upstream.into_parts();
        target.path_and_query = request.uri().path_and_query().cloned();
        let Ok(target) = Uri::from_parts(target) else {
            return failed("no such path");
        };
        *request.uri_mut() = target;
        hop_by_hop(request.headers_mut());
        request.headers_mut().remove(HOST);
        request.headers_mut().remove(AUTHORIZATION);
        match client.oneshot(request).await {
            Ok(mut response) => {
                hop_by_hop(response.headers_mut());
                response.map(Body::new)
            }
            Err(error) => failed(error),
        }
    };
    let url = serve(Router::new().fallback(proxy)).await?;
    let caller = hallpass_hyper::client()?;
    let call = async |method: Method| {
        let body = Full::new(Bytes::from_static(if method == "POST" {
            b"b"
        } else {
            b""
        }));
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{url}/a?b=c"));
        let response: Response<_> = caller.clone().oneshot(request.body(body)?).await?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(BoxError::from(format!("status {status}"))),
        }
    };
    stage
        .drive(
            async || call(Method::GET).await,
            async || call(Method::POST).await,
        )
        .await;
    strangers(stage, &url).await
}

/// Targets that name a server of the caller's choice: the proxy goes to its upstream, or nowhere.
async fn strangers(stage: &Stage, url: &str) -> Outcome {
    let elsewhere = Server::start().await;
    let other = elsewhere.addr();
    let before = stage.server.journal().api_requests();
    for (target, expected) in [
        (format!("CONNECT {other}"), "502"),
        (format!("CONNECT @{other}"), "502"),
        (format!("CONNECT :{}", other.port()), "502"),
        (format!("GET http://{other}/a"), "200"),
        (format!("GET http://{other}@{other}/a"), "200"),
    ] {
        let head = format!(
            "{target} HTTP/1.1\r\nhost: {other}\r\nx-a: 1\r\nkeep-alive: 1\r\nconnection: close, x-a\r\n\r\n"
        );
        let mut socket = TcpStream::connect(url.trim_start_matches("http://")).await?;
        socket.write_all(head.as_bytes()).await?;
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await?;
        if !answer.ends_with(expected.as_bytes()) {
            let answer = String::from_utf8_lossy(&answer);
            return Err(format!("{target}: {answer}").into());
        }
    }
    let journal = stage.server.journal();
    let (arrived, strayed) = (journal.api_requests() - before, elsewhere.connections());
    if (arrived, strayed) != (2, 0) {
        return Err(format!("{arrived} arrived, and {strayed} elsewhere").into());
    }
    let kept = ["connection", "keep-alive", "x-a"];
    let passed = journal.api().flat_map(|entry| entry.headers.keys());
    match passed
        .into_iter()
        .find(|name| kept.contains(&name.as_str()))
    {
        Some(name) => Err(format!("{name} went through the proxy").into()),
        None => Ok(()),
    }
}
