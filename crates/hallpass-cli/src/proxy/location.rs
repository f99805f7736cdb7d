//! Where a redirect of the API leads for a caller of the proxy.

use hallpass::Origin;
use http::Uri;

/// The redirect as its caller has to read it: a path of the proxy if it leads to what the proxy
/// stands for, else the whole URL. A caller resolves what is relative against the proxy, where
/// `prefix` is missing, so that nothing relative may stay. None if this is no redirect over HTTP.
pub(super) fn for_caller(
    location: &str,
    asked: &Uri,
    origin: &Origin,
    prefix: &str,
) -> Option<String> {
    let url = absolute(location, asked)?;
    let (scheme, after) = url.split_once("://")?;
    let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
    // Without the rest, which may hold what a URI may not.
    let there: Uri = format!("{scheme}://{authority}").parse().ok()?;
    if Origin::of(&there).ok().as_ref() != Some(origin) {
        return Some(url);
    }
    let (path, rest) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let path = match path {
        "" => String::new(),
        path => without_dots(path),
    };
    let path = format!("{path}{rest}");
    let Some(rest) = path.strip_prefix(prefix) else {
        return Some(url);
    };
    match rest.as_bytes() {
        // Two slashes would begin with a host.
        [b'/', b'/', ..] => Some(format!("/.{rest}")),
        [b'/', ..] => Some(rest.to_owned()),
        [] | [b'?' | b'#', ..] => Some(format!("/{rest}")),
        _ => Some(url),
    }
}

/// A reference resolved against the URL that was asked (RFC 3986 §5.2).
fn absolute(location: &str, asked: &Uri) -> Option<String> {
    let (scheme, authority) = (asked.scheme_str()?, asked.authority()?);
    if let Some(scheme) = scheme_of(location) {
        let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        return is_http.then(|| location.to_owned());
    }
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    let end = location.find(['?', '#']).unwrap_or(location.len());
    let (path, rest) = location.split_at(end);
    let path = match path.as_bytes().first() {
        Some(b'/') => without_dots(path),
        Some(_) => {
            let folder = asked.path().rfind('/').map_or("", |at| &asked.path()[..at]);
            without_dots(&format!("{folder}/{path}"))
        }
        // The same page: with its query, unless another one is named.
        None if rest.starts_with('?') => asked.path().to_owned(),
        None => asked.path_and_query()?.as_str().to_owned(),
    };
    Some(format!("{scheme}://{authority}{path}{rest}"))
}

fn scheme_of(location: &str) -> Option<&str> {
    let (scheme, _) = location.split_once(':')?;
    let is_scheme = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.'));
    is_scheme.then_some(scheme)
}

/// A path that begins with a slash, without its `.` and `..` (RFC 3986 §5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    let mut ends_open = false;
    for segment in path.split('/').skip(1) {
        ends_open = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    if ends_open {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_the_proxy_is_a_path_of_it_and_all_else_a_url() {
        let origin: Origin = "https://api.example".parse().unwrap();
        let asked = Uri::from_static("https://api.example/v2/a/b?page=1");
        for (location, expected) in [
            ("https://api.example/v2/there?a=1#top", "/there?a=1#top"),
            ("HTTPS://API.example:443/v2/there", "/there"),
            ("/v2/there", "/there"),
            ("/v2", "/"),
            ("/v2?a=1", "/?a=1"),
            ("//api.example/v2/there", "/there"),
            ("c?d=/e", "/a/c?d=/e"),
            ("./c", "/a/c"),
            ("..", "/"),
            ("../c/.", "/c/"),
            ("?page=2", "/a/b?page=2"),
            ("#top", "/a/b?page=1#top"),
            ("", "/a/b?page=1"),
            ("/v2/a b", "/a b"),
            ("https://api.example/v2/a b?c d", "/a b?c d"),
            ("https://api.example/v2/a/../b", "/b"),
            (
                "https://api.example/v2/../login",
                "https://api.example/v2/../login",
            ),
            ("/v2//evil.example/x", "/.//evil.example/x"),
            ("/login", "https://api.example/login"),
            ("/v20/there", "https://api.example/v20/there"),
            ("../../login", "https://api.example/login"),
            ("../../../login", "https://api.example/login"),
            ("https://other.example/x", "https://other.example/x"),
            ("http://api.example/v2/x", "http://api.example/v2/x"),
            ("//other.example/x", "https://other.example/x"),
        ] {
            let here = for_caller(location, &asked, &origin, "/v2");
            assert_eq!(here.as_deref(), Some(expected), "{location}");
        }
        for location in ["mailto:a@b.example", "acme-app://callback"] {
            assert_eq!(for_caller(location, &asked, &origin, "/v2"), None);
        }
        let here = for_caller("https://api.example", &asked, &origin, "");
        assert_eq!(here.as_deref(), Some("/"));
    }
}
