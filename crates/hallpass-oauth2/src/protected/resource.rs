//! [`Resource`]: the API itself, where its metadata may lie, and which metadata is about it.

use bytes::Bytes;
use hallpass_core::{Error, Origin};
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::Deserialize;

use super::Probe;
use crate::{
    discovery::{
        document::{request, well_known},
        origin_of,
    },
    text::printable,
};

const NAME: &str = "oauth-protected-resource";

pub(super) struct Resource {
    url: String,
    origin: Origin,
    covers: bool,
}

/// What a resource says of itself, as far as anything here needs it.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) resource: String,
    #[serde(default)]
    pub(super) authorization_servers: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

impl Document {
    /// All scopes but the one that asks for a refresh token, which nobody here has a use for.
    pub(super) fn scope(&self) -> Option<String> {
        let scopes = self.scopes_supported.iter().map(String::as_str);
        let scopes: Vec<_> = scopes.filter(|scope| *scope != "offline_access").collect();
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }
}

impl Resource {
    pub(super) fn new(url: &str, covers: bool) -> Result<Self, Error> {
        let refused = |why: &str| Error::configuration(format!("\"{}\" {why}", printable(url)));
        let origin = origin_of(url).ok_or_else(|| {
            refused("is no resource: write https://host/path, without a fragment")
        })?;
        if !origin.is_secure() && !origin.is_loopback() {
            return Err(refused(
                "could be answered by anybody on the way: use https",
            ));
        }
        Ok(Self {
            url: url.to_owned(),
            origin,
            covers,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A request without a token, to see what it says to those who have none.
    pub(super) fn probe(&self, probe: Probe) -> Result<Request<Bytes>, Error> {
        let no_url = |_| Error::configuration("the resource is no URL");
        let mut request = request(&self.url.parse().map_err(no_url)?);
        if probe == Probe::Ping {
            *request.method_mut() = Method::POST;
            let ping = r#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#;
            *request.body_mut() = Bytes::from_static(ping.as_bytes());
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            let both = HeaderValue::from_static("application/json, text/event-stream");
            request.headers_mut().insert(ACCEPT, both);
        }
        Ok(request)
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where to look, in this order; `named` is what a refusal has said.
    pub(super) fn places(&self, named: Option<&str>) -> Vec<Uri> {
        let own = named.filter(|url| origin_of(url).is_some_and(|origin| origin == self.origin));
        let with_path = well_known(&self.url, NAME);
        let path = self.url.find("://").map_or(0, |at| at + 3);
        let path = self.url[path..].find(['/', '?']).map(|at| path + at);
        let root = well_known(&self.url[..path.unwrap_or(self.url.len())], NAME);
        let mut places: Vec<Uri> = Vec::new();
        for place in own.into_iter().chain([&*with_path, &*root]) {
            if let Ok(place) = place.parse()
                && !places.contains(&place)
            {
                places.push(place);
            }
        }
        places
    }

    /// Checks that metadata is about this resource.
    pub(super) fn check(&self, named: &str, host: &str) -> Result<(), Error> {
        if named == self.url || (self.covers && self.is_covered_by(named)) {
            return Ok(());
        }
        let hint = if self.is_covered_by(named) {
            "; if that is right, say resource_covers()"
        } else {
            ""
        };
        Err(Error::configuration(format!(
            "{host} is the metadata of the resource \"{}\", not of \"{}\"{hint}",
            printable(named),
            printable(&self.url)
        )))
    }

    /// Whether ours lies at the other's origin, and below its path.
    fn is_covered_by(&self, other: &str) -> bool {
        let (Some(origin), Ok(other), Ok(own)) = (
            origin_of(other),
            other.parse::<Uri>(),
            self.url.parse::<Uri>(),
        ) else {
            return false;
        };
        let prefix = other.path();
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let below = own.path().strip_prefix(prefix);
        origin == self.origin
            && other.query().is_none()
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
