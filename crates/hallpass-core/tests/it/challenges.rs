//! Challenges that a server makes up to cost time or to be misread.
#![allow(clippy::disallowed_methods, reason = "real time is what is measured")]

use std::time::{Duration, Instant};

use hallpass_core::{
    Challenge, Challenges,
    adapter::{Verdict, verdict},
};
use http::{HeaderMap, HeaderValue, StatusCode, header::WWW_AUTHENTICATE};

const KIB: usize = 1024;

fn fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(field).unwrap());
    }
    headers
}

fn schemes(challenges: &Challenges) -> Vec<&str> {
    challenges.iter().map(Challenge::scheme).collect()
}

/// A challenge of up to this size, every parameter of which has a name of its own.
fn distinct(size: usize) -> String {
    let mut field = "Bearer a=b".to_owned();
    for n in 0.. {
        let next = format!(",{n:x}=1");
        if field.len() + next.len() > size {
            return field;
        }
        field.push_str(&next);
    }
    field
}

/// The least of many times: what else the machine does can only add to it.
fn least_time(field: &str) -> Duration {
    let time = |_| {
        let started = Instant::now();
        let challenges: Challenges = field.parse().unwrap();
        let taken = started.elapsed();
        assert_eq!(challenges.len(), 1);
        taken
    };
    (0..40).map(time).min().unwrap()
}

/// Threat 36: four times as much takes four times as long, and sixteen times as long if each name is
/// looked for among all those before it.
#[test]
fn distinct_names_take_linear_time() {
    let (short, long) = (distinct(4 * KIB), distinct(16 * KIB));
    let ratio = (0..5)
        .map(|_| least_time(&long).as_secs_f64() / least_time(&short).as_secs_f64())
        .fold(f64::INFINITY, f64::min);
    assert!(
        ratio < 8.0,
        "four times as much took {ratio:.1} times as long"
    );
}

/// Threat 36: a header block may be 64 KiB, in one field or in many.
#[test]
fn sixteen_kibibytes_are_read_of_all_fields_together() {
    let refusal = r#"Bearer error="invalid_token""#;
    let padding = |size: usize| format!("x pad={}", "a".repeat(size - "x pad=".len()));
    let challenges = Challenges::of(&fields([padding(16 * KIB).as_str(), refusal]));
    assert_eq!(schemes(&challenges), ["x"]);
    let challenges = Challenges::of(&fields([
        padding(10 * KIB).as_str(),
        &padding(6 * KIB),
        refusal,
    ]));
    assert_eq!(schemes(&challenges), ["x", "x"]);
    let challenges = Challenges::of(&fields([
        padding(10 * KIB).as_str(),
        &padding(5 * KIB),
        refusal,
    ]));
    assert_eq!(schemes(&challenges), ["x", "x", "bearer"]);

    // The budget ends within the second field, right behind its scheme.
    let cut = padding(16 * KIB - "Bearer ".len());
    let challenges = Challenges::of(&fields([cut.as_str(), refusal]));
    assert_eq!(schemes(&challenges), ["x", "bearer"]);
    let bearer = challenges.iter().last().unwrap();
    assert_eq!(bearer.param("error"), None);

    let many = fields(std::iter::repeat_n("Bearer a=1", 6000));
    assert_eq!(
        Challenges::of(&many).len(),
        16 * KIB / "Bearer a=1".len() + 1
    );
}

/// A comma within quotes separates nothing, in what can't be read either: else a text of the
/// server's user would become a challenge.
#[test]
fn a_quoted_comma_separates_nothing_in_what_is_skipped() {
    let hidden = r#""x, Bearer error=insufficient_scope, y""#;
    for field in [
        format!("foo/{hidden}, Basic realm=b"),
        format!("={hidden}, Basic realm=b"),
        format!("Newauth /{hidden}, Basic realm=b"),
        format!("Newauth a=b c{hidden}, Basic realm=b"),
        format!("Newauth realm=x;{hidden}, Basic realm=b"),
        format!("Newauth title={hidden}, Basic realm=b"),
    ] {
        let challenges: Challenges = field.parse().unwrap();
        let schemes = schemes(&challenges);
        assert!(schemes.contains(&"basic"), "{field} {schemes:?}");
        assert!(!schemes.contains(&"bearer"), "{field} {schemes:?}");
        let headers = fields([field.as_str()]);
        let verdict = verdict(StatusCode::UNAUTHORIZED, &headers);
        assert_eq!(verdict, Verdict::Reject, "{field}");
    }
}

/// RFC 9110 §11.6.1 and 15.5.8: what is a proxy's is no business of ours, whatever it is called.
#[test]
fn only_one_field_holds_challenges_of_the_server() {
    let mut headers = HeaderMap::new();
    for name in ["proxy-authenticate", "authentication-info", "authorization"] {
        headers.insert(
            name,
            HeaderValue::from_static("Bearer error=insufficient_scope"),
        );
    }
    assert!(Challenges::of(&headers).is_empty());
    let proxied = verdict(StatusCode::PROXY_AUTHENTICATION_REQUIRED, &headers);
    assert_eq!(proxied, Verdict::Keep);
}
