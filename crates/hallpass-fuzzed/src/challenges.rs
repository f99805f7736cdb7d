//! Challenges: what is read is bounded, shown without values, and read again as it was.

use hallpass_core::{Challenge, Challenges, adapter::verdict};
use http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};

/// How much of all fields is read.
const LIMIT: usize = 16 * 1024;

/// Parameters that are asked for somewhere in the workspace, and a few more.
const NAMES: [&str; 10] = [
    "realm",
    "error",
    "error_description",
    "error_uri",
    "scope",
    "claims",
    "resource_metadata",
    "max_age",
    "acr_values",
    "algs",
];

/// The values of `WWW-Authenticate`, one a line.
pub fn challenges(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(1000) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    let read = Challenges::of(&headers);
    check(&read);
    for status in [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::BAD_REQUEST,
    ] {
        let _ = format!("{:?}", verdict(status, &headers));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let Ok(read) = text.parse::<Challenges>();
        check(&read);
    }
}

fn check(challenges: &Challenges) {
    assert_eq!(challenges.len(), challenges.iter().count());
    assert!(challenges.len() <= LIMIT);
    let mut size = 0;
    for one in challenges.iter() {
        assert!(!one.scheme().is_empty());
        assert_eq!(one.scheme(), one.scheme().to_ascii_lowercase());
        let values = NAMES.iter().filter_map(|name| one.param(name));
        size += one.token68().unwrap_or_default().len();
        size += values.map(str::len).sum::<usize>();
        shows_no_value(one);
        is_read_again(one);
    }
    // What is no UTF-8 takes three bytes for one.
    assert!(size <= 3 * LIMIT);
    assert!(format!("{challenges:?}").len() <= 64 * LIMIT);
}

/// A server may put anything into a value, the token that it got included.
fn shows_no_value(one: &Challenge) {
    let shown = format!("{one:?}");
    let with_mark = |value: &&str| value.contains("Zq9");
    let values = NAMES.iter().filter_map(|name| one.param(name));
    for value in values.chain(one.token68()).filter(with_mark) {
        assert!(
            !shown.contains(value) || one.scheme().contains("zq9"),
            "{shown}"
        );
    }
}

/// Parsed, written down as RFC 9110 §11.6.1 has it, and parsed.
fn is_read_again(one: &Challenge) {
    let written = if let Some(token) = one.token68() {
        format!("{} {token}", one.scheme())
    } else {
        let params = NAMES.iter().filter_map(|name| {
            let value = one.param(name)?.replace('\\', "\\\\").replace('"', "\\\"");
            Some(format!("{name}=\"{value}\""))
        });
        let params: Vec<_> = params.collect();
        format!("{} {}", one.scheme(), params.join(", "))
    };
    if written.len() > LIMIT {
        return;
    }
    let Ok(again) = written.parse::<Challenges>();
    assert_eq!(again.len(), 1, "{written}");
    let again = again.iter().next().unwrap();
    assert_eq!(again.scheme(), one.scheme(), "{written}");
    assert_eq!(again.token68(), one.token68(), "{written}");
    if one.token68().is_none() {
        for name in NAMES {
            assert_eq!(again.param(name), one.param(name), "{written}");
        }
    }
}
