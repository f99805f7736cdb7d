//! [`Protected`]: an API that says which authorization server its tokens come from (RFC 9728).

mod found;
mod resource;

use std::{fmt, sync::Arc, time::Duration};

use hallpass_core::Error;

pub use self::found::ProtectedSource;
use self::resource::Resource;
use crate::{Metadata, TokenRequest, Transport, discovery::allow_origins, text::printable};

/// How long a server that names other metadata than before is not listened to again: a minute, so
/// that one which names another with every refusal is asked no more often.
pub const REREAD_AFTER: Duration = Duration::from_secs(60);

type Build = dyn Fn(&Metadata) -> TokenRequest + Send + Sync;

/// Finds the authorization server of an API through the API's own metadata (RFC 9728), as clients of
/// MCP do.
///
/// The metadata chooses, and only among the issuers for which you configured a client: what a client
/// id and a secret are for was settled when they were registered, and an API that names another
/// issuer gets an error in place of a secret. The rest is strict as well: the document must be about
/// the very `resource` that was asked for, issuers and endpoints are checked as by
/// [`Discovery`](crate::Discovery), nothing is redirected, and every token request says
/// `resource` (RFC 8707). The credential is for the origin of the resource alone.
///
/// Names may be made to resolve to machines that only this one reaches. For resources that are not
/// your own, use a transport that checks the addresses that it connects to, as
/// `hallpass_hyper::Builder::public_addresses_only` makes one.
///
/// ```
/// use hallpass_core::{Cached, Error};
/// use hallpass_oauth2::{Protected, Secret, Transport};
///
/// # fn example(transport: impl Transport) -> Result<(), Error> {
/// let source = Protected::resource("https://rs.example/mcp")
///     .client_for("https://as.example", |found| {
///         found.client_secret("my-client", Secret::env("EXAMPLE_SECRET"))
///     })
///     .source(transport)?;
/// let cached = Cached::new(source);
/// # let _ = cached;
/// # Ok(())
/// # }
/// ```
///
/// Where the metadata is looked for: where the refusal says (`resource_metadata`), if that is at the
/// resource's own origin; then at the well-known place with the resource's path, then without. If
/// there is none and nothing was refused yet, the resource is asked once without a token.
#[derive(Clone)]
pub struct Protected {
    resource: String,
    probe: Probe,
    covers: bool,
    scope: Option<String>,
    allowed: Vec<String>,
    clients: Vec<Client>,
}

/// What is sent without a token to learn where the metadata lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Get,
    /// MCP's `ping`, which any server answers and which changes nothing.
    Ping,
}

#[derive(Clone)]
struct Client {
    issuer: String,
    build: Arc<Build>,
}

allow_origins!(Protected);

impl Protected {
    /// Of this API: its URL, without a fragment, as its metadata has it.
    pub fn resource(url: impl Into<String>) -> Self {
        Self {
            resource: url.into(),
            probe: Probe::Get,
            covers: false,
            scope: None,
            allowed: Vec::new(),
            clients: Vec::new(),
        }
    }

    /// Of this MCP server. It differs from any other [`resource`](Self::resource) in what is sent
    /// without a token if no metadata lies at the well-known places: MCP's `ping`.
    pub fn mcp(url: impl Into<String>) -> Self {
        Self {
            probe: Probe::Ping,
            ..Self::resource(url)
        }
    }

    /// Which client to be for an issuer, and how it authenticates. Each call adds one.
    ///
    /// `build` makes the request to the token endpoint that was found, such as
    /// [`Metadata::client_secret`]. It is called once at once, with the issuer in the endpoint's
    /// place, to check its settings.
    #[must_use]
    pub fn client_for(
        mut self,
        issuer: impl Into<String>,
        build: impl Fn(&Metadata) -> TokenRequest + Send + Sync + 'static,
    ) -> Self {
        self.clients.push(Client {
            issuer: issuer.into(),
            build: Arc::new(build),
        });
        self
    }

    /// Also takes metadata of a resource that covers this one: at the same origin, with a path that
    /// is a whole-segment prefix of ours. Some servers name their origin, or a slash more or less.
    #[must_use]
    pub fn resource_covers(mut self) -> Self {
        self.covers = true;
        self
    }

    /// The scopes to ask for, in place of those that the refusal or the metadata names.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// A source that asks for the metadata at its first fetch, again after a day, and when a refusal
    /// names another place, once in [`REREAD_AFTER`] at most. While none can be had, the last stays.
    ///
    /// # Errors
    /// If the resource or an issuer is no `https` URL, there is no client, and what
    /// [`TokenRequest::build`] has to say of the rest.
    pub fn source(self, transport: impl Transport) -> Result<ProtectedSource, Error> {
        let resource = Resource::new(&self.resource, self.covers)?;
        ProtectedSource::new(self, resource, transport)
    }
}

impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers = self.clients.iter().map(|client| printable(&client.issuer));
        f.debug_struct("Protected")
            .field("resource", &printable(&self.resource))
            .field("covers", &self.covers)
            .field("scope", &self.scope)
            .field("issuers", &issuers.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
