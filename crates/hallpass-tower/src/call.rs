//! [`Call`]: what one request keeps beside the future that it waits for.

use hallpass_core::adapter::{
    Acquired, Answer, AnsweredBy, Drain, Exchange, FreshConnection, Hop, Next, Processed,
    can_be_drained,
};
use http::{Extensions, Request, Response, Version};
use tower_http::follow_redirect::RequestUri;

use crate::{
    Mode,
    pause::{Outgoing, Pause},
    peek::BodySaysRejected,
};

/// What a request that carries a credential keeps until it is answered.
pub(crate) struct Call<S, M: Mode<B>, B> {
    pub(crate) exchange: Exchange,
    /// What is kept of the request's head…
    pub(crate) head: M::Head,
    /// …of its body…
    pub(crate) original: M::Original,
    /// …and of the service below.
    pub(crate) service: M::Service<S>,
}

impl<S: Clone, M: Mode<B>, B> Call<S, M, B> {
    #[inline]
    pub(crate) fn judge<R>(&mut self, response: &mut Response<R>) -> Next {
        let extensions = response.extensions();
        let mut answer = Answer::new(response.status(), response.headers());
        let mut processed = false;
        if !extensions.is_empty() {
            answer = answer
                .from_hop(hop(&self.exchange, extensions))
                .refused_by_body(extensions.get::<BodySaysRejected>().is_some());
            processed = extensions.get::<Processed>().is_some();
        }
        let original = &self.original;
        let next = self
            .exchange
            .answered(&answer, || !processed && M::is_whole(original));
        if let Next::Return = next {
            self.report(response);
        }
        next
    }

    #[inline]
    pub(crate) fn report<R>(&mut self, response: &mut Response<R>) {
        self.exchange.report(response.extensions_mut());
    }

    /// Sends the request again with this credential, or gives the answer back if that can't be.
    pub(crate) fn send_again<R>(
        &mut self,
        acquired: Acquired,
        response: Response<R>,
    ) -> Result<Pause<S, M::Body, R>, Response<R>> {
        let again = M::again(&self.head, &self.original);
        let (Some(request), Some(service)) = (again, M::service(&self.service)) else {
            return Err(response);
        };
        let (mut head, body) = request.into_parts();
        let attached = self.exchange.attach_again(
            acquired,
            &head.method,
            &head.uri,
            &mut head.headers,
            &mut head.extensions,
        );
        if !attached {
            return Err(response);
        }
        self.exchange.offer_proofs(&mut head.extensions);
        if response.version() <= Version::HTTP_11 {
            head.extensions.insert(FreshConnection);
        }
        let outgoing = Box::new(Outgoing {
            service,
            request: Request::from_parts(head, body),
        });
        if !can_be_drained(response.version(), response.headers()) {
            return Ok(Pause::Readying(outgoing));
        }
        let drain = Box::pin(Drain::new(response.into_body()));
        Ok(Pause::Draining(drain, outgoing))
    }
}

/// Which hop gave the answer, if something below says that it follows redirects.
fn hop(exchange: &Exchange, extensions: &Extensions) -> Hop {
    if let Some(AnsweredBy(uri)) = extensions.get() {
        exchange.hop(uri)
    } else if let Some(RequestUri(uri)) = extensions.get() {
        exchange.hop(uri)
    } else {
        Hop::Sent
    }
}
