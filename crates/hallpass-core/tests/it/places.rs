//! The same place in other spellings, places that only look the same, and rules that change while
//! they are in use.
#![allow(clippy::expect_used, reason = "a test may panic")]

use hallpass_core::{
    Attempt, Authorizer, Cached, Credential, CredentialSource, Description, Error, Fetch, Origin,
    adapter::{Admission, Answer, Attached, Exchange, Hop, Next, Withheld},
};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, header::AUTHORIZATION};

use crate::common::{HOUR, Source, token};

async fn warm(source: impl CredentialSource) -> Cached {
    let cached = Cached::new(source);
    cached.get().await.unwrap();
    cached
}

async fn plain() -> Authorizer {
    Authorizer::new(warm(Source::tokens(HOUR)).await)
}

fn admit(authorizer: &Authorizer, uri: &str, extensions: &Extensions) -> Admission {
    let uri: Uri = uri.parse().expect(uri);
    authorizer.admit(&uri, &HeaderMap::new(), extensions)
}

/// The exchange of a request that carries the credential in hand.
fn sent(authorizer: &Authorizer, uri: &str, extensions: &Extensions) -> Exchange {
    match admit(authorizer, uri, extensions) {
        Admission::Carry(mut exchange) => {
            let uri: Uri = uri.parse().unwrap();
            let attached = exchange.attach(&Method::GET, &uri, &mut HeaderMap::new());
            assert_eq!(attached.unwrap(), Attached::Yes);
            exchange
        }
        other => panic!("{uri}: {other:?}"),
    }
}

fn passes(authorizer: &Authorizer, uri: &str) {
    let admission = admit(authorizer, uri, &Extensions::new());
    assert!(
        matches!(admission, Admission::Pass(Withheld::Elsewhere)),
        "{uri} {admission:?}"
    );
}

fn is_refused(authorizer: &Authorizer, uri: &str) {
    match admit(authorizer, uri, &Extensions::new()) {
        Admission::Refuse(error) => assert!(error.is_destination(), "{uri} {error}"),
        other => panic!("{uri} {other:?}"),
    }
}

fn hop(exchange: &Exchange, answered: &str) -> Hop {
    exchange.hop(&answered.parse::<Uri>().unwrap())
}

/// Threats 2 and 5: whatever port is written, a name or a secret before the host is none of ours.
#[tokio::test]
async fn user_information_before_a_written_port_is_refused() {
    for (ours, theirs) in [
        (
            "https://api.example:8443",
            "https://user@api.example:8443/x",
        ),
        (
            "https://api.example:8443",
            "https://user:pw@api.example:8443/x",
        ),
        ("https://api.example", "https://user@api.example:443/x"),
        ("https://api.example:443", "https://user:443@api.example/x"),
        (
            "https://api.example:8443",
            "https://api.example:8443@api.example:8443/x",
        ),
        ("http://127.0.0.1:8080", "http://user@127.0.0.1:8080/x"),
        ("https://[::1]:8443", "https://user@[::1]:8443/x"),
    ] {
        let authorizer = plain().await.origins([ours]).unwrap();
        is_refused(&authorizer, theirs);
        is_refused(&plain().await.any_origin(), theirs);
        let bound = plain().await;
        sent(&bound, ours, &Extensions::new());
        is_refused(&bound, theirs);
    }
}

/// The one that the request goes to is told by its parts, wherever it stands in the list.
#[tokio::test]
async fn the_second_of_two_origins_in_another_spelling() {
    let none = Extensions::new();
    let authorizer = plain()
        .await
        .origins(["https://API.example", "https://Upload.Example:443/v1"]);
    let authorizer = authorizer.unwrap();
    for (uri, other) in [
        ("https://API.example:443/", "https://upload.example/"),
        ("https://api.EXAMPLE/", "https://UPLOAD.example:443/"),
        ("https://upload.example:443/", "https://api.example/"),
        ("https://UPLOAD.example/", "https://API.example:443/"),
        ("https://upload.example:/", "https://api.example:/"),
    ] {
        let exchange = sent(&authorizer, uri, &none);
        assert_eq!(
            hop(&exchange, &uri.to_ascii_lowercase()),
            Hop::Followed,
            "{uri}"
        );
        assert_eq!(
            hop(&exchange, &uri.replace(":443", "")),
            Hop::Followed,
            "{uri}"
        );
        // Also one of ours, but what it was sent carried nothing.
        assert_eq!(hop(&exchange, other), Hop::Elsewhere, "{uri}");
    }
    for uri in [
        "https://upload.example:8443/",
        "http://upload.example:443/",
        "https://load.example/",
    ] {
        passes(&authorizer, uri);
    }
}

/// RFC 9110 §4.2.1: without a port, `http` is 80, and `https` is not.
#[tokio::test]
async fn http_has_a_default_port_of_its_own() {
    let none = Extensions::new();
    for ours in [
        "http://localhost",
        "http://localhost:80",
        "http://LOCALHOST:/",
    ] {
        let authorizer = plain().await.origins([ours]).unwrap();
        for uri in [
            "http://localhost/x",
            "http://localhost:80/x",
            "HTTP://localhost:/x",
        ] {
            sent(&authorizer, uri, &none);
        }
        for uri in [
            "http://localhost:443/x",
            "http://localhost:8080/x",
            "https://localhost/x",
            "https://localhost:80/x",
        ] {
            passes(&authorizer, uri);
        }
        let origin: Origin = ours.parse().unwrap();
        assert_eq!(origin.to_string(), "http://localhost");
    }
    let written: Origin = "http://localhost:443".parse().unwrap();
    assert_eq!(written.to_string(), "http://localhost:443");
    let bound = plain().await;
    sent(&bound, "http://127.0.0.1/", &none);
    sent(&bound, "http://127.0.0.1:80/", &none);
    is_refused(&bound, "http://127.0.0.1:443/");
    is_refused(&bound, "https://127.0.0.1/");
}

/// Threat 40: a name is compared as it goes over the wire. Nothing is decoded, mapped or completed,
/// so that nothing which only looks like a host, or becomes one later, is taken for it.
#[tokio::test]
async fn what_only_looks_like_a_host_is_another() {
    let authorizer = plain()
        .await
        .origins(["https://api.example", "https://xn--bcher-kva.example"]);
    let authorizer = authorizer.unwrap();
    sent(
        &authorizer,
        "https://XN--BCHER-KVA.example/",
        &Extensions::new(),
    );
    for uri in [
        // Punycode of plain letters, which is no name at all.
        "https://xn--api-.example/",
        "https://xn--api.example/",
        "https://api.xn--example-/",
        // A fullwidth `a`, and letters of another script.
        "https://xn--pi-xz4b.example/",
        "https://xn--pi-7kc.example/",
        "https://bcher-kva.example/",
        "https://api.example./",
        "https://%61pi.example/",
        "https://api%2eexample/",
    ] {
        if let Ok(uri) = uri.parse::<Uri>() {
            passes(&authorizer, &uri.to_string());
        }
    }
    for name in [
        "https://bücher.example",
        "https://аpi.example",
        "https://ａpi.example",
        "https://api。example",
    ] {
        assert!(
            name.parse::<Uri>().is_err(),
            "{name}: no request goes there"
        );
        let error = name.parse::<Origin>().unwrap_err();
        assert!(error.to_string().contains("xn--"), "{error}");
    }
}

/// A source that says where its credentials may go.
struct Named(&'static str);

impl CredentialSource for Named {
    async fn fetch(&self, _: &Fetch) -> Result<Credential, Error> {
        Ok(token(1, HOUR))
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.origins = Some(vec![self.0.parse().unwrap()]);
        description
    }
}

/// Rules are kept for each thread, so that requests share nothing. Those that a rule was made of
/// must not outlive its change.
#[tokio::test]
async fn a_request_s_own_credential_follows_rules_that_change() {
    const A: &str = "https://a.example/";
    const B: &str = "https://b.example/";
    let own = |cached: Cached| {
        let mut extensions = Extensions::new();
        extensions.insert(cached);
        extensions
    };
    for extensions in [Extensions::new(), own(warm(Source::tokens(HOUR)).await)] {
        let authorizer = plain().await.origins([A]).unwrap();
        sent(&authorizer, A, &extensions);
        let admission = admit(&authorizer, B, &extensions);
        assert!(matches!(admission, Admission::Pass(Withheld::Elsewhere)));

        let authorizer = authorizer.origins([A, B]).unwrap();
        let exchange = sent(&authorizer, B, &extensions);
        assert_eq!(
            (hop(&exchange, B), hop(&exchange, A)),
            (Hop::Followed, Hop::Elsewhere)
        );

        let authorizer = authorizer.origins([B]).unwrap();
        let admission = admit(&authorizer, A, &extensions);
        assert!(matches!(admission, Admission::Pass(Withheld::Elsewhere)));
        assert_eq!(hop(&sent(&authorizer, B, &extensions), A), Hop::Elsewhere);

        let authorizer = authorizer.override_existing();
        let Admission::Carry(mut exchange) = admit(&authorizer, B, &extensions) else {
            panic!("it is to carry a credential");
        };
        let callers = (AUTHORIZATION, HeaderValue::from_static("Bearer own"));
        let mut headers = HeaderMap::from_iter([callers]);
        let attached = exchange.attach(&Method::GET, &Uri::from_static(B), &mut headers);
        assert_eq!(attached.unwrap(), Attached::Yes);

        let none = HeaderMap::new();
        let expired = Answer::new(StatusCode::from_u16(419).unwrap(), &none);
        let next = sent(&authorizer, B, &extensions).answered(&expired, || true);
        assert!(matches!(next, Next::Return));
        let authorizer = authorizer.report_attempts();
        let authorizer = authorizer.rejected_when(|status, _| status.as_u16() == 419);
        let mut exchange = sent(&authorizer, B, &extensions);
        assert!(matches!(
            exchange.answered(&expired, || true),
            Next::Renew(_)
        ));
        let mut reported = Extensions::new();
        exchange.report(&mut reported);
        assert!(reported.get::<Attempt>().is_some());
    }
    // Where its own source says where it goes, no rule of the layer's changes that.
    let extensions = own(warm(Named(A)).await);
    let mut authorizer = plain().await;
    for _ in 0..2 {
        sent(&authorizer, A, &extensions);
        let admission = admit(&authorizer, B, &extensions);
        assert!(matches!(admission, Admission::Pass(Withheld::Elsewhere)));
        authorizer = authorizer.origins([B]).unwrap();
    }
}
