use http::HeaderValue;

use super::*;

/// Renders challenges as `scheme{name=value;…}` or `scheme[token68]`, one after another.
fn parse(fields: &[&[u8]]) -> String {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(field).unwrap());
    }
    Challenges::of(&headers)
        .iter()
        .map(|one| {
            if let Some(token) = one.token68() {
                return format!("{}[{token}]", one.scheme());
            }
            let params: Vec<_> = one
                .params
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("{}{{{}}}", one.scheme(), params.join(";"))
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn well_formed_and_odd_fields() {
    for (field, expected) in [
        (r#"Basic realm="foo""#, "basic{realm=foo}"),
        (r#"BASIC REALM="foo""#, "basic{realm=foo}"),
        ("Basic realm=foo", "basic{realm=foo}"),
        (r"Basic realm=\f\o\o", ""),
        (r#"Basic realm="foo%20bar""#, "basic{realm=foo%20bar}"),
        (r#"Basic , realm="foo""#, "basic{realm=foo}"),
        ("Basic", "basic{}"),
        (r#"Basic realm="\f\o\o""#, "basic{realm=foo}"),
        (r#"Basic realm="\"foo\"""#, r#"basic{realm="foo"}"#),
        (
            r#"Basic realm="=?ISO-8859-1?Q?foo-=E4?=""#,
            "basic{realm==?ISO-8859-1?Q?foo-=E4?=}",
        ),
        (
            r#"Newauth, Basic realm="basic""#,
            "newauth{} basic{realm=basic}",
        ),
        (
            r#"Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple""#,
            r#"newauth{realm=apps;type=1;title=Login to "apps"} basic{realm=simple}"#,
        ),
        (
            r#"Newauth realm="N", basic=foo, Basic realm="B""#,
            "newauth{realm=N;basic=foo} basic{realm=B}",
        ),
        (r#"Basic realm="basic"#, ""),
        (
            r#"Bearer realm="foo", Digest blah==, Basic realm="bar""#,
            "bearer{realm=foo} digest[blah==] basic{realm=bar}",
        ),
        (r#"Bearer  realm="x""#, "bearer{realm=x}"),
        ("Bearer\trealm=\"x\"", "bearer{realm=x}"),
        ("Bearer", "bearer{}"),
        (
            "Bearer error=invalid_token, error_description=The token expired",
            "bearer{error=invalid_token;error_description=The}",
        ),
        (
            r#"Bearer error_uri=https://x/y, error="invalid_token""#,
            "bearer{error_uri=https://x/y;error=invalid_token}",
        ),
        (
            r#"Bearer error="a, Basic realm=\"x\"""#,
            r#"bearer{error=a, Basic realm="x"}"#,
        ),
        ("Bearer error=", ""),
        (
            r#"Bearer error="invalid_token"; scope="x""#,
            "bearer{error=invalid_token}",
        ),
        (
            r#"Bearer, DPoP algs="ES256 PS256""#,
            "bearer{} dpop{algs=ES256 PS256}",
        ),
        ("Negotiate YWJj", "negotiate[YWJj]"),
        ("Negotiate YWI=", "negotiate[YWI=]"),
        (
            r#"Bearer realm = "x" , error = e"#,
            "bearer{realm=x;error=e}",
        ),
        ("Bearer a b c, Basic", "bearer{} basic{}"),
        ("=, foo/bar, Basic", "basic{}"),
        ("", ""),
        (",", ""),
        (" , ,, ", ""),
    ] {
        assert_eq!(parse(&[field.as_bytes()]), expected, "{field}");
    }
}

#[test]
fn several_fields_and_latin_1() {
    assert_eq!(
        parse(&[b"Newauth realm=\"apps\"", b"Basic realm=\"basic\""]),
        "newauth{realm=apps} basic{realm=basic}"
    );
    assert_eq!(
        parse(&[b"Basic realm=\"foo-\xE4\""]),
        "basic{realm=foo-\u{FFFD}}"
    );
    // A field begins anew: a parameter can't belong to the field before it.
    assert_eq!(
        parse(&[b"Basic", b"realm=\"x\", Bearer"]),
        "basic{} bearer{}"
    );
}

#[test]
fn a_repeated_parameter_is_flagged_and_the_first_one_holds() {
    let mut headers = HeaderMap::new();
    headers.insert(
        WWW_AUTHENTICATE,
        HeaderValue::from_static(r#"Basic realm="foo", realm="bar", Bearer realm="foo""#),
    );
    let challenges = Challenges::of(&headers);
    let flagged: Vec<_> = challenges
        .iter()
        .map(|challenge| (challenge.param("realm"), challenge.has_repeated_params()))
        .collect();
    assert_eq!(flagged, [(Some("foo"), true), (Some("foo"), false)]);
}

#[test]
fn hostile_fields_are_cut_off() {
    for field in ["a,".repeat(32 * 1024), "\\".repeat(64 * 1024)] {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::try_from(&field).unwrap());
        assert!(Challenges::of(&headers).len() <= LIMIT / 2);
    }
    let quotes = format!("Basic realm={}", "\"".repeat(60 * 1024));
    assert!(parse(&[quotes.as_bytes()]).len() < 64);
}

#[test]
fn a_parameter_without_its_comma_is_read() {
    let challenges: Challenges =
        r#"Bearer realm="x" error="invalid_token" error_description=late, Basic realm=y"#
            .parse()
            .unwrap();
    assert_eq!(challenges.len(), 2);
    let mut all = challenges.iter();
    let bearer = all.next().unwrap();
    assert_eq!(bearer.param("realm"), Some("x"));
    assert_eq!(bearer.param("error"), Some("invalid_token"));
    assert_eq!(bearer.param("error_description"), Some("late"));
    assert_eq!(all.next().unwrap().param("realm"), Some("y"));
}

#[test]
fn a_scheme_without_its_comma_lends_nothing_to_the_one_before() {
    let challenges: Challenges =
        r#"Basic realm="x" Bearer error="invalid_request""#.parse().unwrap();
    assert_eq!(challenges.len(), 1);
    assert_eq!(challenges.iter().next().unwrap().param("error"), None);
}
