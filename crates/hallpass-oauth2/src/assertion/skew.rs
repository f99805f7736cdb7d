//! How far a server's clock is from this machine's.

use std::{
    ops::RangeInclusive,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, header::DATE};

/// What makes a server refuse an assertion that is right. Below, its own tolerance and the
/// back-dating are enough; above, it is that server's clock that is wrong, or a stored answer.
const WORTH_ANOTHER_TRY: RangeInclusive<Duration> =
    Duration::from_secs(30)..=Duration::from_secs(600);

/// The distance between two clocks, for JWTs that are signed by the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Skew {
    distance: Duration,
    server_behind: bool,
}

impl Skew {
    /// What the `Date` of an answer tells that came in `now`; none if another try by the server's
    /// clock would be no better.
    pub(crate) fn told_by(headers: &HeaderMap, now: SystemTime) -> Option<Self> {
        let date = headers.get(DATE)?.to_str().ok()?;
        let server = httpdate::parse_http_date(date).ok()?;
        let (distance, server_behind) = match server.duration_since(now) {
            Ok(ahead) => (ahead, false),
            Err(behind) => (behind.duration(), true),
        };
        WORTH_ANOTHER_TRY.contains(&distance).then_some(Self {
            distance,
            server_behind,
        })
    }

    /// The server's time when ours is `now`.
    pub(crate) fn applied(self, now: SystemTime) -> SystemTime {
        let moved = if self.server_behind {
            now.checked_sub(self.distance)
        } else {
            now.checked_add(self.distance)
        };
        moved.unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plausible_distance_counts() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (date, seconds) in [
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(-60)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:50:06 GMT", None),
            ("Sun, 06 Nov 1994 08:59:37 GMT", Some(600)),
            ("Sun, 06 Nov 1994 08:59:38 GMT", None),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, date.parse().unwrap());
            let moved = Skew::told_by(&headers, now).map(|skew| {
                let at = skew.applied(now).duration_since(SystemTime::UNIX_EPOCH);
                at.unwrap().as_secs().cast_signed() - 784_111_777
            });
            assert_eq!(moved, seconds, "{date}");
        }
        assert_eq!(Skew::told_by(&HeaderMap::new(), now), None);
        assert_eq!(Skew::default().applied(now), now);
    }
}
