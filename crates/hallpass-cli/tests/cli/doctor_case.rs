//! What each broken set-up consists of.

use std::time::{Duration, SystemTime};

use hallpass_testkit::{ExpiresIn, Malformed, Server, System};

use super::{
    common::{Folder, SECRET},
    doctor_setups::Broken::{self, *},
    tls,
};

/// A command line, and what has to stay alive while it runs.
pub(crate) struct Case {
    pub(crate) args: Vec<String>,
    pub(crate) server: Option<Server>,
    folder: Folder,
    tls: Option<tls::Plain>,
}

impl Case {
    pub(crate) async fn of(broken: Broken) -> Self {
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
            server: None,
            folder,
            tls: None,
        };
        case.of_settings(broken);
        case.of_network(broken, &server).await;
        of_endpoint(broken, &server);
        case.of_token(broken, &server);
        case.server = Some(server);
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
                let file = self.folder.write("secret", "");
                self.set("--secret", &format!("file:{file}"));
            }
            UnreadableSecret => self.set("--secret", "file:/no/such/file"),
            SecretWithLineBreak => {
                let file = self.folder.write("secret", &format!("{SECRET}\n\n"));
                self.set("--secret", &format!("file:{file}"));
            }
            KeyIsNoKey => {
                let file = self.folder.write("key", "no key at all");
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
                let ca = self.folder.write("ca.pem", &tls.authority);
                self.set(
                    "--token-url",
                    &format!("https://127.0.0.1:{}/token", tls.port),
                );
                self.set("--ca", &ca);
                self.tls = Some(tls);
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
