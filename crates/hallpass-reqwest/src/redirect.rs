//! [`redirect_policy`]: redirects that cannot carry a credential away.

use http::{
    HeaderName,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
};
use reqwest::{Url, redirect::Policy};

/// Follows up to ten redirects within the origin that the request went to, and hands back the
/// answer that leads away from it: its status is 3xx, its `Location` says where to.
///
/// For [`reqwest::ClientBuilder::redirect`]. reqwest follows redirects below all middlewares, so
/// that only its own policy can keep a header from travelling; [here](crate#redirects) is what
/// happens without.
///
/// ```
/// # fn example() -> reqwest::Result<reqwest::Client> {
/// reqwest::Client::builder()
///     .redirect(hallpass_reqwest::redirect_policy())
///     .build()
/// # }
/// ```
pub fn redirect_policy() -> Policy {
    Policy::custom(|attempt| match attempt.previous().first() {
        Some(first) if is_same_origin(first, attempt.url()) => Policy::default().redirect(attempt),
        _ => attempt.stop(),
    })
}

fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Where an answer says that it comes from if it was made by hand, by a cache or in a test.
const UNKNOWN: &str = "no.url.provided.local";

/// Whether an answer from `other` comes from the origin that the request to `url` was for.
pub(crate) fn answers(url: &Url, other: &Url) -> bool {
    is_same_origin(url, other) || other.host_str() == Some(UNKNOWN)
}

/// Whether reqwest takes this header off, at least where a redirect leaves the origin.
pub(crate) fn is_known_to_reqwest(header: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_in_parts() {
        for (other, expected) in [
            ("https://api.example/y?z", true),
            ("https://api.example:443/", true),
            ("https://API.example/", true),
            ("http://api.example/", false),
            ("http://api.example:443/", false),
            ("https://api.example:8443/", false),
            ("https://api.example.evil/", false),
            ("https://api.example./", false),
            ("https://api.example@evil.example/", false),
        ] {
            let one = Url::parse("https://api.example/x").unwrap();
            let other = Url::parse(other).unwrap();
            assert_eq!(is_same_origin(&one, &other), expected, "{other}");
            assert_eq!(answers(&one, &other), expected, "{other}");
        }
    }
}
