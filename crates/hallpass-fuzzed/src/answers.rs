//! Answers of token endpoints, through every profile that ships.

use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hallpass_oauth2::Profile;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};

use crate::offline::{Offline, SECRET, check_credential, check_error, fetch};

/// The tries of one fetch, one more for a clock that is off, and one for a nonce.
const MOST_REQUESTS: usize = 5;

/// Every profile that ships, with the variables of its golden file.
fn shipped() -> &'static [Profile] {
    static SHIPPED: OnceLock<Vec<Profile>> = OnceLock::new();
    SHIPPED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hallpass-oauth2/tests/golden");
        Profile::names()
            .map(|name| {
                let golden = fs::read_to_string(folder.join(format!("{name}.http"))).unwrap();
                let (variables, _) = golden.split_once("--- request\n").unwrap();
                let variables: BTreeMap<_, _> = variables
                    .lines()
                    .filter_map(|line| line.split_once(" = "))
                    .collect();
                let profile = Profile::named(name).unwrap();
                let set = |profile: Profile, (name, value): (&str, &str)| profile.var(name, value);
                variables.into_iter().fold(profile, set)
            })
            .collect()
    })
}

/// How many profiles there are.
pub fn profile_count() -> usize {
    shipped().len()
}

/// `HTTP 200`, headers, an empty line and the body, behind a byte that chooses the profile.
pub fn answers(bytes: &[u8]) {
    if let Some((first, rest)) = bytes.split_first() {
        let at = usize::from(first.saturating_sub(b'!')) % profile_count();
        answers_of(at, rest);
    }
}

/// The same through the profile at this place of the list.
pub fn answers_of(profile: usize, bytes: &[u8]) {
    let profile = &shipped()[profile];
    let transport = Offline::answering(answer(bytes));
    let source = profile.clone().client("my-client", SECRET);
    let source = source.build(transport.clone()).unwrap();
    match fetch(&source) {
        Ok(credential) => {
            check_credential(&credential, bytes);
            assert!(credential.headers().next().is_some());
        }
        Err(error) => {
            // What was sent is masked. Who never had it has it from somewhere else.
            let sent = transport.sent();
            let secrets = if sent.iter().any(carries_secret) {
                &[SECRET][..]
            } else {
                &[]
            };
            check_error(&error, bytes, secrets);
            assert!(sent.len() <= MOST_REQUESTS);
        }
    }
}

fn carries_secret(request: &Request<Bytes>) -> bool {
    let basic = STANDARD.encode(format!("my-client:{SECRET}"));
    let spelled = [SECRET, &SECRET.replace('~', "%7E"), &basic];
    let has = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        spelled.iter().any(|secret| text.contains(secret))
    };
    let mut values = request.headers().values();
    has(request.body())
        || has(request.uri().to_string().as_bytes())
        || values.any(|value| has(value.as_bytes()))
}

/// As lenient as can be: the fewer inputs are no answer, the better.
fn answer(bytes: &[u8]) -> Response<Bytes> {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, behind) = rest.split_at(end);
        rest = &behind[1..];
        Some(line)
    };
    let mut response = Response::new(Bytes::new());
    if let Some(status) = line() {
        let digits = status.strip_prefix(b"HTTP ").unwrap_or(status);
        *response.status_mut() = StatusCode::from_bytes(digits).unwrap_or(StatusCode::OK);
    }
    while let Some(line) = line().filter(|line| !line.is_empty()) {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (halves.next().unwrap_or_default(), halves.next());
        let value = value.unwrap_or_default().trim_ascii();
        let (name, value) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    *response.body_mut() = Bytes::copy_from_slice(rest);
    response
}
