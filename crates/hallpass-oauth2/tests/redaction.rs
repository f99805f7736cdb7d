//! Random profiles, requests and answers: whatever was sent as a secret stands in no error, no event
//! and no `Debug`, in no spelling.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test may take its time"
)]

#[path = "it/common/mod.rs"]
mod common;

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use common::{Script, Step, chain, events::Events, fetch};
use fastrand::Rng;
use hallpass_core::CredentialSource as _;
use hallpass_oauth2::{
    ClientAuth, ClientCredentials, Encoding, JwtBearer, Password, Profile, RefreshToken, Secret,
    TokenExchange, TokenRequest, token_type, transport::Phase,
};

const CASES: usize = 400;

/// What the events say that stand beside an answer.
const EVENTS: [&str; 3] = [
    "token endpoint answered",
    "token request failed, trying again at once",
    "the answer's scope is ignored",
];
const URL: &str = "https://auth.example.com/token";

/// The beginning of every secret, so that a piece of one is found, and nothing else is taken for it.
const MARK: &str = "Zq9";

fn secret(rng: &mut Rng) -> String {
    const LETTERS: [char; 22] = [
        'a',
        'B',
        '7',
        'x',
        '"',
        '\\',
        '/',
        '&',
        '<',
        '>',
        '\'',
        '%',
        '+',
        ' ',
        '=',
        ':',
        '-',
        '_',
        '~',
        '\u{e9}',
        '\u{20ac}',
        '\u{1f600}',
    ];
    let length = rng.usize(6..24);
    let mut out = String::from(MARK);
    out.extend((0..length).map(|_| LETTERS[rng.usize(..LETTERS.len())]));
    // Ends that nobody trims.
    out.push('k');
    out
}

/// The secret as some server may repeat it.
fn spelled(rng: &mut Rng, secret: &str) -> String {
    let each = |escape: &dyn Fn(char) -> String| secret.chars().map(escape).collect::<String>();
    let percent = |char: char| {
        let mut buffer = [0; 4];
        let bytes = char.encode_utf8(&mut buffer).bytes();
        bytes.map(|byte| format!("%{byte:02X}")).collect::<String>()
    };
    let unit = |char: char| {
        let mut buffer = [0; 2];
        let units = char.encode_utf16(&mut buffer).iter();
        units
            .map(|unit| format!("\\u{unit:04x}"))
            .collect::<String>()
    };
    match rng.u8(..13) {
        0 => secret.to_owned(),
        1 => secret.to_uppercase(),
        2 => serde_json::to_string(secret).unwrap(),
        3 => secret.replace('/', "\\/"),
        4 => each(&unit),
        5 => secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;"),
        6 => each(&|char| format!("&#x{:X};", u32::from(char))),
        7 => each(&|char| match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' => char.to_string(),
            ' ' => "+".to_owned(),
            other => percent(other),
        }),
        8 => each(&percent).to_lowercase(),
        9 => each(&|char| format!("&#{};", u32::from(char))),
        10 => STANDARD.encode(secret),
        11 => URL_SAFE_NO_PAD.encode(format!("user:{secret}")),
        _ => STANDARD.encode(format!("{{\"x\":\"{secret}\"}}")),
    }
}

/// An assertion with a secret in a claim.
fn described(secret: String) -> TokenRequest {
    let text = format!(
        "token_url = \"{URL}\"\ngrant = \"jwt_bearer\"\nassertion_key = \"{{key}}\"\nclaims = {{ iss = \"me\", x = \"{{note}}\" }}"
    );
    let profile = Profile::from_toml(&text).unwrap();
    let profile = profile.var("key", Secret::from(common::jws::P256));
    profile.var("note", Secret::from(secret)).into()
}

fn request(rng: &mut Rng, secrets: &mut Vec<String>) -> TokenRequest {
    let mut next = |rng: &mut Rng| {
        let one = secret(rng);
        secrets.push(one.clone());
        one
    };
    let mut request = match rng.u8(..6) {
        0 => RefreshToken::at(URL).refresh_token(next(rng)),
        1 => Password::at(URL).user("robot", next(rng)),
        2 => TokenExchange::at(URL).subject_token(next(rng), token_type::JWT),
        3 => JwtBearer::at(URL).assertion(next(rng)),
        4 => described(next(rng)),
        _ => ClientCredentials::at(URL),
    };
    request = match rng.u8(..5) {
        0 => request.basic("my-client", next(rng)),
        1 => request.basic_raw("my-client", next(rng)),
        2 => request.post("my-client", next(rng)),
        3 => request
            .client_secret_jwt("my-client", next(rng))
            .issuer("https://as"),
        _ => {
            let request = request.profile(|profile| {
                profile.client_auth = ClientAuth::Custom;
                let template = "{base64({client_id};{client_secret})}";
                profile.params.push(("proof".to_owned(), template.into()));
            });
            request.client("my-client", next(rng))
        }
    };
    if rng.bool() {
        request = request.param("extra", Secret::from(next(rng)));
    }
    if rng.bool() {
        request = request.param("password_2", next(rng));
    }
    if rng.bool() {
        let note = format!("{MARK}header{}", rng.u32(..));
        secrets.push(note.clone());
        request = request.header("x-note", Secret::from(note));
    }
    if rng.bool() {
        request = request.profile(|profile| profile.encoding = Encoding::Json);
    }
    if rng.bool() {
        request = request.profile(|profile| {
            profile.error_at = vec!["oops".to_owned()];
            profile.message_at = vec!["because".to_owned()];
        });
    }
    request
}

fn answer(rng: &mut Rng, secrets: &[String]) -> Step {
    let pick = |rng: &mut Rng| {
        let secret = &secrets[rng.usize(..secrets.len())];
        format!("no {} here", spelled(rng, secret))
    };
    let body = serde_json::json!({
        "error": if rng.bool() { "invalid_client".to_owned() } else { pick(rng) },
        "error_description": pick(rng),
        "oops": pick(rng),
        "because": pick(rng),
        "errorSummary": pick(rng),
    });
    let kind = serde_json::json!({ "access_token": "t", "token_type": pick(rng) });
    let scoped = serde_json::json!({
        "access_token": "t", "token_type": "Bearer", "scope": pick(rng), "issued_token_type": "x",
    });
    let statuses = [200, 302, 400, 401, 403, 404, 422, 429, 500, 503];
    let status = statuses[rng.usize(..statuses.len())];
    match rng.u8(..8) {
        0 if rng.bool() => Step::Fail(Phase::TooLarge),
        0 => Step::Fail(Phase::Exchange),
        1 => Step::ok(kind.to_string()),
        2 => Step::ok(scoped.to_string()),
        3 => Step::status(status, format!("<html>{}", pick(rng))),
        4 => Step::status(status, format!("error={}", pick(rng).replace('&', "%26"))),
        _ => Step::status(status, body.to_string()).with("retry-after", "1"),
    }
}

#[tokio::test(start_paused = true)]
async fn no_secret_that_was_sent_is_told() {
    let events = Events::gather();
    let (mut built, mut masked) = (0, 0);
    let mut told = BTreeMap::new();
    for seed in 0..CASES as u64 {
        let mut rng = Rng::with_seed(seed);
        let mut secrets = Vec::new();
        let request = request(&mut rng, &mut secrets);
        let mut shown = format!("{request:?}");
        // A gateway's trouble is tried again at once, and so is a connection's.
        let next = rng.u64(..);
        let steps: Vec<Step> = (0..3)
            .map(|_| answer(&mut Rng::with_seed(next), &secrets))
            .collect();
        let Ok(source) = request.build(Script::of(steps)) else {
            continue;
        };
        built += 1;
        shown.push_str(&format!("{source:?}{:?}", source.description()));
        match fetch(&source).await {
            Ok(credential) => shown.push_str(&format!("{credential:?}")),
            Err(error) => shown.push_str(&format!("{error}{error:?}{}", chain(&error))),
        }
        let events = events.take();
        for event in EVENTS {
            *told.entry(event).or_insert(0) += usize::from(events.contains(event));
        }
        shown.push_str(&events);
        masked += usize::from(shown.contains("[secret]"));
        for secret in &secrets {
            let escaped: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let lower = shown.to_lowercase();
            // The mark, as far as it stands for itself in each spelling.
            for piece in [
                MARK.to_lowercase(),
                "%5a%71%39".to_owned(),
                "\\u005a".to_owned(),
                "&#x5a;".to_owned(),
                "&#90;".to_owned(),
                escaped,
            ] {
                assert!(
                    !lower.contains(&piece.to_lowercase()),
                    "{seed} {piece}: {shown}"
                );
            }
            for before in 0..3 {
                let bytes = [&b"xxx"[..before], secret.as_bytes()].concat();
                let encoded = URL_SAFE_NO_PAD.encode(bytes);
                let piece = &encoded[(before * 8).div_ceil(6)..encoded.len() - 2];
                let found = shown.replace('+', "-").replace('/', "_").contains(piece);
                assert!(!found, "{seed} {piece}: {shown}");
            }
        }
    }
    // Neither the requests nor the answers nor the events were so few that this proves nothing.
    assert!(built > CASES * 3 / 4, "only {built} requests");
    assert!(masked > CASES / 4, "only {masked} repeated anything");
    assert!(told.values().all(|times| *times > CASES / 40), "{told:?}");
}
