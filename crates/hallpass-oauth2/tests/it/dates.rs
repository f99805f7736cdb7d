//! Ends as vendors write them down, through a profile.

use std::time::Duration;

use hallpass_oauth2::Profile;

use crate::common::{self, Script, Step, fetch, lifetime};

/// How long a token lives whose answer has this member, by a server at 08:49:37 on 6 November 1994.
#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
async fn left(expiry: &str, member: &str) -> Option<u64> {
    let text = format!("token_url = \"https://auth.example.com/token\"\nexpiry = {expiry}");
    let answer = format!(r#"{{"access_token":"t","token_type":"Bearer",{member}}}"#);
    let step = Step::ok(answer).with("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let source = Profile::from_toml(&text)
        .unwrap()
        .client("id", "s3cret")
        .build(Script::of([step]))
        .unwrap();
    lifetime(&fetch(&source).await.unwrap()).map(|life| life.as_secs())
}

#[tokio::test]
async fn every_way_to_write_an_end_is_read() {
    for (unit, value, expected) in [
        ("min", "60", 3600),
        ("min", "\"60\"", 3600),
        ("date", "\"1994-11-07\"", 54_623),
        ("http-date", "\"Sun, 06 Nov 1994 09:49:37 GMT\"", 3600),
        ("m/d/y", "\"11/6/1994 9:49:37 AM\"", 3600),
        ("iso-duration", "\"PT1H\"", 3600),
        ("iso-duration", "\"P1D\"", 86_400),
        ("rfc3339", "\"1994-11-06T09:49:37Z\"", 3600),
        ("rfc3339", "\"1994-11-06T10:49:37+0100\"", 3600),
        ("unix", "784115377", 3600),
        ("unix-ms", "784115377000", 3600),
    ] {
        let expiry = format!("{{ at = \"end\", unit = \"{unit}\" }}");
        let found = left(&expiry, &format!("\"end\":{value}")).await;
        assert_eq!(found, Some(expected), "{unit} {value}");
    }
}

#[tokio::test]
async fn no_date_that_is_none_is_taken_for_one() {
    for value in [
        "1994-02-30T00:00:00Z",
        "1994-04-31T00:00:00Z",
        "1994-11-6T9:49:37Z",
        "1994-11-06T09:49:37+99:99",
    ] {
        let expiry = r#"[{ at = "end", unit = "rfc3339" }, "expires_in"]"#;
        let members = format!(r#""end":"{value}","expires_in":60"#);
        assert_eq!(left(expiry, &members).await, Some(60), "{value}");
    }
}

#[tokio::test]
async fn an_instant_in_expires_in_is_not_kept_for_a_year() {
    // 60 s after 2001-09-09T01:46:40Z, by a server whose clock says that.
    let answer = r#"{"access_token":"t","token_type":"Bearer","expires_in":1000000060}"#;
    let step = Step::ok(answer).with("date", "Sun, 09 Sep 2001 01:46:40 GMT");
    let source = common::client().build(Script::of([step])).unwrap();
    let credential = fetch(&source).await.unwrap();
    assert_eq!(lifetime(&credential), Some(Duration::from_secs(60)));
}
