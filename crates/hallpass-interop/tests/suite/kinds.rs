//! The servers, and in what they differ.

use std::{ffi::OsString, path::Path};

use crate::harness::{Folder, Held, Server, Shared, python, script};

/// A server, and what it does where servers differ. The tests hold it to that, so that a new
/// version which does otherwise is noticed.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about a server that have nothing to do with each other"
)]
pub(crate) struct Kind {
    name: &'static str,
    command: fn(&Path) -> Vec<OsString>,
    pub(crate) token: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) revocation: &'static str,
    pub(crate) introspection: Option<&'static str>,
    /// Whether it decodes both halves of a Basic header, as RFC 6749 §2.3.1 wants.
    pub(crate) decodes_basic: bool,
    /// Whether ids and secrets may hold more than ASCII.
    pub(crate) beyond_ascii: bool,
    /// What it calls a bearer token.
    pub(crate) token_type: &'static str,
    /// What its resource says to a live token: glewlwyd's only knows users, and we are none.
    pub(crate) live: u16,
    /// Whether its refusals carry a code of RFC 6749 §5.2. Without one a refusal proves nothing for
    /// the next time.
    pub(crate) names_refusals: bool,
    /// How an error names the reason of a wrong secret, in the header and in the body.
    pub(crate) wrong_secret: [&'static str; 2],
    /// The same for an unknown client.
    pub(crate) unknown_client: [&'static str; 2],
    /// How an error names the reason of an unknown scope; none where that is dropped in silence.
    pub(crate) unknown_scope: Option<&'static str>,
    /// The same for a known one and an unknown one.
    pub(crate) partly_unknown_scope: Option<&'static str>,
    /// What a token without any scope is refused with, if it is.
    pub(crate) no_scope: Option<&'static str>,
    /// Whether it closes idle connections within seconds.
    pub(crate) closes_idle: bool,
    running: Shared,
}

const INVALID_CLIENT: &str = "(invalid_client): check id and secret";

/// An empty answer, whatever the reason.
const FORBIDDEN: &str = "(403): check id, secret and scope";

pub(crate) static OIDC_PROVIDER: Kind = Kind {
    name: "oidc-provider",
    command: |_| vec!["node".into(), script("oidc-provider.mjs")],
    token: "/token",
    resource: "/resource",
    revocation: "/token/revocation",
    introspection: Some("/token/introspection"),
    decodes_basic: true,
    beyond_ascii: false,
    token_type: "Bearer",
    live: 200,
    names_refusals: true,
    wrong_secret: [INVALID_CLIENT; 2],
    unknown_client: [INVALID_CLIENT; 2],
    unknown_scope: None,
    partly_unknown_scope: None,
    no_scope: None,
    closes_idle: true,
    running: Shared::new(),
};

pub(crate) static AUTHLIB: Kind = Kind {
    name: "authlib",
    command: |_| {
        let arguments = ["-c", "python:authlib_server", "authlib_server:app"];
        let mut command = vec![python("gunicorn")];
        command.extend(arguments.map(Into::into));
        command
    },
    token: "/token",
    resource: "/resource",
    revocation: "/revoke",
    introspection: Some("/introspect"),
    decodes_basic: true,
    beyond_ascii: true,
    token_type: "Bearer",
    live: 200,
    names_refusals: true,
    wrong_secret: [INVALID_CLIENT; 2],
    unknown_client: [INVALID_CLIENT; 2],
    unknown_scope: Some("(invalid_scope): check the scope"),
    partly_unknown_scope: Some("(invalid_scope): check the scope"),
    no_scope: None,
    closes_idle: true,
    running: Shared::new(),
};

pub(crate) static GLEWLWYD: Kind = Kind {
    name: "glewlwyd",
    command: |folder| vec![python("python"), script("glewlwyd.py"), folder.into()],
    token: "/api/oidc/token",
    resource: "/api/oidc/userinfo",
    revocation: "/api/oidc/revoke",
    introspection: Some("/api/oidc/introspect"),
    decodes_basic: false,
    beyond_ascii: true,
    token_type: "bearer",
    live: 404,
    names_refusals: false,
    wrong_secret: [FORBIDDEN; 2],
    unknown_client: [FORBIDDEN; 2],
    unknown_scope: Some("(scope_invalid): check the scope"),
    partly_unknown_scope: None,
    no_scope: Some(FORBIDDEN),
    closes_idle: false,
    running: Shared::new(),
};

pub(crate) static NODE_OAUTH: Kind = Kind {
    name: "node-oauth",
    command: |_| vec!["node".into(), script("node-oauth.mjs")],
    token: "/token",
    resource: "/resource",
    revocation: "/revoke",
    introspection: None,
    decodes_basic: false,
    beyond_ascii: false,
    token_type: "Bearer",
    live: 200,
    names_refusals: true,
    wrong_secret: [INVALID_CLIENT; 2],
    unknown_client: [INVALID_CLIENT; 2],
    unknown_scope: Some("(invalid_scope): check the scope"),
    partly_unknown_scope: Some("(invalid_scope): check the scope"),
    no_scope: None,
    closes_idle: true,
    running: Shared::new(),
};

impl Kind {
    /// The server that other tests use too.
    pub(crate) fn running(&self) -> Held {
        self.running.get(|| self.start(&[]))
    }

    /// A server of the test's own.
    pub(crate) fn start(&self, environment: &[(&str, &str)]) -> Server {
        self.start_in(Folder::new(self.name), environment)
    }

    /// The same in a folder where something lies already.
    pub(crate) fn start_in(&self, folder: Folder, environment: &[(&str, &str)]) -> Server {
        let command = (self.command)(folder.path());
        Server::start(folder, command, environment)
    }
}
