//! Broken set-ups: for each, `hallpass doctor` names the step, the cause, and ends with the code.

use super::{
    common::{Run, command, finished},
    doctor_case::Case,
};

/// What is broken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Broken {
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
    (UnknownProfile, "configuration", 2, "no profile \"acme\""),
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
    (RefusalWithinSuccess, "token", 4, "refuses within a success"),
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
    let server = case.server.as_ref().unwrap();
    assert_eq!(server.journal().token_requests(), 2);
    let case = Case::of(RateLimit).await;
    doctor(&case, false).await;
    assert_eq!(case.server.as_ref().unwrap().journal().token_requests(), 1);
}
