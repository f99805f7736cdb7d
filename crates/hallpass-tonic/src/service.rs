//! [`BearerChannel`] as the service that a generated client calls.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hallpass_core::{Admission, BoxError, Error};
use hallpass_tower::{BearerService, Mode};
use http::{Request, Response, Uri, uri::PathAndQuery};
use tonic::{Status, body::Body};
use tower_service::Service;

use crate::{
    BearerChannel, ResponseBody, ResponseFuture, deadline::Deadline, destination::Lead,
    future::Call, wire::Wire,
};

impl<S, M, R> Service<Request<Body>> for BearerChannel<S, M>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    M: Mode<Body> + Clone,
    M::Body: http_body::Body<Data = Bytes> + Send + 'static,
    <M::Body as http_body::Body>::Error: Into<BoxError>,
    R: http_body::Body,
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
        if let Err(error) = self.address(&mut request) {
            // What it was ready for does not happen: a place in the channel's queue goes back.
            self.service = self.service.clone();
            return ResponseFuture::refused(error);
        }
        let authorizer = self.authorizer().for_request(request.extensions());
        let call = authorizer.map(|authorizer| Call {
            authorizer: authorizer.into_owned(),
            deadline: Deadline::of(request.headers()),
            sleep: None,
        });
        if let Some(Call {
            deadline: Some(deadline),
            ..
        }) = &call
        {
            request.extensions_mut().insert(Arc::clone(deadline));
        }
        ResponseFuture::calling(self.service.call(request), call)
    }
}

impl<S, M: Clone> BearerChannel<S, M> {
    /// Writes the destination into the request, for the rules to judge. A channel would write the
    /// same, only too late to be seen.
    fn address(&self, request: &mut Request<Body>) -> Result<(), Error> {
        match &self.lead {
            Lead::Known(scheme, authority) => {
                let mut parts = std::mem::take(request.uri_mut()).into_parts();
                parts.scheme = Some(scheme.clone());
                parts.authority = Some(authority.clone());
                parts
                    .path_and_query
                    .get_or_insert_with(|| PathAndQuery::from_static("/"));
                *request.uri_mut() = Uri::from_parts(parts).map_err(Error::permanent)?;
                Ok(())
            }
            Lead::Unknown if self.vouched_for(request) => Ok(()),
            Lead::Unknown if self.attaches(request)? => Err(Error::destination(
                "a channel does not tell where it leads, so the credential stays here: pass its Endpoint instead, or name the origins that the credential is for",
            )),
            Lead::Nowhere(error) if self.attaches(request)? => Err(error.clone()),
            Lead::Unknown | Lead::Nowhere(_) => Ok(()),
        }
    }

    /// Whether somebody has said where a call through a channel goes: the rules, the client, or
    /// the source of a credential that this call has to itself.
    fn vouched_for(&self, request: &Request<Body>) -> bool {
        request.uri().authority().is_some()
            || self
                .authorizer()
                .for_request(request.extensions())
                .is_some_and(|rules| rules.names_origins())
    }

    fn attaches(&self, request: &Request<Body>) -> Result<bool, Error> {
        match self.authorizer().for_request(request.extensions()) {
            None => Ok(false),
            Some(rules) => Ok(rules.admit(request.uri(), request.headers())? == Admission::Attach),
        }
    }
}
