//! [`Bearer`] as a middleware: one request's way through it.

use std::{
    borrow::Cow,
    future::{Future, ready},
    pin::Pin,
};

use hallpass_core::{Admission, Authorizer, Credential, Error, Exchange, Next as Then};
use http::{Extensions, Uri};
use reqwest::{Request, Response, Url};
use reqwest_middleware::{Middleware, Next};

use crate::{Bearer, deadline::Deadline, drain::drain, error::unsent, kept::Kept, redirect};

type Result<T, E = reqwest_middleware::Error> = std::result::Result<T, E>;
type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// # Cancel safety
/// Dropping the future ends this request only; a fetch that it waits for goes on.
impl Middleware for Bearer {
    /// What can be done at once is, so that the future, which is boxed, stays small.
    fn handle<'bearer, 'extensions, 'next, 'call>(
        &'bearer self,
        mut request: Request,
        extensions: &'extensions mut Extensions,
        next: Next<'next>,
    ) -> BoxFuture<'call, Result<Response>>
    where
        Self: 'call,
        'bearer: 'call,
        'extensions: 'call,
        'next: 'call,
    {
        let Some(authorizer) = self.authorizer.for_request(extensions) else {
            return next.run(request, extensions);
        };
        match self.admit(&request, &authorizer) {
            Err(reason) => return Box::pin(ready(Err(unsent(request.url(), reason)))),
            Ok(Admission::Pass) => return next.run(request, extensions),
            Ok(Admission::Attach) => {}
        }
        let call = Call {
            bearer: self,
            deadline: Deadline::of(&request),
            authorizer,
            exchange: Exchange::new(),
            // Before the credential is on it: what is kept holds no secret of ours.
            kept: Kept::of(&mut request, self.replays),
        };
        Box::pin(async move {
            let mut call = call;
            // Not before the first poll: an outer middleware may hold the future back.
            let headers = request.headers_mut();
            if !call.exchange.attach_current(&call.authorizer, headers) {
                Box::pin(call.attach(&mut request)).await?;
            }
            call.verify(&request)?;
            let mut response = next.clone().run(request, extensions).await?;
            let replayable = call.kept.is_whole();
            match call.judge(&response, replayable) {
                Then::Return => {
                    call.report(&mut response);
                    Ok(response)
                }
                Then::Renew => Box::pin(call.replay(response, extensions, next)).await,
            }
        })
    }
}

impl Bearer {
    fn admit(&self, request: &Request, authorizer: &Authorizer) -> Result<Admission, Error> {
        if authorizer.leaves_alone(request.headers()) {
            return Ok(Admission::Pass);
        }
        let url = request.url();
        let admission = if authorizer.goes_to(url.scheme(), url.authority()) {
            Admission::Attach
        } else {
            authorizer.admit_to(&uri_of(url)?)?
        };
        let header = &authorizer.cached().description().header;
        if admission == Admission::Pass
            || self.redirects_guarded
            || redirect::is_known_to_reqwest(header)
        {
            return Ok(admission);
        }
        // Redirects might carry it away.
        Err(Error::destination(format!(
            "reqwest would carry the header {header} along on redirects to anywhere: build the client with hallpass_reqwest::redirect_policy(), and say so with Bearer::redirects_guarded()"
        )))
    }
}

/// What a request needs on its way.
struct Call<'a> {
    bearer: &'a Bearer,
    authorizer: Cow<'a, Authorizer>,
    exchange: Exchange,
    deadline: Deadline,
    kept: Kept,
}

impl Call<'_> {
    /// Waits for a credential, and puts it on the request.
    async fn attach(&mut self, request: &mut Request) -> Result<()> {
        let credential = self.credential().await?;
        let (method, uri) = (request.method().clone(), self.uri()?);
        let headers = request.headers_mut();
        self.exchange.attach(&credential, &method, &uri, headers);
        self.deadline.apply(request);
        Ok(())
    }

    /// Sends the request once more, if there is another credential.
    async fn replay(
        mut self,
        mut response: Response,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let credential = self.credential().await?;
        let (again, kept) = self.kept.take();
        self.kept = kept;
        let Some(mut request) = again.filter(|_| self.exchange.is_news(&credential)) else {
            self.report(&mut response);
            return Ok(response);
        };
        drain(response).await;
        let (method, uri) = (request.method().clone(), self.uri()?);
        let headers = request.headers_mut();
        self.exchange
            .attach_again(&self.authorizer, &credential, &method, &uri, headers);
        self.verify(&request)?;
        self.deadline.apply(&mut request);
        let mut response = next.run(request, extensions).await?;
        // The answer to a replay is returned whatever it is; this only tells the engine.
        self.judge(&response, false);
        self.report(&mut response);
        Ok(response)
    }

    /// Refuses a credential in another header than the checked one, which its source has announced.
    fn verify(&self, request: &Request) -> Result<()> {
        let header = &self.authorizer.cached().description().header;
        if self.bearer.redirects_guarded || request.headers().contains_key(header) {
            return Ok(());
        }
        let reason = Error::configuration(format!(
            "the source says that its credentials go in the header {header}, and they do not: correct its description"
        ));
        Err(unsent(self.kept.url(), reason))
    }

    async fn credential(&mut self) -> Result<Credential> {
        let mut get = self.authorizer.cached().get();
        let outcome = self.deadline.wait(&mut get).await;
        if get.waits() {
            self.exchange.waited();
        }
        outcome.map_err(|reason| unsent(self.kept.url(), reason))
    }

    fn uri(&self) -> Result<Uri> {
        uri_of(self.kept.url()).map_err(|reason| unsent(self.kept.url(), reason))
    }

    /// An answer from another origin, to which reqwest was redirected, says nothing about the
    /// credential.
    fn judge(&mut self, response: &Response, replayable: bool) -> Then {
        if redirect::answers(self.kept.url(), response.url()) {
            let (status, headers) = (response.status(), response.headers());
            return self
                .exchange
                .answered(&self.authorizer, status, headers, replayable);
        }
        if !self.bearer.redirects_guarded && self.bearer.may_warn() {
            tracing::warn!(
                target: "hallpass",
                source = %self.authorizer.cached().description().name,
                "reqwest followed a redirect to another origin, and would take the credential along on a second one there: build the client with hallpass_reqwest::redirect_policy()"
            );
        }
        Then::Return
    }

    fn report(&self, response: &mut Response) {
        if let Some(attempt) = self.exchange.report(&self.authorizer) {
            response.extensions_mut().insert(attempt);
        }
    }
}

fn uri_of(url: &Url) -> Result<Uri, Error> {
    url.as_str()
        .parse()
        .map_err(|_| Error::destination("a URL that HTTP cannot express takes no credential"))
}
