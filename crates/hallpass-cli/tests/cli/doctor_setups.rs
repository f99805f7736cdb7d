//! Broken set-ups: for each, `hallpass doctor` names the step, the cause, and ends with the code.

use std::time::{Duration, SystemTime};

use hallpass_testkit::{ExpiresIn, Malformed, Server, System};

use super::{
    common::{Folder, Run, SECRET, command, finished},
    tls,
};

/// What is broken.
#[derive(Debug, Clone, Copy)]
enum Broken {
    UnknownProfile,
    SecretInArguments,
    MissingVariable,
    PlainHttpElsewhere,
    MissingEnvironment,
    EmptySecret,
    UnreadableSecret,
    SecretWithLineBreak,
    KeyIsNoKey,
    UnknownHost,
    RefusedPort,
    TlsToPlainPort,
    PlainToTlsPort,
    SelfSigned,
    ExpiredCertificate,
    CertificateOfAnother,
    OtherIssuer,
    NoMetadata,
    WrongPath,
    WebPage,
    ApiInsteadOfEndpoint,
    EmptyAnswer,
    Redirect,
    WrongSecret,
    WrongAuthStyle,
    UnknownScope,
    GrantNotAllowed,
    UnknownGrant,
    WrongMethod,
    Firewall,
    RateLimit,
    ServerInTrouble,
    RefusalWithinSuccess,
    NoTokenType,
    OtherTokenType,
    NoLifetime,
    LifetimeAsText,
    LifetimeZero,
    ScopeDropped,
    ClockAnHourOff,
    AudienceOfAnother,
    ScopeTooNarrow,
    ApiOfAnotherOrigin,
}

use Broken::*;

/// Each with the step that has to find it, the exit code, and a part of the cause or what to do.
const SETUPS: &[(Broken, &str, i32, &str)] = &[
    (UnknownProfile, "configuration", 2, "there is no profile"),
    (
        SecretInArguments,
        "configuration",
        2,
        "a secret does not belong here",
    ),
    (MissingVariable, "configuration", 2, "--var NAME=VALUE"),
    (PlainHttpElsewhere, "configuration", 2, "use https"),
    (MissingEnvironment, "secrets", 2, "export NOT_SET_ANYWHERE"),
    (EmptySecret, "secrets", 2, "nothing is in it"),
    (UnreadableSecret, "secrets", 2, "the file is not there"),
    (
        SecretWithLineBreak,
        "token",
        3,
        "most likely a line break at its end",
    ),
    (KeyIsNoKey, "secrets", 2, "is no private key in PEM"),
    (
        UnknownHost,
        "dns",
        4,
        "no machine has the name nowhere.invalid",
    ),
    (RefusedPort, "tcp", 4, "nothing listens on this port"),
    (TlsToPlainPort, "tls", 4, "does not speak TLS on this port"),
    (PlainToTlsPort, "http", 4, "write https in the token URL"),
    (SelfSigned, "tls", 4, "self-signed"),
    (ExpiredCertificate, "tls", 4, "certificate has expired"),
    (
        CertificateOfAnother,
        "tls",
        4,
        "is for other names than 127.0.0.1",
    ),
    (
        OtherIssuer,
        "discovery",
        2,
        "not spelled as the server spells it",
    ),
    (
        NoMetadata,
        "discovery",
        2,
        "there is no metadata for this issuer",
    ),
    (WrongPath, "token", 4, "check the path of the token URL"),
    (WebPage, "token", 4, "is a web page"),
    (ApiInsteadOfEndpoint, "token", 4, "it has items, next"),
    (EmptyAnswer, "token", 4, "the answer is empty"),
    (
        Redirect,
        "token",
        4,
        "the server names https://auth.example.com/token",
    ),
    (WrongSecret, "token", 3, "id or secret is wrong"),
    (WrongAuthStyle, "token", 3, "set client_auth = \"post\""),
    (
        UnknownScope,
        "token",
        3,
        "the scope \"nonsense\" is unknown",
    ),
    (GrantNotAllowed, "token", 3, "may not use this grant"),
    (UnknownGrant, "token", 3, "does not know this grant"),
    (WrongMethod, "token", 4, "does not take POST"),
    (Firewall, "token", 4, "lets nobody in from here"),
    (RateLimit, "token", 4, "asked too often"),
    (ServerInTrouble, "token", 4, "the server is in trouble"),
    (RefusalWithinSuccess, "token", 3, "refuses within a success"),
    (NoTokenType, "token", 3, "token_type_optional = true"),
    (OtherTokenType, "token", 3, "of the type \"mac\""),
    (NoLifetime, "lifetime", 0, "leaves expires_in out"),
    (LifetimeAsText, "lifetime", 0, "expires_in is a text"),
    (LifetimeZero, "lifetime", 3, "over on arrival"),
    (ScopeDropped, "scope", 0, "not granted: admin"),
    (ClockAnHourOff, "clock", 0, "1 h ahead of the server's"),
    (
        AudienceOfAnother,
        "api",
        5,
        "it is for another API (audience",
    ),
    (ScopeTooNarrow, "api", 5, "the token's scope does not reach"),
    (
        ApiOfAnotherOrigin,
        "api",
        2,
        "--origin https://other.example",
    ),
];

/// A command line, and what has to stay alive while it runs.
struct Case {
    args: Vec<String>,
    _server: Option<Server>,
    _folder: Folder,
    _tls: Option<tls::Plain>,
}

impl Case {
    async fn of(broken: Broken) -> Self {
        let mut builder = Server::builder().client("client", SECRET);
        builder = match broken {
            PlainToTlsPort | SelfSigned => builder.tls(),
            WrongAuthStyle => builder.system(System::Ataccama),
            _ => builder,
        };
        let server = builder.start().await;
        let folder = Folder::new();
        let mut case = Self {
            args: vec![
                "generic".into(),
                "--client-id=client".into(),
                "--secret=env:SECRET".into(),
                format!("--token-url={}", server.token_url()),
            ],
            _server: None,
            _folder: folder,
            _tls: None,
        };
        case.of_settings(broken);
        case.of_network(broken, &server).await;
        of_endpoint(broken, &server);
        case.of_token(broken, &server);
        case._server = Some(server);
        case
    }

    fn set(&mut self, option: &str, value: &str) {
        self.args
            .retain(|arg| !arg.starts_with(&format!("{option}=")));
        self.args.push(format!("{option}={value}"));
    }

    fn of_settings(&mut self, broken: Broken) {
        match broken {
            UnknownProfile => "acme".clone_into(&mut self.args[0]),
            SecretInArguments => self.set("--secret", "hunter2hunter2"),
            MissingVariable => {
                "zoom".clone_into(&mut self.args[0]);
            }
            PlainHttpElsewhere => self.set("--token-url", "http://auth.example.com/token"),
            MissingEnvironment => self.set("--secret", "env:NOT_SET_ANYWHERE"),
            EmptySecret => {
                let file = self._folder.write("secret", "");
                self.set("--secret", &format!("file:{file}"));
            }
            UnreadableSecret => self.set("--secret", "file:/no/such/file"),
            SecretWithLineBreak => {
                let file = self._folder.write("secret", &format!("{SECRET}\n\n"));
                self.set("--secret", &format!("file:{file}"));
            }
            KeyIsNoKey => {
                let file = self._folder.write("key", "no key at all");
                self.args.retain(|arg| !arg.starts_with("--secret="));
                self.set("--private-key", &format!("file:{file}"));
                self.set("--issuer", "https://auth.example.com");
            }
            _ => {}
        }
    }

    async fn of_network(&mut self, broken: Broken, server: &Server) {
        let port = server.addr().port();
        match broken {
            UnknownHost => self.set("--token-url", "https://nowhere.invalid/token"),
            // Port 1 is reserved and nobody listens there.
            RefusedPort => self.set("--token-url", "https://127.0.0.1:1/token"),
            TlsToPlainPort => self.set("--token-url", &format!("https://127.0.0.1:{port}/token")),
            PlainToTlsPort => self.set("--token-url", &format!("http://127.0.0.1:{port}/token")),
            ExpiredCertificate | CertificateOfAnother => {
                let name = match broken {
                    ExpiredCertificate => "127.0.0.1",
                    _ => "other.example",
                };
                let tls = tls::Plain::start(name, matches!(broken, ExpiredCertificate)).await;
                let ca = self._folder.write("ca.pem", &tls.authority);
                self.set(
                    "--token-url",
                    &format!("https://127.0.0.1:{}/token", tls.port),
                );
                self.set("--ca", &ca);
                self._tls = Some(tls);
            }
            OtherIssuer | NoMetadata => {
                self.args.retain(|arg| !arg.starts_with("--token-url="));
                self.set("--issuer", &server.url());
                let (status, body) = match broken {
                    OtherIssuer => (
                        200,
                        r#"{"issuer":"https://other.example","token_endpoint":"https://other.example/token"}"#,
                    ),
                    _ => (404, ""),
                };
                server.api().respond_next(9, status, &[], body);
            }
            _ => {}
        }
    }

    fn of_token(&mut self, broken: Broken, server: &Server) {
        let url = format!("{}/items", server.url());
        match broken {
            UnknownScope => self.set("--scope", "nonsense"),
            ScopeDropped => self.set("--scope", "read admin"),
            AudienceOfAnother => {
                server.api().refuse("/items");
                self.set("--url", &url);
            }
            ScopeTooNarrow => {
                let challenge = [(
                    "www-authenticate",
                    "Bearer error=\"insufficient_scope\", scope=\"write\"",
                )];
                // One for the step that sees what is spoken.
                server.api().respond_next(2, 403, &challenge, "");
                self.set("--url", &url);
            }
            ApiOfAnotherOrigin => {
                self.set("--origin", &server.url());
                self.set("--url", "https://other.example/items");
            }
            _ => {}
        }
    }
}

fn of_endpoint(broken: Broken, server: &Server) {
    let endpoint = server.token_endpoint();
    let refuse = |status: u16, code: &str| {
        let body = format!(r#"{{"error":"{code}"}}"#);
        endpoint.respond_next(9, status, &[("content-type", "application/json")], body);
    };
    let token = |more: &str| {
        format!(r#"{{"access_token":"abc","token_type":"Bearer","expires_in":3600{more}}}"#)
    };
    match broken {
        WrongPath => {
            endpoint.respond_next(9, 404, &[], "");
        }
        WebPage => drop(endpoint.malformed_next(9, Malformed::Html)),
        ApiInsteadOfEndpoint => {
            endpoint.respond_next(9, 200, &[], r#"{"items":[],"next":null}"#);
        }
        EmptyAnswer => drop(endpoint.malformed_next(9, Malformed::EmptyBody)),
        Redirect => {
            let to = [("location", "https://auth.example.com/token?x=1")];
            endpoint.respond_next(9, 308, &to, "");
        }
        WrongSecret => drop(server.set_secret("client", "another")),
        UnknownScope => refuse(400, "invalid_scope"),
        GrantNotAllowed => refuse(400, "unauthorized_client"),
        UnknownGrant => refuse(400, "unsupported_grant_type"),
        WrongMethod => {
            endpoint.respond_next(9, 405, &[], "");
        }
        Firewall => {
            endpoint.respond_next(9, 403, &[("content-type", "text/html")], "<html>no</html>");
        }
        RateLimit => drop(endpoint.down(429).retry_after(7)),
        ServerInTrouble => drop(endpoint.down(500)),
        RefusalWithinSuccess => {
            endpoint.respond_next(9, 200, &[], r#"{"error":{"code":7},"trace":"x"}"#);
        }
        NoTokenType => drop(endpoint.malformed_next(9, Malformed::NoTokenType)),
        OtherTokenType => drop(endpoint.malformed_next(9, Malformed::TokenTypeMac)),
        NoLifetime => server.set_expires_in(ExpiresIn::Missing),
        LifetimeAsText => server.set_expires_in(ExpiresIn::Text),
        LifetimeZero => server.set_expires_in(ExpiresIn::Raw(0.into())),
        ScopeDropped => {
            endpoint.respond_next(9, 200, &[], token(r#","scope":"read""#));
        }
        ClockAnHourOff => {
            let date = httpdate(SystemTime::now() - Duration::from_secs(3600));
            endpoint.respond_next(9, 200, &[("date", &date)], token(""));
        }
        _ => {}
    }
}

fn httpdate(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

async fn doctor(case: &Case, json: bool) -> Run {
    let args = case.args.iter().map(String::as_str);
    let more = json.then_some("--json");
    finished(command(["doctor"].into_iter().chain(args).chain(more))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_is_named() {
    let mut wrong = Vec::new();
    for (broken, step, code, part) in SETUPS {
        let case = Case::of(*broken).await;
        let run = doctor(&case, true).await;
        assert!(!run.stdout.contains("hunter2"), "{}", run.stdout);
        let report = run.json();
        let findings = report["findings"].as_array().unwrap();
        let found = findings
            .iter()
            .rev()
            .find(|finding| finding["step"] == *step);
        let text = found.map(ToString::to_string).unwrap_or_default();
        let part = serde_json::Value::from(*part).to_string();
        let part = part.trim_matches('"');
        let told = text.contains(part) && found.is_some_and(|found| found["status"] != "ok");
        if !told || run.code != *code {
            wrong.push(format!(
                "{broken:?}: wanted {step} {code} {part:?}, got {} {}",
                run.code, run.stdout
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(SETUPS.len() >= 40);
}

#[tokio::test]
async fn another_way_is_tried_only_where_a_client_was_refused() {
    let case = Case::of(WrongAuthStyle).await;
    let run = doctor(&case, false).await;
    assert!(
        run.stdout.contains("takes id and secret as \"post\""),
        "{}",
        run.stdout
    );
    let server = case._server.as_ref().unwrap();
    assert_eq!(server.journal().token_requests(), 2);
    let case = Case::of(RateLimit).await;
    doctor(&case, false).await;
    assert_eq!(case._server.as_ref().unwrap().journal().token_requests(), 1);
}
