//! [`Destination`]: a service that makes calls, and the address that they go to.

use hallpass_core::{Error, Origin};
use http::{
    Uri,
    uri::{Authority, Scheme},
};
use tonic::transport::{Channel, Endpoint};

use crate::{origin::sent_origin, tls};

/// What makes the calls, and the address that they go to.
///
/// | made from | address |
/// |---|---|
/// | an [`Endpoint`](https://docs.rs/tonic/latest/tonic/transport/struct.Endpoint.html) | the endpoint's URI, or the [origin](https://docs.rs/tonic/latest/tonic/transport/struct.Endpoint.html#method.origin) that it has besides; every call is judged by that. If it is `https` and says nothing of TLS, it gets tonic's defaults: [`ClientTlsConfig::with_enabled_roots`](https://docs.rs/tonic/latest/tonic/transport/struct.ClientTlsConfig.html) |
/// | a [`Channel`](https://docs.rs/tonic/latest/tonic/transport/struct.Channel.html), or [`unknown`](Self::unknown) | a channel doesn't tell: see the [crate's documentation](crate#where-the-credential-goes) |
/// | [`at`](Self::at) | the one that you say |
#[derive(Debug, Clone)]
pub struct Destination<S = Channel> {
    pub(crate) service: S,
    pub(crate) address: Address,
}

/// What calls are addressed to, as far as the credential is concerned.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Known(Scheme, Authority),
    /// The service does not tell.
    Unknown,
    /// No credential may go there.
    Unusable(Error),
}

impl<S> Destination<S> {
    /// Any service whose calls go to this origin: a channel with a connector of its own, an
    /// intercepted one, a mock.
    ///
    /// Nothing can check this. Calls are addressed to the origin, so that also a service which
    /// goes where the URI says leads there.
    ///
    /// # Errors
    /// If the origin is not an `http` or `https` URL with a host.
    pub fn at<O>(service: S, origin: O) -> Result<Self, Error>
    where
        O: TryInto<Origin>,
        Error: From<O::Error>,
    {
        let address = Address::at(&origin.try_into()?)?;
        Ok(Self { service, address })
    }

    /// Any service, whose address nobody tells, as that of a bare [`Channel`](https://docs.rs/tonic/latest/tonic/transport/struct.Channel.html).
    pub const fn unknown(service: S) -> Self {
        Self {
            service,
            address: Address::Unknown,
        }
    }
}

impl Destination {
    /// An endpoint that is connected to now, not with the first call.
    ///
    /// # Errors
    /// If there is no connection to be had.
    ///
    /// # Cancel safety
    /// Dropping the future drops the connection.
    pub async fn connect(endpoint: Endpoint) -> Result<Self, tonic::transport::Error> {
        let address = Address::of_endpoint(&endpoint);
        let service = Endpoint::new(endpoint)?.connect().await?;
        Ok(Self { service, address })
    }
}

impl From<Channel> for Destination {
    fn from(channel: Channel) -> Self {
        Self::unknown(channel)
    }
}

impl From<Endpoint> for Destination {
    /// Connects with the first call.
    ///
    /// # Panics
    /// Outside a tokio runtime, as [`Endpoint::connect_lazy`](https://docs.rs/tonic/latest/tonic/transport/struct.Endpoint.html#method.connect_lazy) does.
    fn from(endpoint: Endpoint) -> Self {
        // What tonic's generated `connect` does: TLS for an `https` endpoint that has none.
        let (endpoint, address) = match Endpoint::new(endpoint.clone()) {
            Ok(ready) => (ready, Address::of_endpoint(&endpoint)),
            Err(error) => {
                let error = Error::permanent(error);
                let error = error.context("tonic can't set TLS up for this endpoint");
                (endpoint, Address::Unusable(error))
            }
        };
        let service = endpoint.connect_lazy();
        Self { service, address }
    }
}

impl Address {
    pub(crate) fn at(origin: &Origin) -> Result<Self, Error> {
        let uri = Uri::try_from(origin.to_string()).map_err(Error::permanent)?;
        Self::of(&uri)
    }

    fn of_endpoint(endpoint: &Endpoint) -> Self {
        let uri = endpoint.uri();
        if uri.scheme() == Some(&Scheme::HTTPS) && !tls::is_compiled_in() {
            return Self::Unusable(Error::destination(
                "tonic is built without TLS and would carry the credential in the clear, also to an https endpoint: enable its feature tls-ring or tls-aws-lc",
            ));
        }
        let address = match (Self::of(uri), sent_origin(endpoint)) {
            (Ok(_), Some(sent)) if !names(uri, &sent) => Self::through(uri, &sent),
            (address, _) => address,
        };
        address.unwrap_or_else(Self::Unusable)
    }

    /// Calls go to one address in the name of another. The name says whom the credential is for, and
    /// the address who reads it on the way.
    fn through(address: &Uri, origin: &Uri) -> Result<Self, Error> {
        let address = Origin::of(address)?;
        if address.is_secure() || address.is_loopback() {
            return Self::of(origin);
        }
        Err(Error::destination(format!(
            "{address} would carry the credential in the clear: use https"
        )))
    }

    fn of(uri: &Uri) -> Result<Self, Error> {
        Origin::of(uri)?;
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => Ok(Self::Known(scheme.clone(), authority.clone())),
            _ => Err(Error::destination(
                "an endpoint needs a scheme and a host: https://host",
            )),
        }
    }
}

/// Whether a URI says this scheme and authority.
fn names(uri: &Uri, origin: &Uri) -> bool {
    uri.scheme() == origin.scheme() && uri.authority() == origin.authority()
}
