//! What an answer means, whatever its status, coding and encoding.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use bytes::Bytes;
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use hallpass_core::Error;
use hallpass_oauth2::{
    ClientCredentials, JwtBearer, Secret, Transport,
    transport::{BODY_LIMIT, Phase, TransportError},
};
use http::{Request, Response};

use crate::common::{Script, Step, TOKEN, URL, chain, client, fetch, outcome, with};

async fn refused(status: u16, body: impl Into<Bytes>) -> Error {
    outcome(client(), Step::status(status, body))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn only_evidence_makes_a_refusal_last() {
    for (status, body, permanent, code) in [
        (
            400,
            r#"{"error":"invalid_grant"}"#,
            true,
            Some("invalid_grant"),
        ),
        (
            200,
            r#"{"error":"invalid_scope"}"#,
            true,
            Some("invalid_scope"),
        ),
        (
            500,
            r#"{"error":"invalid_client"}"#,
            true,
            Some("invalid_client"),
        ),
        (401, "", true, None),
        (
            401,
            r#"{"error":"invalid_token"}"#,
            true,
            Some("invalid_token"),
        ),
        // A firewall, a path that is not there yet, a vendor's own code.
        (403, "<html>blocked</html>", false, None),
        (403, "", false, None),
        (404, "", false, None),
        (400, "", false, None),
        (422, "", false, None),
        (308, "", false, None),
        (
            400,
            r#"{"error":"unknown_error"}"#,
            false,
            Some("unknown_error"),
        ),
        (
            200,
            r#"{"error":"incorrect_client_credentials"}"#,
            false,
            Some("incorrect_client_credentials"),
        ),
        (
            401,
            r#"{"error":"temporarily_unavailable"}"#,
            false,
            Some("temporarily_unavailable"),
        ),
        (
            400,
            r#"{"error":"authorization_pending"}"#,
            false,
            Some("authorization_pending"),
        ),
        (
            429,
            r#"{"error":"invalid_request"}"#,
            false,
            Some("invalid_request"),
        ),
        (
            503,
            r#"{"error":"access_denied"}"#,
            false,
            Some("access_denied"),
        ),
    ] {
        let mut step = Step::status(status, body);
        if status == 503 {
            step = step.with("retry-after", "3");
        }
        let error = outcome(client(), step).await.unwrap_err();
        assert_eq!(error.is_permanent(), permanent, "{status} {body}: {error}");
        assert_eq!(error.code(), code, "{status} {body}");
    }
    // Nobody authenticated here, so a 401 proves nothing.
    let builder = JwtBearer::at(URL).assertion("a.b.c");
    let error = outcome(builder, Step::status(401, "")).await.unwrap_err();
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_profile_knows_its_vendor_s_codes() {
    let lines = "error_at = \"status.code\"\nmessage_at = [\"status.text\", \"msg\"]\nrefused = { body = \"status.code\", is = \"E7\" }";
    for (code, permanent) in [("E7", true), ("E8", false)] {
        let body = format!(r#"{{"status":{{"code":"{code}"}},"msg":"no such client"}}"#);
        let error = outcome(with(lines), Step::ok(body)).await.unwrap_err();
        assert_eq!(error.is_permanent(), permanent, "{error}");
        assert_eq!(error.code(), Some(code));
        let told = chain(&error);
        assert!(
            told.ends_with(&format!("status 200, error {code}: no such client")),
            "{told}"
        );
    }
}

#[tokio::test]
async fn vendors_own_words_are_told() {
    for (body, code, words) in [
        (
            r#"{"errorCode":"E0000022","errorSummary":"The endpoint does not support this"}"#,
            Some("E0000022"),
            "The endpoint does not support this",
        ),
        (
            r#"{"errors":[{"code":"bad","message":"Not today"}]}"#,
            Some("bad"),
            "Not today",
        ),
        (r#"{"errors":["Not today"]}"#, None, "Not today"),
        (
            r#"{"code":10014,"msg":"app secret invalid"}"#,
            Some("10014"),
            "app secret invalid",
        ),
        (
            r#"{"error":{"code":"X1","message":"Nope"}}"#,
            Some("X1"),
            "Nope",
        ),
    ] {
        let error = refused(400, body).await;
        assert_eq!(error.code(), code, "{body}");
        assert!(chain(&error).ends_with(words), "{}", chain(&error));
    }
}

#[tokio::test]
async fn a_coding_is_undone_or_named() {
    let gzip = |text: &str| {
        let mut coder = GzEncoder::new(Vec::new(), Compression::best());
        coder.write_all(text.as_bytes()).unwrap();
        coder.finish().unwrap()
    };
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(TOKEN.as_bytes()).unwrap();
    let deflate = deflate.finish().unwrap();
    for (coding, body) in [
        ("gzip", gzip(TOKEN)),
        ("x-gzip", gzip(TOKEN)),
        ("deflate", deflate),
    ] {
        let step = Step::ok(body).with("content-encoding", coding);
        assert!(outcome(client(), step).await.is_ok(), "{coding}");
    }
    let body = gzip(r#"{"error":"invalid_scope"}"#);
    let step = Step::status(400, body).with("content-encoding", "gzip");
    let error = outcome(client(), step).await.unwrap_err();
    assert_eq!(error.code(), Some("invalid_scope"));

    for (coding, body, expected) in [
        (
            "br",
            Vec::from("x"),
            "a body in the coding \"br\", though none was asked for",
        ),
        (
            "gzip",
            Vec::from("x"),
            "a body in the coding \"gzip\", though none was asked for",
        ),
        (
            "gzip",
            gzip(&" ".repeat(BODY_LIMIT + 1)),
            "a body of more than 1 MiB once it is decoded",
        ),
    ] {
        let step = Step::ok(body).with("content-encoding", coding);
        let error = outcome(client(), step).await.unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn any_encoding_is_read() {
    let wide = |text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xFF, 0xFE].into_iter().chain(units).collect::<Vec<u8>>()
    };
    for body in [
        [b"\xEF\xBB\xBF", TOKEN.as_bytes()].concat(),
        wide(TOKEN),
        b"access_token=t0ken&token_type=bearer&scope=a+b".to_vec(),
    ] {
        assert!(outcome(client(), Step::ok(body)).await.is_ok());
    }
    // One letter in Latin-1 hides neither the code nor the rest of the words.
    let latin = b"{\"error\":\"invalid_client\",\"error_description\":\"cl\xE9 fausse\"}".to_vec();
    let error = refused(400, latin).await;
    assert_eq!(error.code(), Some("invalid_client"));
    assert!(chain(&error).ends_with("cl? fausse"));
    let form = refused(400, "error=invalid_client&error_description=no+such+client").await;
    assert!(chain(&form).ends_with("no such client"));
}

#[tokio::test]
async fn a_text_that_is_no_success_is_no_token() {
    let text = "answer = \"text\"\n";
    let lines = format!("{text}success = {{ body = \"code\", is = 0 }}");
    let error = outcome(with(&lines), Step::ok("denied")).await.unwrap_err();
    assert!(error.is_transient());
    let lines = format!("{text}success = {{ body = \"\", contains = \".\" }}");
    assert!(outcome(with(&lines), Step::ok("denied")).await.is_err());
    let token = |body: &'static [u8]| outcome(with(text), Step::ok(body));
    let long = outcome(with(&lines), Step::ok("a.b")).await.unwrap();
    assert_eq!(long.header_value(), "Bearer a.b");
    for body in [b"\xEF\xBB\xBFa/b".as_slice(), br#""a\/b""#] {
        assert_eq!(token(body).await.unwrap().header_value(), "Bearer a/b");
    }
}

#[tokio::test]
async fn the_usual_mistakes_are_named() {
    let api = "check the token URL: an API answers there, and wants a token";
    for (step, expected) in [
        (Step::status(401, r#"{"error":"invalid_token"}"#), api),
        (
            Step::status(401, "").with("www-authenticate", "Bearer realm=\"api\""),
            api,
        ),
        (
            Step::status(407, ""),
            "answered 407: a proxy on the way wants credentials of its own: check the proxy's settings",
        ),
        (
            Step::status(422, ""),
            "answered 422: check the parameters and their encoding",
        ),
        (
            Step::status(403, "<html>"),
            "answered 403 with an HTML page: a firewall may have answered; check the token URL",
        ),
        (
            Step::status(415, ""),
            "answered 415: check the encoding of the parameters",
        ),
    ] {
        let error = outcome(client(), step).await.unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

/// Fails with a cause of its own.
struct Broken(fn() -> io::Error);

impl Transport for Broken {
    async fn send(
        &self,
        _: Request<Bytes>,
        _: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        Err(TransportError::caused(Phase::Connect, (self.0)()))
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_fail_say_why() {
    let origin = "no connection to https://auth.example.com";
    for (cause, expected) in [
        (
            (|| io::Error::other("received corrupt message of type InvalidContentType"))
                as fn() -> io::Error,
            format!(
                "{origin}: what listens there speaks no TLS: check the scheme and the port of the token URL"
            ),
        ),
        (
            || io::Error::from(io::ErrorKind::ConnectionRefused),
            format!("{origin}: nothing listens there: check host and port of the token URL"),
        ),
        (
            || io::Error::other("failed to lookup address information"),
            format!("{origin}: its name can't be resolved: check the host of the token URL"),
        ),
    ] {
        let source = client().build(Broken(cause)).unwrap();
        let error = fetch(&source).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(std::error::Error::source(&error).is_some());
    }
    // Out of descriptors: this machine's own trouble, over in a moment.
    let source = client()
        .build(Broken(|| io::Error::from_raw_os_error(24)))
        .unwrap();
    let error = fetch(&source).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_refusal_in_a_success_tries_a_changed_secret() {
    let calls = AtomicU32::new(0);
    let secret = Secret::from_fn(move || {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        Ok(["old-secret", "new-secret"][usize::from(call > 0)].to_owned())
    });
    let script = Script::of([
        Step::ok(r#"{"code":10014,"msg":"app secret invalid"}"#),
        Step::ok(r#"{"code":0,"access_token":"t","token_type":"Bearer"}"#),
    ]);
    let builder = ClientCredentials::at(URL)
        .post("id", secret)
        .profile(|profile| {
            let success = "token_url = \"x\"\nsuccess = { body = \"code\", is = 0 }";
            profile.success = hallpass_oauth2::Profile::from_toml(success)
                .unwrap()
                .success;
        });
    fetch(&builder.build(script.clone()).unwrap())
        .await
        .unwrap();
    assert!(script.seen()[1].body.ends_with("client_secret=new-secret"));
}
