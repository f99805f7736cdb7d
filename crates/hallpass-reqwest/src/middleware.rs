//! [`Bearer`] as a middleware: one request's way through it.

use std::borrow::Cow;

use async_trait::async_trait;
use hallpass_core::{Admission, Authorizer, Credential, Error, Exchange, Next as Then};
use http::{Extensions, Method, Uri};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next};

use crate::{Bearer, deadline::Deadline, drain::drain, error::unsent, redirect};

type Result<T, E = reqwest_middleware::Error> = std::result::Result<T, E>;

/// # Cancel safety
/// Dropping the future ends this request only; a fetch that it waits for goes on.
#[async_trait]
impl Middleware for Bearer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let Some(authorizer) = self.authorizer.for_request(extensions) else {
            return next.run(request, extensions).await;
        };
        let uri = uri_of(&request)?;
        let admission = authorizer.admit(&uri, request.headers());
        match admission.and_then(|admission| self.check(admission, &authorizer)) {
            Err(reason) => Err(unsent(&uri, reason)),
            Ok(Admission::Pass) => next.run(request, extensions).await,
            Ok(Admission::Attach) => {
                let call = Call {
                    bearer: self,
                    method: request.method().clone(),
                    deadline: Deadline::of(&request),
                    authorizer,
                    uri,
                    exchange: Exchange::new(),
                };
                call.send(request, extensions, next).await
            }
        }
    }
}

impl Bearer {
    /// Refuses to attach what redirects might carry away.
    fn check(&self, admission: Admission, authorizer: &Authorizer) -> Result<Admission, Error> {
        let header = &authorizer.cached().description().header;
        if admission == Admission::Pass
            || self.redirects_guarded
            || redirect::is_known_to_reqwest(header)
        {
            return Ok(admission);
        }
        Err(Error::destination(format!(
            "reqwest would carry the header {header} along on redirects to anywhere: build the client with hallpass_reqwest::redirect_policy(), and say so with Bearer::redirects_guarded()"
        )))
    }

    /// What a replay needs, if it is wanted and can be had: bytes are shared, a stream is not.
    fn copy(&self, request: &Request) -> Option<Request> {
        self.replays.then(|| request.try_clone()).flatten()
    }
}

/// What a request needs on its way.
struct Call<'a> {
    bearer: &'a Bearer,
    authorizer: Cow<'a, Authorizer>,
    exchange: Exchange,
    method: Method,
    uri: Uri,
    deadline: Deadline,
}

impl Call<'_> {
    async fn send(
        mut self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        // Before the credential is on it: a copy holds no secret of ours.
        let copy = self.bearer.copy(&request);
        let headers = request.headers_mut();
        let attached = self.exchange.attach_current(&self.authorizer, headers);
        if !attached {
            let credential = self.credential().await?;
            let headers = request.headers_mut();
            self.exchange
                .attach(&credential, &self.method, &self.uri, headers);
            self.deadline.apply(&mut request);
        }
        self.verify(&request)?;
        let response = next.clone().run(request, extensions).await?;
        let then = self.judge(&response, copy.is_some());
        let (Then::Renew, Some(mut request)) = (then, copy) else {
            return Ok(self.report(response));
        };
        let credential = self.credential().await?;
        if !self.exchange.is_news(&credential) {
            return Ok(self.report(response));
        }
        drain(response).await;
        self.exchange.attach_again(
            &self.authorizer,
            &credential,
            &self.method,
            &self.uri,
            request.headers_mut(),
        );
        self.verify(&request)?;
        self.deadline.apply(&mut request);
        let response = next.run(request, extensions).await?;
        // The answer to a replay is returned whatever it is; this only tells the engine.
        self.judge(&response, false);
        Ok(self.report(response))
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
        Err(unsent(&self.uri, reason))
    }

    async fn credential(&mut self) -> Result<Credential> {
        let mut get = self.authorizer.cached().get();
        let outcome = self.deadline.wait(&mut get).await;
        if get.waits() {
            self.exchange.waited();
        }
        outcome.map_err(|reason| unsent(&self.uri, reason))
    }

    /// An answer from another origin, to which reqwest was redirected, says nothing about the
    /// credential.
    fn judge(&mut self, response: &Response, replayable: bool) -> Then {
        if redirect::answers(&self.uri, response.url()) {
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

    fn report(&self, mut response: Response) -> Response {
        if let Some(attempt) = self.exchange.report(&self.authorizer) {
            response.extensions_mut().insert(attempt);
        }
        response
    }
}

fn uri_of(request: &Request) -> Result<Uri> {
    request.url().as_str().parse().map_err(|_| {
        let reason = Error::destination("a URL that HTTP cannot express takes no credential");
        unsent(&Uri::default(), reason)
    })
}
