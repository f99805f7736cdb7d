//! Transport and client together, below the layer that puts credentials on.

use bytes::Bytes;
use hallpass_core::{Credential, CredentialSource, Error, Fetch};
use hallpass_hyper::HyperTransport;
use hallpass_oauth2::transport::Transport as _;
use hallpass_testkit::Server;
use hallpass_tower::BearerLayer;
use http::{Request, header};
use http_body_util::Full;
use tower::{Service as _, ServiceBuilder, ServiceExt as _};

struct TokenEndpoint {
    url: String,
    transport: HyperTransport,
}

impl CredentialSource for TokenEndpoint {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let form = "grant_type=client_credentials&client_id=client&client_secret=secret";
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .map_err(Error::permanent)?;
        let limit = std::time::Duration::from_secs(10);
        let answer = self.transport.send(request, limit).await;
        let answer = answer.map_err(Error::transient)?;
        let text = std::str::from_utf8(answer.body()).map_err(Error::transient)?;
        let token = text.split("access_token\":\"").nth(1).unwrap();
        Credential::bearer(token.split('"').next().unwrap())
    }
}

#[tokio::test]
async fn a_revoked_token_is_renewed_and_the_request_replayed()
-> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start().await;
    let source = TokenEndpoint {
        url: server.token_url(),
        transport: hallpass_hyper::transport()?,
    };
    let mut client = ServiceBuilder::new()
        .layer(BearerLayer::new(source))
        .service(hallpass_hyper::client()?);
    for revoked in [false, true] {
        if revoked {
            server.revoke_all();
        }
        let request = Request::post(server.url()).body(Full::<Bytes>::from("order"))?;
        let response = client.ready().await?.call(request).await?;
        assert_eq!(response.status(), 200);
    }
    let journal = server.journal();
    assert_eq!((journal.token_requests(), journal.api_requests()), (2, 3));
    assert!(journal.api().all(|entry| entry.body == "order"));
    Ok(())
}
