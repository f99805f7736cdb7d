//! [`Upstream`]: the API behind the proxy, and the clients that reach it with the credential.

use hallpass::{
    BearerLayer, BearerService, Cached, Origin,
    core::cached::KeepWarm,
    tower::{Peek, ReplayBody, grpc::Counted},
};
use http::{HeaderMap, Uri, uri};
use hyper::body::Incoming;
use tower::Layer as _;

use super::{ProxyArgs, calls::Calls, location};
use crate::{
    call::{check_destination, url},
    exit::Failure,
};

type Http = hallpass::hyper::Client<Counted<ReplayBody<Incoming>>>;

pub(super) type Client = BearerService<Peek<Calls<Http>>>;

/// The API behind the proxy, as the settings say when they are read.
pub(super) struct Upstream {
    name: String,
    scheme: uri::Scheme,
    authority: uri::Authority,
    /// In front of every path, without a slash at its end.
    path: String,
    origin: Origin,
    cached: Cached,
    /// HTTP/1.1, or HTTP/2 if a server with TLS prefers it.
    any: Client,
    /// For what only HTTP/1.1 can do: an upgrade to another protocol.
    http1: Client,
    /// For what only HTTP/2 can do, where nobody can be asked: gRPC without TLS.
    http2: Client,
    _warm: KeepWarm,
}

/// Which protocol a request needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Anything,
    Http1,
    Http2,
}

impl Upstream {
    /// Reads the settings, and begins to fetch the first token.
    pub(super) async fn of(args: &ProxyArgs) -> Result<Self, Failure> {
        let (base, scheme, authority) = url("UPSTREAM", &args.upstream)?;
        if base.query().is_some() || authority.as_str().contains('@') {
            return Err(Failure::configuration(
                "UPSTREAM: it has a query or a user, and may have neither: write https://host/path",
            ));
        }
        let origin = Origin::of(&base).map_err(Failure::configuration)?;
        let target = args.target.resolve()?;
        let cached = target.cached().await?;
        check_destination(&cached, &base, &HeaderMap::new())?;
        let http = target.api()?;
        let mut layer = BearerLayer::new(cached.clone())
            .override_existing()
            .replay_limit(args.replay_limit)
            .origins([origin.clone()])
            .map_err(Failure::configuration)?;
        if let Some(thumbprint) = http.certificate_thumbprint() {
            layer = layer.client_certificate(thumbprint);
        }
        if target.config.dangerously_allow_http {
            layer = layer.dangerously_allow_http();
        } else if !origin.is_secure() && !origin.is_loopback() {
            return Err(Failure::configuration(format!(
                "{origin} would carry the credential in the clear: use https"
            )));
        }
        let layer = layer.looking_at_bodies();
        let client = |http: hallpass::hyper::Builder| {
            let client = http.client().map_err(Failure::configuration)?;
            Ok::<_, Failure>(layer.layer(Calls(client)))
        };
        Ok(Self {
            any: client(http.clone())?,
            http1: client(http.clone().http1_only())?,
            http2: client(http.http2_only())?,
            name: target.name,
            scheme,
            authority,
            path: base.path().trim_end_matches('/').to_owned(),
            origin,
            _warm: cached.keep_warm().map_err(Failure::configuration)?,
            cached,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn cached(&self) -> &Cached {
        &self.cached
    }

    /// The URL that the proxy stands for.
    pub(super) fn base(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.scheme == uri::Scheme::HTTPS
    }

    pub(super) fn client(&self, needs: Needs) -> &Client {
        match needs {
            Needs::Anything => &self.any,
            Needs::Http1 => &self.http1,
            Needs::Http2 => &self.http2,
        }
    }

    /// Where a request to this URI goes.
    pub(super) fn uri_of(&self, asked: &Uri) -> Option<Uri> {
        let asked = asked.path_and_query().map_or("/", |path| path.as_str());
        if !asked.starts_with('/') {
            return None;
        }
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{asked}", self.path))
            .build()
            .ok()
    }

    /// Where a redirect leads, which the API answered to a request to `asked`.
    pub(super) fn location_for_caller(&self, location: &str, asked: &Uri) -> Option<String> {
        location::for_caller(location, asked, &self.origin, &self.path)
    }
}
