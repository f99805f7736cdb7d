//! [`Bearer`] as a middleware: a request's way through it, and along its redirects.

use std::{
    future::{Future, ready},
    mem,
    pin::Pin,
};

use hallpass_core::adapter::{Admission, Withheld};
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next};

use crate::{
    Bearer, TooManyRedirects,
    bearer::Redirects,
    deadline::Deadline,
    error::{unguarded, unsent},
    hop::{Sending, discard},
    kept::Kept,
    redirect::{self, Below, Redirected},
    target::To,
};

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
        let follows = self.redirects == Redirects::Followed;
        if follows {
            // A retry outside of this may have left it.
            extensions.remove::<Redirected>();
        }
        let exchange = match self.admit(&mut request, extensions) {
            Admission::Refuse(reason) => {
                return Box::pin(ready(Err(unsent(request.url(), reason))));
            }
            Admission::Carry(_) if self.redirects == Redirects::Unknown => {
                return Box::pin(ready(Err(unsent(request.url(), unguarded()))));
            }
            Admission::Pass(_) => None,
            Admission::Carry(exchange) => Some(exchange),
        };
        let sending = Sending {
            bearer: self,
            deadline: Deadline::of(&request, self.timeout),
            // Before the credential is on it: what is kept holds no secret of ours.
            kept: Kept::of(
                &mut request,
                self.replays.filter(|_| exchange.is_some()),
                follows,
            ),
        };
        Box::pin(async move {
            let mut response = sending
                .send(exchange, request, extensions, next.clone())
                .await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            if follows {
                return Box::pin(self.follow(sending, response, extensions, next)).await;
            }
            let headers = sending
                .kept
                .head()
                .map(|mut head| mem::take(head.headers_mut()));
            let ours = self.authorizer.credential_headers(
                &To(sending.kept.url()),
                &headers.unwrap_or_default(),
                extensions,
            );
            Below::tell(response.extensions_mut(), ours);
            Ok(response)
        })
    }
}

impl Bearer {
    fn admit(&self, request: &mut Request, extensions: &Extensions) -> Admission {
        if extensions.get::<Redirected>().is_none() {
            let to = To(request.url());
            return self.authorizer.admit(&to, request.headers(), extensions);
        }
        let url = request.url().clone();
        let admission = Redirected::among(extensions.get(), request.headers_mut(), |headers| {
            self.authorizer.admit(&To(&url), headers, extensions)
        });
        match admission {
            // Where a server leads is not the caller's mistake: it goes there as anybody's would.
            Admission::Refuse(reason) => {
                tracing::debug!(target: "hallpass", source = %self.authorizer.cached().description().name, %reason, "redirected without the credential");
                Admission::Pass(Withheld::Elsewhere)
            }
            admission => admission,
        }
    }

    /// Sends the request to where it is redirected, each time as one of its own.
    async fn follow(
        &self,
        mut sending: Sending<'_>,
        mut response: Response,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        extensions.insert(Redirected::default());
        for followed in 0.. {
            let Some(mut request) = redirect::onward(&sending.kept, &response) else {
                break;
            };
            if followed == redirect::MOST {
                return Err(reqwest_middleware::Error::middleware(TooManyRedirects));
            }
            let from = To(sending.kept.url());
            let headers = request.headers();
            let mut ours = self
                .authorizer
                .credential_headers(&from, headers, extensions);
            ours.extend(Below::told(response.extensions()));
            let left = redirect::leave_behind(&mut request, sending.kept.url(), ours);
            if let Some(Redirected(names)) = extensions.get_mut() {
                names.extend(left);
            }
            discard(response, &sending.kept).await;
            let exchange = match self.admit(&mut request, extensions) {
                Admission::Carry(exchange) => Some(exchange),
                Admission::Pass(_) | Admission::Refuse(_) => None,
            };
            let limit = self.replays.filter(|_| exchange.is_some());
            sending.kept = Kept::of(&mut request, limit, true);
            response = sending
                .send(exchange, request, extensions, next.clone())
                .await?;
        }
        extensions.remove::<Redirected>();
        Ok(response)
    }
}
