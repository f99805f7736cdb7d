//! [`Discovery`]: a server's endpoints out of its metadata (RFC 8414, OpenID Connect Discovery).

mod discovered;
pub(crate) mod document;
mod metadata;

use std::{fmt, time::Duration};

use bytes::Bytes;
use hallpass_core::{Error, Origin};
use http::{Response, StatusCode, Uri};
use tokio::time::Instant;

pub use self::{discovered::Discovered, metadata::Metadata};
use crate::{ATTEMPT_DEADLINE, TokenRequest, Transport, text::printable, transport::DynTransport};

/// How long metadata is taken as it was. Endpoints hardly ever move.
pub const METADATA_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// After how many fetches in a row that failed for now the metadata is asked for again: one may be
/// a bad moment, and a second one costs no more than a look.
pub const MOVED_AFTER: u32 = 2;

/// For what takes endpoints from metadata.
macro_rules! allow_origins {
    ($finder:ident) => {
        impl $finder {
            /// Origins beside an issuer's own where its endpoints may lie.
            #[must_use]
            pub fn allow_origins<I>(mut self, origins: I) -> Self
            where
                I: IntoIterator<Item: Into<String>>,
            {
                self.allowed.extend(origins.into_iter().map(Into::into));
                self
            }
        }
    };
}
pub(crate) use allow_origins;

/// Asks a server for its endpoints. Off unless used: a token URL that you know is safer.
///
/// Metadata says where secrets go, so it is trusted no further than needed: it must name exactly the
/// issuer that was asked for, its endpoints must lie on the issuer's origin or on one that
/// [`allow_origins`](Self::allow_origins) names, redirects are not followed, and plain `http`
/// is for this machine alone.
///
/// ```
/// use hallpass_core::{Cached, Error};
/// use hallpass_oauth2::{ClientCredentials, Discovery, Secret, Transport};
///
/// # fn example(transport: impl Transport) -> Result<(), Error> {
/// let source = Discovery::of("https://auth.example.com").source(transport, |found| {
///     ClientCredentials::at(found.token_endpoint())
///         .basic("my-client", Secret::env("EXAMPLE_SECRET"))
/// })?;
/// let cached = Cached::new(source);
/// # let _ = cached;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Discovery {
    issuer: String,
    place: Place,
    allowed: Vec<String>,
}

/// Where the metadata lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Between host and path (RFC 8414 §3).
    OAuth,
    /// After the path (OpenID Connect Discovery §4).
    OpenId,
    /// The one, the other between host and path, or the other, as MCP has it.
    Any,
}

/// The same, checked.
struct Checked {
    /// Where to look first, in this order.
    before: Vec<Uri>,
    url: Uri,
    allowed: Vec<Origin>,
}

allow_origins!(Discovery);

impl Discovery {
    /// Looks for OAuth metadata (RFC 8414) of this issuer identifier.
    pub fn of(issuer: impl Into<String>) -> Self {
        Self::at(issuer.into(), Place::OAuth)
    }

    /// Looks for OpenID Connect metadata of this issuer identifier.
    pub fn openid(issuer: impl Into<String>) -> Self {
        Self::at(issuer.into(), Place::OpenId)
    }

    /// Looks for either, in the places and the order that MCP's authorization gives; a place that
    /// answers 404 passes the question on, and anything else ends it.
    pub fn anywhere(issuer: impl Into<String>) -> Self {
        Self::at(issuer.into(), Place::Any)
    }

    fn at(issuer: String, place: Place) -> Self {
        Self {
            issuer,
            place,
            allowed: Vec::new(),
        }
    }

    /// Asks once, now.
    ///
    /// # Errors
    /// A permanent error if the issuer is no `https` URL, or the metadata names another issuer or
    /// an endpoint elsewhere; a transient one if there is no usable answer.
    ///
    /// # Cancel safety
    /// Dropping the future ends the exchange.
    pub async fn metadata(&self, transport: &impl Transport) -> Result<Metadata, Error> {
        self.ask(transport, ATTEMPT_DEADLINE).await
    }

    /// A source that asks at its first fetch, and again when the metadata is older than
    /// [`METADATA_LIFETIME`], the endpoint refuses for good, or [`MOVED_AFTER`] fetches in a row have
    /// failed: it may have moved. While no metadata can be had, the last stays.
    ///
    /// `build` makes the request to the token endpoint that was found; without an
    /// [`issuer`](TokenRequest::issuer) of its own it gets this one. It is called once at once,
    /// with the issuer in the endpoint's place, to check its settings.
    ///
    /// # Errors
    /// If the issuer is no `https` URL, and what [`TokenRequest::build`] has to say of the rest.
    pub fn source(
        self,
        transport: impl Transport,
        build: impl Fn(&Metadata) -> TokenRequest + Send + Sync + 'static,
    ) -> Result<Discovered, Error> {
        Discovered::new(self, transport, build)
    }

    async fn ask(&self, transport: &dyn DynTransport, limit: Duration) -> Result<Metadata, Error> {
        let checked = self.checked()?;
        let until = Instant::now() + limit;
        let left = || until.saturating_duration_since(Instant::now());
        for url in &checked.before {
            let answer = document::get(transport, url, left()).await?;
            if answer.status() != StatusCode::NOT_FOUND {
                return self.judged(&checked, url, &answer);
            }
        }
        let answer = document::get(transport, &checked.url, left()).await?;
        self.judged(&checked, &checked.url, &answer)
    }

    fn judged(
        &self,
        checked: &Checked,
        url: &Uri,
        answer: &Response<Bytes>,
    ) -> Result<Metadata, Error> {
        let host = printable(&url.to_string());
        let advice = "check the issuer, and whether its metadata is OpenID Connect's";
        let metadata: Metadata = document::read(&host, answer, advice)?;
        if metadata.issuer() != self.issuer {
            return Err(Error::configuration(format!(
                "{host} is the metadata of the issuer \"{}\", not of \"{}\"",
                printable(metadata.issuer()),
                printable(&self.issuer)
            )));
        }
        for endpoint in metadata.endpoints() {
            let origin = origin_of(endpoint).ok_or_else(|| {
                Error::configuration(format!("{host} names an endpoint that is no URL"))
            })?;
            if !checked.allowed.contains(&origin) {
                return Err(Error::configuration(format!(
                    "{host} names an endpoint on {origin}; if that is right, add it with allow_origins"
                )));
            }
        }
        Ok(metadata)
    }

    fn checked(&self) -> Result<Checked, Error> {
        let refused =
            |why: &str| Error::configuration(format!("\"{}\" {why}", printable(&self.issuer)));
        if self.issuer.contains(['?', '#', '@']) {
            return Err(refused(
                "is no issuer: it has a query, a fragment or a user",
            ));
        }
        let origin = origin_of(&self.issuer)
            .ok_or_else(|| refused("is no issuer: write https://host/path"))?;
        if !origin.is_secure() && !origin.is_loopback() {
            return Err(refused(
                "could be answered by anybody on the way: use https",
            ));
        }
        let no_url = |_| refused("is no issuer: write https://host/path");
        let (last, before) = self.addresses();
        let before = before.iter().map(|url| url.parse());
        let mut allowed = vec![origin];
        for origin in &self.allowed {
            allowed.push(origin.parse()?);
        }
        Ok(Checked {
            before: before.collect::<Result<_, _>>().map_err(no_url)?,
            url: last.parse().map_err(no_url)?,
            allowed,
        })
    }

    /// The URL of the metadata, and those to try before it.
    fn addresses(&self) -> (String, Vec<String>) {
        let issuer = self.issuer.trim_end_matches('/');
        let oauth = || document::well_known(issuer, "oauth-authorization-server");
        let openid = format!("{issuer}/.well-known/openid-configuration");
        match self.place {
            Place::OAuth => (oauth(), Vec::new()),
            Place::OpenId => (openid, Vec::new()),
            Place::Any => {
                let between = document::well_known(issuer, "openid-configuration");
                let mut before = vec![oauth()];
                before.extend((between != openid).then_some(between));
                (openid, before)
            }
        }
    }
}

pub(crate) fn origin_of(url: &str) -> Option<Origin> {
    let uri: Uri = url.parse().ok()?;
    let clean = !uri.authority()?.as_str().contains('@') && !url.contains('#');
    Origin::of(&uri).ok().filter(|_| clean)
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery")
            .field("issuer", &printable(&self.issuer))
            .field("place", &self.place)
            .field("allowed", &self.allowed)
            .finish()
    }
}
