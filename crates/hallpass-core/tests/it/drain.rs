//! Which answers are worth reading to their end.

use hallpass_core::adapter::can_be_drained;
use http::{HeaderMap, HeaderValue, Version, header::CONTENT_TYPE};

#[test]
fn over_http_1_all_but_streams_of_events_are() {
    for (version, kind, expected) in [
        (Version::HTTP_11, "application/json", true),
        (Version::HTTP_10, "application/json", true),
        (Version::HTTP_11, "text/event-stream", false),
        (Version::HTTP_2, "application/json", false),
        (Version::HTTP_2, "text/event-stream", false),
    ] {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let found = can_be_drained(version, &headers);
        assert_eq!(found, expected, "{version:?}, {kind}");
    }
}
