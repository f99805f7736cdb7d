//! [`Interceptor`]: for those who can take nothing else.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use hallpass_core::{
    Authorizer, Cached, Error, Keyed,
    adapter::{Admission, Attached},
    keyed::Key,
};
use http::{Method, Uri};
use tonic::{Request, Status};

use crate::status;

/// Puts the credential in hand on a call, where only an interceptor fits.
///
/// Prefer [`bearer`](crate::bearer). An interceptor sees a call's metadata and nothing else, and it
/// can't wait, so it **can not**
///
/// - wait for a credential: while there is none the call fails with `UNAVAILABLE`, and a fetch is
///   started for those that come later;
/// - replay a call that was refused;
/// - learn that one was refused: a revoked credential is sent on until it ends by itself;
/// - see where the call goes: neither origins nor plain `http` are checked, and a credential with a
///   proof of possession (DPoP), which names that, is refused;
/// - give a failure its cause: tonic hands on code and message of an interceptor's status, and
///   drops its source.
///
/// With [`keep_warm`](Cached::keep_warm) calls find a credential from the start:
///
/// ```
/// # use hallpass_core::{Cached, Credential};
/// use hallpass_tonic::Interceptor;
/// use tonic::{service::interceptor::InterceptedService, transport::Endpoint};
/// # #[derive(Debug)] struct GreeterClient<T>(T);
/// # impl<T> GreeterClient<T> {
/// #     fn with_interceptor<I>(channel: T, interceptor: I) -> GreeterClient<InterceptedService<T, I>> {
/// #         GreeterClient(InterceptedService::new(channel, interceptor))
/// #     }
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let source = Credential::bearer("a-token")?.never_expires();
///
/// let cached = Cached::new(source);
/// let warm = cached.keep_warm()?;
/// cached.get().await?;
/// let channel = Endpoint::from_static("https://api.example.com").connect_lazy();
/// let mut greeter = GreeterClient::with_interceptor(channel, Interceptor::new(cached));
/// # drop(warm);
/// # Ok::<(), hallpass_core::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Interceptor {
    authorizer: Authorizer,
}

impl Interceptor {
    /// Takes a source or, better, the [`Cached`] that is kept warm.
    pub fn new(source: impl Into<Cached>) -> Self {
        Self::with(Authorizer::new(source))
    }

    /// Takes one credential for each key, which stands among a call's extensions.
    pub fn keyed<K: Key>(keyed: Keyed<K>) -> Self {
        Self::with(Authorizer::keyed(keyed))
    }

    fn with(authorizer: Authorizer) -> Self {
        Self {
            authorizer: authorizer.destination_unseen(),
        }
    }

    /// Replaces metadata of that name that the caller has set, instead of leaving it alone.
    #[must_use]
    pub fn override_existing(mut self) -> Self {
        self.authorizer = self.authorizer.override_existing();
        self
    }
}

impl tonic::service::Interceptor for Interceptor {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        // An interceptor is not told the URI.
        let uri = Uri::from_static("/");
        let (metadata, extensions) = (request.metadata(), request.extensions());
        let admission = self.authorizer.admit(&uri, metadata.as_ref(), extensions);
        let mut exchange = match admission {
            Admission::Pass(_) => return Ok(request),
            Admission::Refuse(error) => return Err(status::status(error)),
            Admission::Carry(exchange) => exchange,
        };
        let headers = request.metadata_mut().as_mut();
        let attached = exchange.attach(&Method::POST, &uri, headers);
        if attached.map_err(status::status)? == Attached::NoneInHand {
            // One poll starts a fetch, or has the remembered error.
            let mut acquire = exchange.acquire(false);
            let mut context = Context::from_waker(Waker::noop());
            let Poll::Ready(acquired) = Pin::new(&mut acquire).poll(&mut context) else {
                return Err(status::status(Error::transient(
                    "no credential in hand yet; one is being fetched, and an interceptor can't wait for it",
                )));
            };
            acquired
                .and_then(|acquired| {
                    exchange.attach_acquired(acquired, &Method::POST, &uri, headers)
                })
                .map_err(status::status)?;
        }
        Ok(request)
    }
}
