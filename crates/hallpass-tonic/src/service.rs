//! [`BearerChannel`] as the service that a generated client calls.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hallpass_core::{BoxError, Error};
use hallpass_tower::{BearerService, Mode};
use http::{
    Request, Response, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use tonic::{Status, body::Body};
use tower_service::Service;

use crate::{
    BearerChannel, ResponseBody, ResponseFuture,
    deadline::Deadline,
    destination::Address,
    future::{Call, Limit},
    wire::Wire,
};

impl<S, M, R> Service<Request<Body>> for BearerChannel<S, M>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    M: Mode<Body> + Clone,
    M::Body: http_body::Body<Data = Bytes> + Send + 'static,
    <M::Body as http_body::Body>::Error: Into<BoxError>,
    R: http_body::Body + Unpin,
{
    type Response = Response<ResponseBody<R>>;
    type Error = Status;
    type Future = ResponseFuture<<BearerService<Wire<S>, M> as Service<Request<Body>>>::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.service
            .poll_ready(context)
            .map_err(|error| match error {
                hallpass_tower::Error::Credential(error) => crate::status::status(error),
                hallpass_tower::Error::Inner(status) => status,
            })
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Err(error) = self.put_address(&mut request) {
            // What it was ready for does not happen: a place in the channel's queue goes back.
            self.service = self.service.clone();
            return ResponseFuture::refused(error);
        }
        let limit = Deadline::of(request.headers()).map(|deadline| {
            request.extensions_mut().insert(Arc::clone(&deadline));
            Limit {
                deadline,
                runtime: self.service.get_ref().runtime.clone(),
                timer: None,
            }
        });
        let is_unaddressed = request.uri().authority().is_none();
        let call = Call {
            limit,
            is_unaddressed,
        };
        ResponseFuture::calling(self.service.call(request), call)
    }
}

impl<S, M> BearerChannel<S, M> {
    /// Writes the destination into the request, for the rules to judge. A channel would write the
    /// same, only too late to be seen.
    fn put_address(&self, request: &mut Request<Body>) -> Result<(), Error> {
        match &self.address {
            Address::Known(scheme, authority) => write(request.uri_mut(), scheme, authority),
            Address::Unknown if request.uri().authority().is_some() => Ok(()),
            // Whoever has named origins for a credential of this channel says that it leads there.
            Address::Unknown => {
                let (uri, headers) = (request.uri(), request.headers());
                let rules = self.authorizer();
                let address = match rules.presumed_origin(uri, headers, request.extensions()) {
                    Some(origin) => Address::at(&origin)?,
                    None => return Ok(()),
                };
                match address {
                    Address::Known(scheme, authority) => {
                        write(request.uri_mut(), &scheme, &authority)
                    }
                    Address::Unknown | Address::Unusable(_) => Ok(()),
                }
            }
            Address::Unusable(error) => {
                let (uri, headers) = (request.uri(), request.headers());
                let rules = self.authorizer();
                if rules.leaves_alone(uri, headers, request.extensions()) {
                    Ok(())
                } else {
                    Err(error.clone())
                }
            }
        }
    }
}

fn write(uri: &mut Uri, scheme: &Scheme, authority: &Authority) -> Result<(), Error> {
    let mut parts = std::mem::take(uri).into_parts();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority.clone());
    parts
        .path_and_query
        .get_or_insert_with(|| PathAndQuery::from_static("/"));
    *uri = Uri::from_parts(parts).map_err(Error::permanent)?;
    Ok(())
}
