//! [`Guard`]: who may use the proxy. Whoever reaches it uses the credential, so a web page that the
//! same person visits must not.

use std::net::IpAddr;

use hallpass::config::Reference;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{HOST, ORIGIN, PROXY_AUTHORIZATION},
};
use ring::digest::{SHA256, digest};

use super::answer::{Body, problem};

/// Who may use the proxy.
pub(super) struct Guard {
    /// Not for a Unix socket, which no page can name.
    checks_host: bool,
    allowed: Vec<String>,
    secret: Option<Reference>,
}

impl Guard {
    pub(super) fn new(checks_host: bool, allowed: &[String], secret: Option<Reference>) -> Self {
        let allowed = allowed
            .iter()
            .map(|host| name_of(host).to_ascii_lowercase());
        Self {
            checks_host,
            allowed: allowed.collect(),
            secret,
        }
    }

    /// The answer to a request that is refused.
    pub(super) fn refuses<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let headers = request.headers();
        if self.checks_host && !self.is_for_us(request) {
            // A name of elsewhere that leads here is how pages get around the same-origin rule.
            return Some(problem(
                StatusCode::MISDIRECTED_REQUEST,
                "host",
                "the request's Host is not this machine's: call the proxy by localhost or its address, or name the host with --allow-host",
            ));
        }
        if self.is_of_a_page(headers) {
            return Some(problem(
                StatusCode::FORBIDDEN,
                "origin",
                "the request comes from a web page of another site",
            ));
        }
        if !self.knows_secret(headers) {
            return Some(problem(
                StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                "caller",
                "this proxy wants its caller's secret in Proxy-Authorization",
            ));
        }
        None
    }

    fn is_for_us<B>(&self, request: &Request<B>) -> bool {
        let mut hosts = request.headers().get_all(HOST).iter();
        let header = hosts.next();
        if hosts.next().is_some() {
            return false;
        }
        let header = header.map(|host| host.to_str().unwrap_or_default());
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        match (header, authority) {
            (Some(host), Some(authority)) => {
                self.is_ours(name_of(host)) && self.is_ours(name_of(authority))
            }
            (Some(host), None) | (None, Some(host)) => self.is_ours(name_of(host)),
            (None, None) => false,
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || bare
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
            || self.allowed.contains(&host)
    }

    /// Browsers say on whose behalf they ask.
    fn is_of_a_page(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        if text("sec-fetch-site") == Some("cross-site") {
            return true;
        }
        let Some(origin) = headers.get(ORIGIN) else {
            return false;
        };
        let host = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"));
        !host.is_some_and(|(_, host)| self.is_ours(name_of(host)))
    }

    fn knows_secret(&self, headers: &HeaderMap) -> bool {
        let Some(secret) = &self.secret else {
            return true;
        };
        let told = headers
            .get(PROXY_AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match (told, secret.read()) {
            // Digests, so that the time says nothing about how much of it was right.
            (Some((_, told)), Ok(secret)) => {
                let digest = |text: &str| digest(&SHA256, text.as_bytes());
                digest(told.trim()).as_ref() == digest(&secret).as_ref()
            }
            _ => false,
        }
    }
}

/// An authority without its port.
fn name_of(authority: &str) -> &str {
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    // The colons of an address without brackets are no port's.
    if name.contains(':') && !name.starts_with('[') {
        authority
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(allowed: &[&str], host: Option<&str>, more: &[(&str, &str)]) -> Option<u16> {
        let allowed: Vec<String> = allowed.iter().map(|host| (*host).to_owned()).collect();
        let mut request = Request::get("/");
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let refused = Guard::new(true, &allowed, None).refuses(&request.body(()).unwrap());
        refused.map(|response| response.status().as_u16())
    }

    #[test]
    fn only_names_of_this_machine_are_taken() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "acme.localhost:80",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
            "[::1]",
        ] {
            assert_eq!(refusal(&[], Some(host), &[]), None, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]",
            "",
        ] {
            assert_eq!(refusal(&[], Some(host), &[]), Some(421), "{host}");
        }
        assert_eq!(refusal(&[], None, &[]), Some(421));
        assert_eq!(
            refusal(&["acme.internal"], Some("ACME.internal:80"), &[]),
            None
        );
    }

    #[test]
    fn pages_of_elsewhere_are_refused() {
        let own = Some("localhost:8080");
        assert_eq!(
            refusal(&[], own, &[("origin", "http://localhost:3000")]),
            None
        );
        assert_eq!(
            refusal(&[], own, &[("origin", "https://evil.example")]),
            Some(403)
        );
        assert_eq!(refusal(&[], own, &[("origin", "null")]), Some(403));
        assert_eq!(
            refusal(&[], own, &[("sec-fetch-site", "cross-site")]),
            Some(403)
        );
        assert_eq!(refusal(&[], own, &[("sec-fetch-site", "none")]), None);
    }
}
