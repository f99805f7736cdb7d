//! All that a credential consists of goes together, or stays: the header, those beside it, and the
//! proof.
#![cfg(all(feature = "rustls", feature = "transport"))]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{carried, client, lead, seen};
use hallpass_core::{Cached, Credential, Error, Origin, Proof};
use hallpass_reqwest::Bearer;
use hallpass_testkit::Server;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

const CODES: [u16; 5] = [301, 302, 303, 307, 308];
const NAMES: [&str; 5] = ["authorization", "x-account", "x-api-key", "cookie", "dpop"];
static DPOP: HeaderName = HeaderName::from_static("dpop");

/// Says what it would sign.
struct Plain;

impl Proof for Plain {
    fn header(&self) -> &HeaderName {
        &DPOP
    }

    fn prove(&self, method: &Method, uri: &Uri) -> Result<HeaderValue, Error> {
        HeaderValue::from_str(&format!("{method} {uri}")).map_err(Error::permanent)
    }

    fn answered(&self, _: &HeaderValue, _: &Origin, _: StatusCode, _: &HeaderMap) -> bool {
        false
    }
}

fn set() -> Cached {
    let value = HeaderValue::from_static("ours");
    let mut credential = Credential::dpop("a-token", Plain).unwrap().never_expires();
    for name in &NAMES[1..4] {
        credential = credential.with_header(HeaderName::from_static(name), value.clone());
    }
    Cached::new(credential)
}

/// Threats 9 and 13: whatever the status and however it gets there.
#[tokio::test]
async fn no_header_of_the_set_goes_to_another_origin() {
    for code in CODES {
        for method in [Method::GET, Method::POST] {
            let (server, other) = (Server::start().await, Server::start().await);
            let bearer = Bearer::new(set()).origins([server.url()]).unwrap();
            lead(&server, code, &format!("{}/there", other.url()));
            lead(&other, code, &format!("{}/back", server.url()));
            let request = client(bearer).request(method.clone(), server.url());
            request.header("x-public", "all").send().await.unwrap();
            assert_eq!(carried(&other, "x-public"), [true], "{code} {method}");
            for name in NAMES {
                assert_eq!(carried(&other, name), [false], "{code} {method} {name}");
                // Back home it is decided again, by the origin of that hop.
                assert_eq!(
                    carried(&server, name),
                    [true, true],
                    "{code} {method} {name}"
                );
            }
        }
    }
}

/// Within the origin all of it goes along, and the proof is for the hop that it is sent with.
#[tokio::test]
async fn all_of_it_goes_along_within_the_origin() {
    for code in CODES {
        let server = Server::start().await;
        let bearer = Bearer::new(set()).origins([server.url()]).unwrap();
        lead(&server, code, "/there?x=y");
        client(bearer)
            .get(format!("{}/here", server.url()))
            .send()
            .await
            .unwrap();
        for name in NAMES {
            assert_eq!(carried(&server, name), [true, true], "{code} {name}");
        }
        let proofs =
            ["/here", "/there?x=y"].map(|path| Some(format!("GET {}{path}", server.url())));
        assert_eq!(seen(&server, "dpop"), proofs, "{code}");
    }
}

/// Threat 11: what is joined to a base may leave it, and the final URL is what counts.
#[tokio::test]
async fn an_absolute_path_that_leaves_its_base_takes_nothing_along() {
    let (server, other) = (Server::start().await, Server::start().await);
    let bearer = Bearer::new(set()).origins([server.url()]).unwrap();
    let client = client(bearer);
    let base = reqwest::Url::parse(&format!("{}/v1/", server.url())).unwrap();
    let host = other.url().trim_start_matches("http:").to_owned();
    for path in [
        format!("{host}/x"),
        format!("{}/x", other.url()),
        format!("\\\\{}/x", host.trim_start_matches('/')),
        format!("/\\{}/x", host.trim_start_matches('/')),
        format!("http:{host}/x"),
    ] {
        let url = base.join(&path).expect(&path);
        let left = url.port() == Some(other.addr().port());
        client.get(url).send().await.unwrap();
        let arrived = if left { &other } else { &server };
        for name in NAMES {
            assert_eq!(carried(arrived, name).pop(), Some(!left), "{path} {name}");
        }
    }
    assert!(other.journal().api().count() >= 3);
}
