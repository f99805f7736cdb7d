//! [`Sending`]: one request to one place, sent again if its credential is refused.

use hallpass_core::{
    Error, Resend,
    adapter::{
        Acquired, Answer, Attached, Drain, Exchange, Hop, Next as Then, Processed, can_be_drained,
    },
};
use http::Extensions;
use reqwest::{Body, Request, Response, Url};
use reqwest_middleware::Next;

use crate::{
    Bearer,
    deadline::Deadline,
    error::unsent,
    kept::Kept,
    redirect::{self, Redirected},
    target::To,
};

type Result<T, E = reqwest_middleware::Error> = std::result::Result<T, E>;

/// What a request needs on its way.
pub(crate) struct Sending<'a> {
    pub(crate) bearer: &'a Bearer,
    pub(crate) deadline: Deadline,
    pub(crate) kept: Kept,
}

impl Sending<'_> {
    /// Sends it with a credential, or as it is.
    pub(crate) async fn send(
        &self,
        exchange: Option<Exchange>,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let Some(mut exchange) = exchange else {
            self.deadline.apply(&mut request);
            return next.run(request, extensions).await;
        };
        let attached = Redirected::among(extensions.get(), request.headers_mut(), |headers| {
            exchange.attach(self.kept.method(), &To(self.kept.url()), headers)
        });
        if self.unsent(attached)? == Attached::NoneInHand {
            Box::pin(self.wait(&mut exchange, &mut request, extensions)).await?;
        }
        self.deadline.apply(&mut request);
        let mut response = next.clone().run(request, extensions).await?;
        match self.judge(&mut exchange, &response) {
            Then::Return => {
                exchange.report(response.extensions_mut());
                Ok(response)
            }
            then => Box::pin(self.again(exchange, then, response, extensions, next)).await,
        }
    }

    /// Waits for a credential, and puts it on the request.
    async fn wait(
        &self,
        exchange: &mut Exchange,
        request: &mut Request,
        extensions: &Extensions,
    ) -> Result<()> {
        // A long stream that tried a doubted credential could not be sent again.
        let replayable = self.bearer.replays.is_some() && self.kept.will_be_whole();
        let acquire = exchange.acquire(replayable);
        let acquired = self.unsent(self.deadline.wait(acquire).await)?;
        let attached = Redirected::among(extensions.get(), request.headers_mut(), |headers| {
            let to = To(self.kept.url());
            exchange.attach_acquired(acquired, self.kept.method(), &to, headers)
        });
        self.unsent(attached)?;
        Ok(())
    }

    /// Sends the request again for as long as the door says so.
    async fn again(
        &self,
        mut exchange: Exchange,
        mut then: Then,
        mut response: Response,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        loop {
            let again = match self.acquired(&mut exchange, then).await {
                Some(acquired) => self.attach_again(&mut exchange, acquired, extensions),
                None => None,
            };
            let Some(mut request) = again else {
                exchange.report(response.extensions_mut());
                return Ok(response);
            };
            discard(response, &self.kept).await;
            self.deadline.apply(&mut request);
            let outcome = next.clone().run(request, extensions).await;
            extensions.remove::<Resend>();
            response = outcome?;
            then = self.judge(&mut exchange, &response);
        }
    }

    /// The credential for another sending. Without one in the request's time, its answer stands.
    async fn acquired(&self, exchange: &mut Exchange, then: Then) -> Option<Acquired> {
        match then {
            Then::Return => None,
            Then::Again(acquired) => Some(*acquired),
            Then::Renew(renewal) => {
                let renewed = self
                    .deadline
                    .wait(async { Ok(exchange.renewed(renewal).await) });
                renewed.await.ok().flatten()
            }
        }
    }

    fn attach_again(
        &self,
        exchange: &mut Exchange,
        acquired: Acquired,
        extensions: &mut Extensions,
    ) -> Option<Request> {
        let mut request = self.kept.again()?;
        let (method, to) = (self.kept.method(), To(self.kept.url()));
        let redirected = extensions.get::<Redirected>().cloned();
        Redirected::among(redirected.as_ref(), request.headers_mut(), |headers| {
            exchange.attach_again(acquired, method, &to, headers, extensions)
        })
        .then_some(request)
    }

    fn judge(&self, exchange: &mut Exchange, response: &Response) -> Then {
        let hop = self.hop(exchange, response.url());
        let answer = Answer::new(response.status(), response.headers()).from_hop(hop);
        let processed = response.extensions().get::<Processed>();
        exchange.answered(&answer, || self.is_replayable() && processed.is_none())
    }

    /// Nothing below follows redirects, unless the user's promise does not hold.
    fn hop(&self, exchange: &Exchange, answered: &Url) -> Hop {
        let sent = self.kept.url();
        if redirect::is_answer_of(sent, answered) {
            return Hop::Sent;
        }
        let hop = exchange.hop(&To(answered));
        if self.bearer.may_warn() {
            tracing::warn!(
                target: "hallpass",
                source = %exchange.cached().description().name,
                "something below Bearer follows redirects, and may carry the credential to another server: build the client with Bearer::client_from"
            );
        }
        hop
    }

    fn is_replayable(&self) -> bool {
        self.bearer.replays.is_some() && self.kept.is_whole()
    }

    fn unsent<T>(&self, outcome: Result<T, Error>) -> Result<T> {
        outcome.map_err(|reason| unsent(self.kept.url(), reason))
    }
}

/// Reads a short answer that nobody gets to its end, so that its connection can be used again.
///
/// A server that answers before it has read a body may be about to close. Such an answer is dropped
/// unread, which makes the next sending use another connection wherever the rest of the answer is
/// still on its way; reqwest has no way to ask for a fresh one.
pub(crate) async fn discard(response: Response, kept: &Kept) {
    if kept.is_bodiless() && can_be_drained(response.version(), response.headers()) {
        let response: http::Response<Body> = response.into();
        Drain::new(response.into_body()).await;
    }
}
