//! Profiles over TCP: what a real HTTP server reads of their requests.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{CredentialSource as _, Fetch};
use hallpass_oauth2::{
    Profile, Transport,
    transport::{Phase, TransportError},
};
use hallpass_testkit::Server;
use http::{Request, Response};

/// One connection for each request, in blocking HTTP/1.1.
struct Plain;

impl Transport for Plain {
    async fn send(
        &self,
        request: Request<Bytes>,
        _limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let exchange = tokio::task::spawn_blocking(move || exchange(&request));
        let text = exchange
            .await
            .map_err(|_| TransportError::new(Phase::Exchange))?;
        let text = text.map_err(|error| TransportError::caused(Phase::Exchange, error))?;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .get(9..12)
            .and_then(|status| status.parse::<u16>().ok());
        Response::builder()
            .status(status.unwrap_or(0))
            .body(Bytes::from(body.to_owned()))
            .map_err(|error| TransportError::caused(Phase::Exchange, error))
    }
}

fn exchange(request: &Request<Bytes>) -> std::io::Result<String> {
    let uri = request.uri();
    let address = uri.authority().map_or("", |authority| authority.as_str());
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut out = Vec::new();
    let method = request.method();
    write!(out, "{method} {target} HTTP/1.1\r\nhost: {address}\r\n")?;
    for (name, value) in request.headers() {
        write!(out, "{name}: {}\r\n", value.to_str().unwrap_or_default())?;
    }
    let length = request.body().len();
    write!(out, "content-length: {length}\r\nconnection: close\r\n\r\n")?;
    out.extend_from_slice(request.body());
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(&out)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test]
async fn odd_vendors_over_tcp() {
    for (name, var, method, query, body, answer, header, value) in [
        (
            "lark",
            None,
            "POST",
            None,
            r#"{"app_id":"my-client","app_secret":"s3cret"}"#,
            r#"{"code":0,"msg":"ok","tenant_access_token":"t-0ken","expire":7200}"#,
            "authorization",
            "Bearer t-0ken",
        ),
        (
            "marketo",
            Some(("munchkin_id", "123")),
            "GET",
            Some("grant_type=client_credentials&client_id=my-client&client_secret=s3cret"),
            "",
            r#"{"access_token":"cdf0:int","token_type":"bearer","expires_in":3599}"#,
            "authorization",
            "Bearer cdf0:int",
        ),
        (
            "walmart",
            Some(("host", "marketplace.walmartapis.com")),
            "POST",
            None,
            "grant_type=client_credentials",
            r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":900}"#,
            "wm_sec.access_token",
            "t0ken",
        ),
    ] {
        let server = Server::start().await;
        server.api().respond_next(1, 200, &[], answer);
        let mut profile = Profile::named(name).unwrap();
        if let Some((name, value)) = var {
            profile = profile.var(name, value);
        }
        let source = profile
            .token_url(format!("{}/vendor/token", server.url()))
            .client("my-client", "s3cret")
            .build(Plain)
            .unwrap();
        let credential = source.fetch(&Fetch::first()).await.unwrap();
        assert_eq!(credential.header_name(), header, "{name}");
        assert_eq!(credential.header_value(), value, "{name}");

        let journal = server.journal();
        let seen = &journal.entries()[0];
        assert_eq!(seen.method, method, "{name}");
        assert_eq!(seen.path, "/vendor/token", "{name}");
        assert_eq!(seen.query.as_deref(), query, "{name}");
        assert_eq!(seen.body, body, "{name}");
        if name == "walmart" {
            let id = seen.header("wm_qos.correlation_id").unwrap();
            assert_eq!(id.len(), 36);
        }
    }
}
