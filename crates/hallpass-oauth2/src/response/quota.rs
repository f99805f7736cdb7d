//! Until when a quota is used up, where a server says so beside a 429.

use std::time::Duration;

use http::HeaderMap;

/// `RateLimit` of the IETF's draft on rate limit headers, and what Auth0 made of it: lists such as
/// `"day";r=0;t=3540`, of which each item has what remains (`r`) and seconds until it is full again
/// (`t`).
const HEADERS: [&str; 2] = ["ratelimit", "auth0-client-quota-limit"];

/// Nobody is left alone for longer: the quota may be raised meanwhile.
const CAP: Duration = Duration::from_secs(3600);

/// How long until every quota that is used up is there again.
pub(super) fn quota_reset(headers: &HeaderMap) -> Option<Duration> {
    let values = HEADERS.iter().flat_map(|name| headers.get_all(*name));
    let items = values.filter_map(|value| value.to_str().ok());
    let resets = items.flat_map(|list| list.split(',')).filter_map(reset);
    resets.max().map(|reset| reset.min(CAP))
}

fn reset(item: &str) -> Option<Duration> {
    let parameter = |name: &str| {
        let pairs = item
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.into_iter().find(|(found, _)| *found == name)?;
        value.parse::<u64>().ok()
    };
    let used_up = parameter("r")? == 0;
    used_up.then(|| parameter("t").map(Duration::from_secs))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_used_up_is_waited_for() {
        for (name, value, expected) in [
            (
                "auth0-client-quota-limit",
                "b=per_hour;q=10;r=0;t=354",
                Some(354),
            ),
            (
                "auth0-client-quota-limit",
                "b=per_hour;q=10;r=0;t=354,b=per_day;q=300;r=0;t=3000",
                Some(3000),
            ),
            (
                "auth0-client-quota-limit",
                "b=per_hour;q=10;r=0;t=354, b=per_day;q=300;r=7;t=3000",
                Some(354),
            ),
            ("ratelimit", "\"default\"; r=0; t=30", Some(30)),
            ("ratelimit", "\"default\";r=0;t=86400", Some(3600)),
            ("ratelimit", "\"default\";r=50;t=30", None),
            ("ratelimit", "\"default\";r=0", None),
            ("ratelimit", "\"default\";r=0;t=soon", None),
            ("ratelimit", "limit=100, remaining=0, reset=50", None),
            ("x-other", "\"default\";r=0;t=30", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let expected = expected.map(Duration::from_secs);
            assert_eq!(quota_reset(&headers), expected, "{value}");
        }
    }
}
