//! Who sends calls to a proxy.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Outcome;

/// One connection to a proxy, made anew after it broke.
pub(crate) struct Caller {
    address: SocketAddr,
    token: Option<String>,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Caller {
    /// For this proxy; with a token of its own if there is none that attaches one.
    pub(crate) fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self {
            address,
            token,
            open: None,
        }
    }

    pub(crate) async fn call(&mut self, method: Method, body: Bytes) -> Outcome<StatusCode> {
        let mut sender = match self.open.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => connect(self.address).await?,
        };
        let mut request = Request::builder()
            .method(method)
            .uri("/api/accounts?limit=1")
            .header(HOST, self.address.to_string());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        sender.ready().await?;
        let response = sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        response.into_body().collect().await?;
        self.open = Some(sender);
        Ok(status)
    }
}

async fn connect(address: SocketAddr) -> Outcome<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with its sender.
    tokio::spawn(connection);
    Ok(sender)
}
