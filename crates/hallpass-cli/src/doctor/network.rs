//! Whether the token endpoint's machine is there: its name, its port, and what is spoken on it.

use std::{io, time::Duration};

use bytes::Bytes;
use hallpass::{
    Origin,
    oauth2::{Transport as _, transport::Phase},
};
use http::{Method, Request, Uri};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{finding::Finding, tls};
use crate::{
    exit::{Exit, chain},
    progress,
    target::Target,
};

/// How long each step may take. Systems repeat a lost packet after 1, 3 and 7 s.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn examine(target: &Target, endpoint: &Origin) -> Vec<Finding> {
    let Some((host, port)) = place_of(endpoint) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if target.has_token_proxy() {
        let message = "there is a proxy on the way, which resolves and connects";
        findings.push(Finding::ok("network", message));
    } else {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = progress::while_waiting("looking up the name", name(bare, port)).await;
        let failed = found.is_failure();
        findings.push(found);
        if failed {
            return findings;
        }
        let found = progress::while_waiting("connecting", connection(bare, port)).await;
        let failed = found.is_failure();
        findings.push(found);
        if failed {
            return findings;
        }
    }
    let spoken = spoken(target, endpoint, (&host, port));
    findings.push(progress::while_waiting("waiting for the server", spoken).await);
    findings
}

fn place_of(endpoint: &Origin) -> Option<(String, u16)> {
    let uri: Uri = endpoint.to_string().parse().ok()?;
    let usual = if endpoint.is_secure() { 443 } else { 80 };
    Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(usual)))
}

async fn name(host: &str, port: u16) -> Finding {
    let failed = |message: String| {
        Finding::failed("dns", Exit::Unreachable, message).because(
            format!("no machine has the name {host}, or the resolver of this one can't be asked"),
            "check the spelling of the host in the token URL, the tenant or region in it, and the network's DNS",
        )
    };
    match timeout(LIMIT, lookup_host((host, port))).await {
        Err(_) => failed(format!("{host} could not be looked up in time")),
        Ok(Err(error)) => failed(format!("{host} could not be looked up: {error}")),
        Ok(Ok(addresses)) => {
            let mut found: Vec<String> =
                addresses.map(|address| address.ip().to_string()).collect();
            found.dedup();
            if found.is_empty() {
                return failed(format!("{host} has no address"));
            }
            Finding::ok("dns", format!("{host} is {}", found.join(", ")))
        }
    }
}

async fn connection(host: &str, port: u16) -> Finding {
    match timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Finding::ok("tcp", format!("{host}:{port} takes connections")),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Finding::failed(
            "tcp",
            Exit::Unreachable,
            format!("{host}:{port} refused the connection"),
        )
        .because(
            "nothing listens on this port",
            "check the port in the token URL, and whether the server runs",
        ),
        Ok(Err(error)) => Finding::failed(
            "tcp",
            Exit::Unreachable,
            format!("{host}:{port} can't be connected to: {error}"),
        )
        .because(
            "the network has no way there",
            "check routes, VPN and firewall, or name a proxy with --token-proxy",
        ),
        Err(_) => Finding::failed(
            "tcp",
            Exit::Unreachable,
            format!("{host}:{port} does not answer"),
        )
        .because(
            "a firewall drops the packets, or the machine is down",
            "check VPN and firewall, or name a proxy with --token-proxy",
        ),
    }
}

/// Sends a request that asks for nothing, and sees what is spoken.
async fn spoken(target: &Target, endpoint: &Origin, place: (&str, u16)) -> Finding {
    let step = if endpoint.is_secure() { "tls" } else { "http" };
    let transport = match target.transport() {
        Ok(transport) => transport,
        Err(failure) => return Finding::failed(step, failure.exit, failure.message),
    };
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::HEAD;
    match format!("{endpoint}/").parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return Finding::ok(step, "the server was not asked"),
    }
    let error = match transport.send(request, LIMIT).await {
        Ok(_) if endpoint.is_secure() => {
            return Finding::ok(step, "the certificate is valid and trusted");
        }
        Ok(_) => return Finding::ok(step, "the server speaks HTTP, without TLS"),
        Err(error) => error,
    };
    let failed = Finding::failed(step, Exit::Unreachable, chain(&error));
    if endpoint.is_secure() {
        if let Some((cause, fix)) = tls::explain(&error, place.0) {
            return failed.because(cause, fix);
        }
        if error.phase() == Phase::Exchange {
            // Some answer such a request badly, and TLS is done by then.
            return Finding::ok(step, "the certificate is valid and trusted");
        }
    } else if speaks_tls(place).await {
        return failed.because(
            "the server speaks TLS on this port, and the token URL says http",
            "write https in the token URL",
        );
    }
    match error.phase() {
        Phase::ConnectTimeout | Phase::ExchangeTimeout => failed.because(
            "the server takes connections and says nothing",
            "check what listens on this port, and whether it is overloaded",
        ),
        _ => failed.because(
            "what listens on this port speaks something else, or ends the connection",
            "check the scheme and the port of the token URL, and proxies on the way",
        ),
    }
}

/// Whether plain HTTP is answered with an alert of TLS, or with nothing as only such servers do.
async fn speaks_tls(place: (&str, u16)) -> bool {
    let host = place.0.trim_start_matches('[').trim_end_matches(']');
    let first = async {
        let mut stream = TcpStream::connect((host, place.1)).await?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
        stream.read_u8().await
    };
    // 21 is the content type of an alert (RFC 8446 §5.1).
    matches!(timeout(LIMIT, first).await, Ok(Ok(21)))
}
