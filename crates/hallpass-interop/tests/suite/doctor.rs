//! `hallpass doctor`, the program itself: nothing to do where all is well, and the cause where it is not.

use std::{env, fs, process::Command};

use serde_json::Value;

use crate::{
    harness::{Folder, Server},
    kinds::{self, Kind},
    kit::{BASIC, Pair, SPECIAL, url},
};

at_each_server!(
    nothing_to_do,
    wrong_secret,
    wrong_authentication,
    wrong_path,
    unknown_scope
);

/// What it ends with where another try may bring something else.
const UNAVAILABLE: i32 = 4;

/// And where a server refuses: one that gives no code may do otherwise next time.
fn code_of_refusal(kind: &Kind) -> i32 {
    if kind.names_refusals { 3 } else { UNAVAILABLE }
}

/// What the doctor has found.
struct Visit {
    code: i32,
    report: Value,
}

impl Visit {
    /// The last finding of this step.
    fn finding(&self, step: &str) -> &Value {
        let findings = self.report["findings"].as_array().unwrap();
        let found = findings
            .iter()
            .rev()
            .find(|finding| finding["step"] == step);
        found.unwrap_or_else(|| panic!("no step {step}: {}", self.report))
    }

    /// That it ends with this code, and that this step says why.
    fn names(&self, code: i32, step: &str, key: &str, part: &str) {
        assert_eq!(self.code, code, "{}", self.report);
        let text = self.finding(step)[key].as_str().unwrap_or_default();
        assert!(text.contains(part), "{part:?}: {}", self.report);
    }
}

/// Has the doctor look at a client of a server.
struct Patient<'a> {
    profile: String,
    token_url: String,
    id: &'a str,
    secret: &'a str,
    scope: &'a str,
}

impl Patient<'_> {
    fn of(kind: &Kind, server: &Server, (id, secret): Pair) -> Self {
        Self {
            profile: "generic".to_owned(),
            token_url: url(server, kind.token),
            id,
            secret,
            scope: "read",
        }
    }

    fn visit(&self, more: &[&str]) -> Visit {
        let program = env::var_os("HALLPASS_PROGRAM")
            .expect("these tests run the command line: `cargo xtask interop` builds it");
        let output = Command::new(program)
            .args(["doctor", &self.profile, "--json", "--secret", "env:SECRET"])
            .args(["--client-id", self.id, "--scope", self.scope])
            .args(["--token-url", &self.token_url])
            .args(more)
            .env("SECRET", self.secret)
            .env("HOME", "/nonexistent")
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(!printed.contains(self.secret.trim_end()), "{printed}");
        Visit {
            code: output.status.code().unwrap(),
            report: serde_json::from_str(&printed).expect(&printed),
        }
    }
}

async fn nothing_to_do(kind: &'static Kind) {
    let server = kind.running();
    let resource = url(&server, kind.resource);
    // An API that knows users alone says nothing of a client's token.
    let more = ["--decode", "--url", &resource];
    let more = if kind.live == 200 {
        &more[..]
    } else {
        &more[..1]
    };
    let visit = Patient::of(kind, &server, BASIC).visit(more);
    assert_eq!(visit.code, 0, "{}", visit.report);
    assert_eq!(visit.report["ok"], true);
    let findings = visit.report["findings"].as_array().unwrap();
    for finding in findings {
        assert_eq!(finding["status"], "ok", "{finding}");
    }
    let steps: Vec<_> = findings.iter().map(|finding| &finding["step"]).collect();
    for step in [
        "configuration",
        "secrets",
        "tcp",
        "http",
        "token",
        "lifetime",
    ] {
        assert!(steps.contains(&&Value::from(step)), "{step}: {steps:?}");
    }
    assert_eq!(steps.contains(&&Value::from("api")), kind.live == 200);
}

async fn wrong_secret(kind: &'static Kind) {
    let server = kind.running();
    let visit = Patient::of(kind, &server, (BASIC.0, "hunter2hunter2")).visit(&[]);
    let code = code_of_refusal(kind);
    visit.names(code, "token", "cause", "id or secret is wrong");
    // As it is copied from a file.
    let visit = Patient::of(kind, &server, (BASIC.0, "basic-secret\n")).visit(&[]);
    visit.names(code, "token", "cause", "a line break at its end");
}

/// A client whose id and secret look different in each way of sending them.
async fn wrong_authentication(kind: &'static Kind) {
    let server = kind.running();
    let folder = Folder::new("doctor");
    let wrong = if kind.decodes_basic {
        "basic-raw"
    } else {
        "basic"
    };
    let profile = folder.path().join("vendor.toml");
    let text = format!(
        "client_auth = \"{wrong}\"\ntoken_url = \"{}\"\n",
        url(&server, kind.token)
    );
    fs::write(&profile, text).unwrap();
    let mut patient = Patient::of(kind, &server, SPECIAL);
    patient.profile = profile.display().to_string();
    let visit = patient.visit(&[]);
    let finding = visit.finding("token").clone();
    visit.names(visit.code, "token", "fix", "set client_auth = ");
    assert_ne!(visit.code, 0);
    // What it says to do helps.
    let fix = finding["fix"].as_str().unwrap();
    let right = fix.split('"').nth(1).unwrap();
    let text = fs::read_to_string(&profile).unwrap().replace(wrong, right);
    fs::write(&profile, text).unwrap();
    assert_eq!(patient.visit(&[]).code, 0, "{fix}");
}

async fn wrong_path(kind: &'static Kind) {
    let server = kind.running();
    let mut patient = Patient::of(kind, &server, BASIC);
    patient.token_url.push_str("-of-another-server");
    let visit = patient.visit(&[]);
    visit.names(UNAVAILABLE, "token", "cause", "there is nothing at ");
    visit.names(
        UNAVAILABLE,
        "token",
        "fix",
        "check the path of the token URL",
    );
}

async fn unknown_scope(kind: &'static Kind) {
    let server = kind.running();
    let mut patient = Patient::of(kind, &server, BASIC);
    if kind.unknown_scope.is_some() {
        patient.scope = "nonsense";
        let visit = patient.visit(&[]);
        let cause = "the scope \"nonsense\" is unknown to the server";
        visit.names(code_of_refusal(kind), "token", "cause", cause);
    } else {
        patient.scope = "read nonsense";
        let visit = patient.visit(&[]);
        visit.names(0, "scope", "message", "not granted: nonsense");
    }
}

#[tokio::test]
async fn a_token_of_authlib_at_oidc_provider() {
    let (issuer, other) = (kinds::AUTHLIB.running(), kinds::OIDC_PROVIDER.running());
    let resource = url(&other, kinds::OIDC_PROVIDER.resource);
    let visit = Patient::of(&kinds::AUTHLIB, &issuer, BASIC).visit(&["--url", &resource]);
    visit.names(5, "api", "cause", "a fresh token is refused");
}
