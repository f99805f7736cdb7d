//! Whoever keeps a token for its callers, behind one closure.

use std::{error::Error, fmt, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use tower::{Service, ServiceExt as _};

/// What a contender's own code says.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A call; its answer has been read to the end.
pub type Call = Pin<Box<dyn Future<Output = Result<StatusCode, BoxError>> + Send>>;

/// Makes calls.
pub type Client = Arc<dyn Fn(Request<Bytes>) -> Call + Send + Sync>;

/// Sets a client up.
pub type Start = Pin<Box<dyn Future<Output = Result<Client, BoxError>> + Send>>;

/// Where the server is.
#[derive(Debug, Clone)]
pub struct Place {
    /// The token endpoint.
    pub token_url: String,
    /// The API, without a path.
    pub api: String,
}

/// One way to keep a token fresh.
pub struct Contender {
    name: &'static str,
    start: Box<dyn Fn(Place) -> Start + Send + Sync>,
}

impl Contender {
    /// One that is set up by a function, in its own runtime.
    pub fn new<S, F>(name: &'static str, start: S) -> Self
    where
        S: Fn(Place) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Client, BoxError>> + Send + 'static,
    {
        let start = move |place| -> Start { Box::pin(start(place)) };
        Self {
            name,
            start: Box::new(start),
        }
    }

    /// As the tables name it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn start(&self, place: Place) -> Start {
        (self.start)(place)
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A client of a function.
pub fn client<F, A>(call: F) -> Client
where
    F: Fn(Request<Bytes>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<StatusCode, BoxError>> + Send + 'static,
{
    Arc::new(move |request| Box::pin(call(request)))
}

/// A client of a tower service; its clones share what it holds.
pub fn tower<S, B>(service: S) -> Client
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    client(move |request| {
        let service = service.clone();
        async move {
            let response = service
                .oneshot(request.map(Full::new))
                .await
                .map_err(Into::into)?;
            let status = response.status();
            response.into_body().collect().await.map_err(Into::into)?;
            Ok(status)
        }
    })
}
