//! Where a credential may go.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{HOUR, Source, token};
use hallpass_core::{Admission, Authorizer, Cached, CredentialSource, Description, Error, Origin};
use http::{HeaderMap, HeaderValue, Uri, header::AUTHORIZATION};

use Admission::{Attach, Pass};

fn plain() -> Authorizer {
    Authorizer::new(Source::tokens(HOUR))
}

fn admit(authorizer: &Authorizer, uri: &str) -> Result<Admission, Error> {
    authorizer.admit(&uri.parse::<Uri>().unwrap(), &HeaderMap::new())
}

fn refused(authorizer: &Authorizer, uri: &str) -> String {
    let error = admit(authorizer, uri).expect_err(uri);
    assert!(error.is_destination() && error.is_permanent(), "{uri}");
    error.to_string()
}

#[test]
fn without_a_set_the_first_one_used_binds() {
    let authorizer = plain();
    for uri in [
        "https://api.example/a",
        "https://API.example:443/b?c",
        "/origin-form",
        "https://api.example/again",
    ] {
        assert_eq!(admit(&authorizer, uri).unwrap(), Attach, "{uri}");
    }
    for uri in [
        "https://other.example/",
        "https://api.example:8443/",
        "https://api.example.evil/",
        "http://localhost/",
    ] {
        let message = refused(&authorizer, uri);
        assert!(message.contains("https://api.example"), "{message}");
        assert!(message.contains("configure"), "{message}");
    }
    assert!(refused(&authorizer, "https://other.example/secret?code=1").contains("other.example"));
    assert!(!refused(&authorizer, "https://other.example/p?code=1").contains("code"));
}

#[test]
fn the_first_one_used_holds_for_all_clones() {
    let cached = Cached::new(Source::tokens(HOUR));
    let (first, second) = (Authorizer::new(cached.clone()), Authorizer::new(cached));
    admit(&first, "https://api.example/").unwrap();
    refused(&second, "https://other.example/");
    refused(&first.clone(), "https://other.example/");
}

#[test]
fn what_is_refused_does_not_bind() {
    let authorizer = plain();
    refused(&authorizer, "http://evil.example/");
    refused(&authorizer, "https://user@evil.example/");
    let own = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer own"))]);
    let evil = Uri::from_static("https://evil.example/");
    assert_eq!(authorizer.admit(&evil, &own).unwrap(), Pass);
    assert_eq!(admit(&authorizer, "https://api.example/").unwrap(), Attach);
}

#[test]
fn outside_a_set_requests_pass_without_it() {
    let authorizer = plain()
        .origins(["https://api.example", "https://upload.example:8443/v1"])
        .unwrap();
    for (uri, admission) in [
        ("https://api.example/", Attach),
        ("https://upload.example:8443/x", Attach),
        ("https://upload.example/x", Pass),
        ("https://storage.example/signed?x=y", Pass),
        ("http://api.example/", Pass),
        ("http://storage.example/", Pass),
        ("http://127.0.0.1/", Pass),
        ("/origin-form", Attach),
        ("*", Attach),
    ] {
        assert_eq!(admit(&authorizer, uri).unwrap(), admission, "{uri}");
    }
}

#[test]
fn a_set_is_checked_when_it_is_made() {
    for bad in [
        "",
        "api.example",
        "/path",
        "ftp://api.example",
        "https://user:pw@api.example",
        "https://api.example:99999",
        "not a url",
    ] {
        let error = plain().origins([bad]).unwrap_err();
        assert!(error.is_permanent(), "{bad}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
    plain().origins(Vec::<String>::new()).unwrap_err();
    let parsed: Origin = "https://api.example".parse().unwrap();
    for authorizer in [
        plain().origins([parsed.clone()]).unwrap(),
        plain().origins(vec![parsed]).unwrap(),
        plain().origins(["https://api.example".to_owned()]).unwrap(),
    ] {
        assert_eq!(admit(&authorizer, "https://api.example/").unwrap(), Attach);
    }
}

#[test]
fn plain_http_only_goes_to_this_machine() {
    let any = plain().any_origin();
    for uri in [
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://127.9.9.9:1/",
        "http://[::1]:9/",
    ] {
        assert_eq!(admit(&plain(), uri).unwrap(), Attach, "{uri}");
        assert_eq!(admit(&any, uri).unwrap(), Attach, "{uri}");
    }
    for uri in [
        "http://api.example/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
        "http://2130706433/",
        "http://169.254.169.254/",
    ] {
        assert!(refused(&plain(), uri).contains("https"), "{uri}");
        refused(&any, uri);
        let trusting = plain().any_origin().dangerously_allow_http();
        assert_eq!(admit(&trusting, uri).unwrap(), Attach, "{uri}");
    }
    let set = plain().origins(["http://internal.example"]).unwrap();
    refused(&set, "http://internal.example/x");
    let set = set.dangerously_allow_http();
    assert_eq!(admit(&set, "http://internal.example/x").unwrap(), Attach);
}

#[test]
fn user_information_and_other_schemes_are_refused_everywhere() {
    let set = plain().origins(["https://api.example"]).unwrap();
    for authorizer in [plain(), plain().any_origin(), set] {
        for uri in [
            "https://user@api.example/",
            "https://user:secret@api.example/",
            "https://@api.example/",
            "https://api.example@evil.example/",
            "https://api.example:443@evil.example/",
            "ws://api.example/",
            "unix://api.example/",
        ] {
            let message = refused(&authorizer, uri);
            assert!(!message.contains("secret"), "{message}");
        }
    }
}

#[test]
fn a_port_that_is_none_is_not_the_default() {
    let authorizer = plain().origins(["https://api.example"]).unwrap();
    for uri in ["https://api.example:65979/", "https://api.example:99999/"] {
        if let Ok(uri) = uri.parse::<Uri>() {
            let admitted = authorizer.admit(&uri, &HeaderMap::new());
            assert!(admitted.is_err() || admitted.unwrap() == Pass, "{uri}");
        }
    }
    assert_eq!(admit(&authorizer, "https://api.example:/").unwrap(), Attach);
}

#[test]
fn any_origin_takes_all_of_them() {
    let authorizer = plain().any_origin();
    for uri in ["https://a.example/", "https://b.example:1/", "/x"] {
        assert_eq!(admit(&authorizer, uri).unwrap(), Attach, "{uri}");
    }
}

/// A source that knows where its credentials go, as a profile does.
struct Named(Vec<Origin>);

impl CredentialSource for Named {
    async fn fetch(&self, _: &hallpass_core::Fetch) -> Result<hallpass_core::Credential, Error> {
        Ok(token(1, HOUR))
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.origins = Some(self.0.clone());
        description
    }
}

#[test]
fn what_the_source_names_holds_until_it_is_replaced() {
    let named = || Authorizer::new(Named(vec!["https://api.example".parse().unwrap()]));
    assert_eq!(admit(&named(), "https://api.example/").unwrap(), Attach);
    assert_eq!(admit(&named(), "https://other.example/").unwrap(), Pass);
    let other = named().origins(["https://other.example"]).unwrap();
    assert_eq!(admit(&other, "https://api.example/").unwrap(), Pass);
    assert_eq!(admit(&other, "https://other.example/").unwrap(), Attach);
}

#[test]
fn a_source_that_names_none_sends_nothing_bare() {
    let authorizer = Authorizer::new(Named(Vec::new()));
    assert_eq!(admit(&authorizer, "https://api.example/").unwrap(), Attach);
    refused(&authorizer, "https://other.example/");
}
