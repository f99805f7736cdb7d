//! Where a credential may go.
#![allow(clippy::expect_used, reason = "a test may panic")]

use hallpass_core::{
    Authorizer, Cached, CredentialSource, Description, Error, Origin,
    adapter::{Admission, Attached, Hop, Withheld},
};
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri, header::AUTHORIZATION};

use crate::common::{HOUR, Source, token};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Attach,
    Pass,
}

use Outcome::{Attach, Pass};

/// With a credential in hand.
fn warm(source: impl CredentialSource) -> Cached {
    let cached = Cached::new(source);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async { cached.get().await }).unwrap();
    cached
}

fn plain() -> Authorizer {
    Authorizer::new(warm(Source::tokens(HOUR)))
}

/// Admits a request and, as it is the use that binds, attaches the credential in hand.
fn admit(authorizer: &Authorizer, uri: &str) -> Result<Outcome, Error> {
    admit_with(authorizer, uri, &HeaderMap::new())
}

fn admit_with(authorizer: &Authorizer, uri: &str, given: &HeaderMap) -> Result<Outcome, Error> {
    let uri: Uri = uri.parse().unwrap();
    match authorizer.admit(&uri, given, &Extensions::new()) {
        Admission::Pass(_) => Ok(Pass),
        Admission::Refuse(error) => Err(error),
        Admission::Carry(mut exchange) => {
            let mut headers = given.clone();
            let attached = exchange.attach(&Method::GET, &uri, &mut headers)?;
            Ok(if attached == Attached::LeftAlone {
                Pass
            } else {
                Attach
            })
        }
    }
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
    let cached = warm(Source::tokens(HOUR));
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
    for evil in ["https://evil.example/", "http://evil.example/", "/"] {
        assert_eq!(admit_with(&authorizer, evil, &own).unwrap(), Pass);
    }
    // Nor does one that is let in and then not sent.
    let evil = Uri::from_static("https://evil.example/");
    authorizer.admit(&evil, &HeaderMap::new(), &Extensions::new());
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
        ("ws://api.example/", Pass),
        ("api.example:443", Pass),
        ("https://me:secret@storage.example/", Pass),
        ("https://api.example@evil.example/", Pass),
    ] {
        assert_eq!(admit(&authorizer, uri).unwrap(), admission, "{uri}");
    }
    assert!(refused(&authorizer, "/origin-form").contains("at(origin)"));
    assert_eq!(authorizer.cached().stats().withheld, 9);
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
fn user_information_and_other_schemes_are_refused_where_they_may_be_ours() {
    for authorizer in [plain(), plain().any_origin()] {
        for uri in [
            "https://user@api.example/",
            "https://user:secret@api.example/",
            "https://@api.example/",
            "https://api.example@evil.example/",
            "https://api.example:443@evil.example/",
            "ws://api.example/",
            "unix://api.example/",
            "api.example:443",
        ] {
            let message = refused(&authorizer, uri);
            assert!(!message.contains("secret"), "{message}");
        }
    }
    let set = plain().origins(["https://api.example"]).unwrap();
    assert!(!refused(&set, "https://user:secret@api.example/").contains("secret"));
}

#[test]
fn a_proxy_reads_what_goes_to_this_machine() {
    for uri in [
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://[::1]/",
    ] {
        let proxied = plain().behind_proxy();
        assert!(refused(&proxied, uri).contains("proxy"), "{uri}");
        let set = plain().behind_proxy().origins([uri]).unwrap();
        assert!(refused(&set, uri).contains("proxy"), "{uri}");
        let trusting = proxied.dangerously_allow_http();
        assert_eq!(admit(&trusting, uri).unwrap(), Attach);
    }
    let proxied = plain().behind_proxy();
    assert_eq!(admit(&proxied, "https://127.0.0.1/").unwrap(), Attach);
}

#[test]
fn an_address_is_the_same_in_every_spelling() {
    let authorizer = plain().origins(["https://[2001:DB8:0:0::1]"]).unwrap();
    for (uri, expected) in [
        ("https://[2001:db8::1]/", Attach),
        (
            "https://[2001:0db8:0000:0000:0000:0000:0000:0001]:443/",
            Attach,
        ),
        ("https://[2001:db8::2]/", Pass),
    ] {
        assert_eq!(admit(&authorizer, uri).unwrap(), expected, "{uri}");
    }
}

#[test]
fn a_request_without_authority_goes_where_it_was_said_to() {
    let bound = plain().at("https://api.example").unwrap();
    assert_eq!(admit(&bound, "/items").unwrap(), Attach);
    assert_eq!(admit(&bound, "https://api.example/").unwrap(), Attach);
    refused(&bound, "https://other.example/");
    let set = plain()
        .at("https://api.example")
        .unwrap()
        .origins(["https://other.example"]);
    assert_eq!(admit(&set.unwrap(), "/items").unwrap(), Pass);
    refused(&plain().at("http://api.example").unwrap(), "/items");
    assert!(plain().at("api.example").is_err());
}

#[test]
fn an_answer_is_told_by_where_it_comes_from() {
    let allowed = ["https://api.example", "https://other.example"];
    let hop = |authorizer: &Authorizer, uri: &'static str, answered: &str| {
        let (uri, answered) = (Uri::from_static(uri), answered.parse::<Uri>().unwrap());
        match authorizer.admit(&uri, &HeaderMap::new(), &Extensions::new()) {
            Admission::Carry(mut exchange) => {
                exchange
                    .attach(&Method::GET, &uri, &mut HeaderMap::new())
                    .unwrap();
                exchange.hop(&answered)
            }
            other => panic!("{other:?}"),
        }
    };
    for authorizer in [
        plain(),
        plain().any_origin(),
        plain().origins(allowed).unwrap(),
        plain().at(allowed[0]).unwrap(),
    ] {
        for (answered, expected) in [
            ("https://api.example/y", Hop::Followed),
            ("https://API.example:443/", Hop::Followed),
            ("/relative", Hop::Followed),
            // Also one of ours: what it was sent carried nothing.
            ("https://other.example/", Hop::Elsewhere),
            ("http://api.example/", Hop::Elsewhere),
            ("ftp://api.example/", Hop::Elsewhere),
        ] {
            let hop = hop(&authorizer, "https://api.example/x", answered);
            assert_eq!(hop, expected, "{answered}");
        }
    }
    let at = plain().at(allowed[0]).unwrap();
    assert_eq!(hop(&at, "/x", "https://api.example/y"), Hop::Followed);
    assert_eq!(hop(&at, "/x", "https://other.example/"), Hop::Elsewhere);
}

#[test]
fn what_is_withheld_says_why() {
    let authorizer = plain().origins(["https://api.example"]).unwrap();
    let pass = |uri: &'static str, own: &HeaderMap| match authorizer.admit(
        &Uri::from_static(uri),
        own,
        &Extensions::new(),
    ) {
        Admission::Pass(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        pass("https://other.example/", &HeaderMap::new()),
        Withheld::Elsewhere
    );
    let own = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer own"))]);
    assert_eq!(pass("https://other.example/", &own), Withheld::OwnHeader);
}

#[test]
fn a_port_that_is_none_is_not_the_default() {
    let authorizer = plain().origins(["https://api.example"]).unwrap();
    for uri in ["https://api.example:65979/", "https://api.example:99999/"] {
        if let Ok(uri) = uri.parse::<Uri>() {
            let admitted = admit(&authorizer, &uri.to_string());
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
    let named = || Authorizer::new(warm(Named(vec!["https://api.example".parse().unwrap()])));
    assert_eq!(admit(&named(), "https://api.example/").unwrap(), Attach);
    assert_eq!(admit(&named(), "https://other.example/").unwrap(), Pass);
    let other = named().origins(["https://other.example"]).unwrap();
    assert_eq!(admit(&other, "https://api.example/").unwrap(), Pass);
    assert_eq!(admit(&other, "https://other.example/").unwrap(), Attach);
}

#[test]
fn a_source_that_names_none_sends_nothing_bare() {
    let authorizer = Authorizer::new(warm(Named(Vec::new())));
    assert_eq!(admit(&authorizer, "https://api.example/").unwrap(), Attach);
    refused(&authorizer, "https://other.example/");
}

#[test]
fn what_is_presumed_is_what_was_said_or_else_the_first_that_was_named() {
    let uri = Uri::from_static("/items");
    let presumed = |authorizer: &Authorizer| {
        let origin = authorizer.presumed_origin(&uri, &HeaderMap::new(), &Extensions::new());
        origin.map(|origin| origin.to_string())
    };
    let open = Authorizer::new(token(1, HOUR));
    assert_eq!(presumed(&open), None);
    let named = open.origins(["https://a.example", "https://b.example"]);
    let named = named.unwrap();
    assert_eq!(presumed(&named).as_deref(), Some("https://a.example"));
    let said = named.at("https://b.example").unwrap();
    assert_eq!(presumed(&said).as_deref(), Some("https://b.example"));
}
