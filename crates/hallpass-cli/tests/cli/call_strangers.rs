//! Vendors that Hallpass doesn't know: a file is enough for `hallpass call` to get a token from one
//! and use it.

use hallpass_testkit::{Entry, Kind, Server};
use serde_json::Value;

use super::common::{command, output};

/// Plain ones, and some whose every character means something to an encoding.
const CREDENTIALS: [(&str, &str); 2] = [
    ("my-client", "s3cret-of-the-vendor"),
    ("me@acme.example", r#"s3cret "of" a\b/c+d=e&f%20 {g}"#),
];

/// How a vendor asks, and what it answers.
struct Vendor {
    file: &'static str,
    variables: &'static [&'static str],
    /// Headers of the token request beside those that every one has.
    headers: fn(&str, &str) -> Vec<(&'static str, String)>,
    query: Option<&'static str>,
    body: fn(&str, &str) -> Vec<u8>,
    answer: &'static str,
    /// The header of the API request.
    attached: (&'static str, &'static str),
}

fn nothing(_: &str, _: &str) -> Vec<u8> {
    Vec::new()
}

fn none(_: &str, _: &str) -> Vec<(&'static str, String)> {
    Vec::new()
}

fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    let escaped = |text: &str| -> String {
        let escape = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(escape).collect()
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

fn json(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

const PLAIN: &str = r#"{"access_token":"t0ken","token_type":"bearer","expires_in":3600}"#;
const BEARER: (&str, &str) = ("authorization", "Bearer t0ken");

async fn is_served(vendor: &Vendor) {
    for (id, secret) in CREDENTIALS {
        let server = Server::start().await;
        server
            .token_endpoint()
            .respond_next(1, 200, &[], vendor.answer);
        server.api().respond_next(1, 200, &[], "[]");
        let journal = called(vendor, &server, id, secret).await;
        let [asked, used] = &journal[..] else {
            panic!("{}: {journal:?}", vendor.file);
        };

        assert_eq!((asked.kind, asked.method.as_str()), (Kind::Token, "POST"));
        assert_eq!(asked.query.as_deref(), vendor.query, "{}", vendor.file);
        for (name, value) in (vendor.headers)(id, secret) {
            assert_eq!(asked.header(name), Some(value.as_str()), "{}", vendor.file);
        }
        let body = (vendor.body)(id, secret);
        if asked.header("content-type") == Some("application/json") {
            let read = |bytes: &[u8]| -> Value { serde_json::from_slice(bytes).unwrap() };
            assert_eq!(read(&asked.body), read(&body), "{}", vendor.file);
        } else {
            let text = String::from_utf8_lossy;
            assert_eq!(text(&asked.body), text(&body), "{}", vendor.file);
        }

        assert_eq!((used.kind, used.path.as_str()), (Kind::Api, "/items"));
        let (name, value) = vendor.attached;
        assert_eq!(used.header(name), Some(value), "{}", vendor.file);
    }
}

/// Runs the command to its 200.
async fn called(vendor: &Vendor, server: &Server, id: &str, secret: &str) -> Vec<Entry> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../hallpass-oauth2/tests");
    let mut command = command(["call", "--json"]);
    command
        .arg(format!("{folder}/strangers/{}.toml", vendor.file))
        .args(["--client-id", id, "--secret", "env:VENDOR_SECRET"])
        .args(["--token-url", &server.token_url()])
        .arg(format!("{}/items", server.url()))
        .env("VENDOR_SECRET", secret);
    for variable in vendor.variables {
        command.args(["--var", variable]);
    }
    let output = output(command).await;
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}: {stdout}{stderr}", vendor.file);
    for text in [&stdout, &stderr] {
        assert!(
            !text.contains("s3cret") && !text.contains("t0ken"),
            "{text}"
        );
    }
    let line: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert_eq!(line["status"], 200, "{}: {stdout}", vendor.file);
    server.journal().entries().to_vec()
}

fn basic(id: &str, secret: &str) -> String {
    base64(format!("{id}:{secret}").as_bytes())
}

/// RFC 4648 §4, by hand: the examples need it nowhere else.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * at)) as usize % 64];
            let filled = at <= chunk.len();
            out.push(if filled { char::from(digit) } else { '=' });
        }
    }
    out
}

#[tokio::test]
async fn a_graphql_mutation() {
    is_served(&Vendor {
        file: "semble",
        variables: &[],
        headers: none,
        query: None,
        body: |id, secret| {
            json(&serde_json::json!({
                "query": "mutation($e:String!,$p:String!){signIn(data:{email:$e,password:$p}){token}}",
                "variables": { "e": id, "p": secret },
            }))
        },
        answer: r#"{"data":{"signIn":{"token":"t0ken"}}}"#,
        attached: ("x-token", "t0ken"),
    })
    .await;
}

#[tokio::test]
async fn a_json_login_with_a_header_of_its_own() {
    is_served(&Vendor {
        file: "escapelist",
        variables: &[],
        headers: none,
        query: None,
        body: |id, secret| {
            json(&serde_json::json!({
                "grantType": "clientCredentials",
                "clientId": id,
                "clientSecret": secret,
            }))
        },
        answer: r#"{"accessToken":"t0ken","expiresIn":3600,"currentTimeStamp":1706710921}"#,
        attached: ("x-auth-token", "t0ken"),
    })
    .await;
}

#[tokio::test]
async fn credentials_in_headers_and_no_body() {
    is_served(&Vendor {
        file: "simlessly",
        variables: &[],
        headers: |id, secret| vec![("clientid", id.into()), ("clientsecret", secret.into())],
        query: None,
        body: nothing,
        answer: r#"{"token":"t0ken","expireIn":"3600"}"#,
        attached: BEARER,
    })
    .await;
}

#[tokio::test]
async fn an_authentication_scheme_of_its_own() {
    is_served(&Vendor {
        file: "workday",
        variables: &["tenant=acme"],
        headers: |id, secret| vec![("authorization", format!("ID {}", basic(id, secret)))],
        query: None,
        body: |_, _| {
            form(&[
                ("grant_type", "client_credentials"),
                ("tenant_alias", "acme"),
            ])
        },
        answer: PLAIN,
        attached: BEARER,
    })
    .await;
}

#[tokio::test]
async fn the_grant_in_the_query() {
    is_served(&Vendor {
        file: "fieldglass",
        variables: &["key=app-key"],
        headers: |id, secret| {
            let escaped = |text| String::from_utf8(form(&[("", text)])).unwrap()[1..].to_owned();
            let pair = basic(&escaped(id), &escaped(secret));
            vec![
                ("x-applicationkey", "app-key".into()),
                ("authorization", format!("Basic {pair}")),
            ]
        },
        query: Some("grant_type=client_credentials"),
        body: nothing,
        answer: PLAIN,
        attached: BEARER,
    })
    .await;
}

#[tokio::test]
async fn numbers_that_are_text() {
    is_served(&Vendor {
        file: "exact",
        variables: &[],
        headers: none,
        query: None,
        body: |id, secret| {
            form(&[
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_secret", secret),
            ])
        },
        answer: r#"{"access_token":"t0ken","token_type":"bearer","expires_in":"600"}"#,
        attached: BEARER,
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_the_whole_answer() {
    is_served(&Vendor {
        file: "allbookers",
        variables: &[],
        headers: none,
        query: None,
        body: |id, secret| form(&[("user", id), ("password", secret)]),
        answer: "t0ken",
        attached: BEARER,
    })
    .await;
}
