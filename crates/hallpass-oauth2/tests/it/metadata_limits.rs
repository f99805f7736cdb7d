//! What metadata may not be: anything but a plain 200 of a modest size, with endpoints that are
//! plain URLs. And what is sent to ask for it.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use hallpass_core::{CredentialSource as _, Fetch};
use hallpass_oauth2::{Discovery, Protected, transport::BODY_LIMIT};
use serde_json::{Value, json};

use crate::common::{Script, Step};

const ISSUER: &str = "https://as.example";
const TOKEN_URL: &str = "https://as.example/token";

fn document(change: impl FnOnce(&mut Value)) -> String {
    let mut document = json!({ "issuer": ISSUER, "token_endpoint": TOKEN_URL });
    change(&mut document);
    document.to_string()
}

/// Threats 14 to 16: a URL with a fragment is no endpoint (RFC 6749 §3.2), wherever it stands.
#[tokio::test]
async fn an_endpoint_with_a_fragment_is_none() {
    let odd = [
        "https://as.example/token#f",
        "https://as.example/token#",
        "https://as.example#@evil.example/token",
        "https://as.example/token?x=1#f",
    ];
    for url in odd {
        let set: [fn(&mut Value, &str); 4] = [
            |it, url| it["token_endpoint"] = url.into(),
            |it, url| it["revocation_endpoint"] = url.into(),
            |it, url| it["mtls_endpoint_aliases"] = json!({ "token_endpoint": url }),
            |it, url| it["mtls_endpoint_aliases"] = json!({ "revocation_endpoint": url }),
        ];
        for set in set {
            let answer = Step::ok(document(|it| set(it, url)));
            let asked = Discovery::of(ISSUER).metadata(&Script::of([answer])).await;
            let error = asked.unwrap_err();
            assert!(error.is_permanent(), "{url}");
            assert!(error.to_string().contains("no URL"), "{error}");
        }
    }
}

/// It is the size that counts: nothing else is wrong with the document.
#[tokio::test]
async fn a_document_of_more_than_a_mebibyte_is_not_read() {
    let padded = |size: usize| {
        let bare = document(|it| it["pad"] = "".into());
        document(|it| it["pad"] = "x".repeat(size - bare.len()).into())
    };
    let most = padded(BODY_LIMIT);
    assert_eq!(most.len(), BODY_LIMIT);
    let found = Discovery::of(ISSUER)
        .metadata(&Script::of([Step::ok(most)]))
        .await;
    assert_eq!(found.unwrap().token_endpoint(), TOKEN_URL);

    let more = padded(BODY_LIMIT + 1);
    let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
    zipped.write_all(more.as_bytes()).unwrap();
    let zipped = Step::ok(zipped.finish().unwrap()).with("content-encoding", "gzip");
    for answer in [Step::ok(more), zipped] {
        let asked = Discovery::of(ISSUER).metadata(&Script::of([answer])).await;
        assert!(asked.unwrap_err().is_transient());
    }
}

/// RFC 8414 §3.2: a successful answer is a 200.
#[tokio::test]
async fn no_other_success_is_metadata() {
    for status in [201, 202, 203, 206, 226] {
        let answer = Step::status(status, document(|_| {}));
        let asked = Discovery::of(ISSUER).metadata(&Script::of([answer])).await;
        let error = asked.unwrap_err();
        assert!(error.is_transient(), "{status}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
}

/// A question for metadata says what it wants and who asks, and carries nothing of the client's.
#[tokio::test]
async fn metadata_is_asked_for_with_these_headers_alone() {
    let script = Script::of([Step::status(404, "")]);
    Discovery::of(ISSUER).metadata(&script).await.unwrap_err();
    let protected = Protected::resource("https://rs.example/mcp");
    let protected = protected.client_for(ISSUER, |found| found.client_secret("id", "s3cret"));
    script.then([Step::status(500, "")]);
    let source = protected.source(script.clone()).unwrap();
    source.fetch(&Fetch::first()).await.unwrap_err();
    let seen = script.seen();
    assert_eq!(seen.len(), 2);
    for seen in seen {
        let mut headers: Vec<_> = seen
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        let agent = concat!("user-agent: hallpass/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            headers,
            [
                "accept-encoding: identity",
                "accept: application/json",
                agent
            ]
        );
        assert_eq!((seen.method.as_str(), seen.body.as_str()), ("GET", ""));
    }
}
