//! [`Recorder`]: a transport that remembers what came back last.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hallpass::{
    hyper::HyperTransport,
    oauth2::{Transport, transport::TransportError},
};
use http::{Request, Response};

use super::exchange::Exchange;

/// A transport that remembers the last answer. Clones share it.
#[derive(Clone)]
pub(super) struct Recorder {
    transport: HyperTransport,
    last: Arc<Mutex<Option<Exchange>>>,
}

impl Recorder {
    pub(super) fn new(transport: HyperTransport) -> Self {
        Self {
            transport,
            last: Arc::default(),
        }
    }

    pub(super) fn last(&self) -> Option<Exchange> {
        let last = self.last.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Transport for Recorder {
    async fn send(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let asked = request.clone();
        let response = self.transport.send(request, limit).await?;
        let exchange = Exchange::of(&asked, &response);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
        Ok(response)
    }
}
