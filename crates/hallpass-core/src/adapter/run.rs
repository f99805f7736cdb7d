//! [`Authorizer::run`]: the whole protocol around a function that sends.

use std::future::Future;

use http::{Request, Response, Version};

use super::{
    Admission, Answer, AnsweredBy, Attached, Authorizer, CallError, Exchange, FreshConnection, Hop,
    Next, Processed,
};

impl Authorizer {
    /// Sends a request through a client of one's own, with the credential on it, and once more with
    /// another one if that is refused.
    ///
    /// The function is called once for each sending. The future can be sent between threads if those
    /// of the function can. A refused answer's body is dropped unread before the request goes out
    /// again, which over HTTP/1.1 may close its connection.
    ///
    /// ```
    /// # use hallpass_core::{Authorizer, Credential};
    /// # use http::{Request, Response};
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let source = Credential::bearer("a-token")?;
    /// let authorizer = Authorizer::new(source).origins(["https://api.example.com"])?;
    ///
    /// let request = Request::get("https://api.example.com/items").body(())?;
    /// let response = authorizer
    ///     .run(request, async |request| {
    ///         // Any client: here one that answers by itself.
    ///         assert_eq!(request.headers()["authorization"], "Bearer a-token");
    ///         Ok::<_, std::io::Error>(Response::new("fine"))
    ///     })
    ///     .await?;
    /// assert_eq!(*response.body(), "fine");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`CallError::Credential`] if there is no credential to be had or it may not go there; nothing
    /// was sent then. [`CallError::Inner`] with what the function has failed with.
    ///
    /// # Cancel safety
    /// Dropping the future ends this request only; a fetch that it waits for goes on.
    pub async fn run<B, R, E, F>(
        &self,
        request: Request<B>,
        mut send: impl FnMut(Request<B>) -> F,
    ) -> Result<Response<R>, CallError<E>>
    where
        B: Clone,
        F: Future<Output = Result<Response<R>, E>>,
    {
        match self.admit(request.uri(), request.headers(), request.extensions()) {
            Admission::Pass(_) => send(request).await.map_err(CallError::Inner),
            Admission::Refuse(error) => Err(CallError::Credential(error)),
            Admission::Carry(exchange) => carry(exchange, request, send).await,
        }
    }
}

async fn carry<B, R, E, F>(
    mut exchange: Exchange,
    mut request: Request<B>,
    mut send: impl FnMut(Request<B>) -> F,
) -> Result<Response<R>, CallError<E>>
where
    B: Clone,
    F: Future<Output = Result<Response<R>, E>>,
{
    // Before the credential is on it: a copy holds no secret of ours.
    let bare = request.clone();
    let (method, uri) = (bare.method(), bare.uri());
    let mut attached = exchange.attach_to(&mut request)?;
    if attached == Attached::NoneInHand {
        let acquired = exchange.acquire(true).await?;
        attached = exchange.attach_acquired(acquired, method, uri, request.headers_mut())?;
        exchange.offer_proofs(request.extensions_mut());
    }
    if attached == Attached::LeftAlone {
        return send(request).await.map_err(CallError::Inner);
    }
    loop {
        let mut response = send(request).await.map_err(CallError::Inner)?;
        let next = judge(&mut exchange, &response);
        let acquired = match next {
            Next::Return => None,
            Next::Again(acquired) => Some(*acquired),
            Next::Renew(renewal) => exchange.renewed(renewal).await,
        };
        let again = acquired.and_then(|acquired| {
            let (mut head, body) = bare.clone().into_parts();
            if response.version() <= Version::HTTP_11 {
                head.extensions.insert(FreshConnection);
            }
            exchange
                .attach_again(
                    acquired,
                    method,
                    uri,
                    &mut head.headers,
                    &mut head.extensions,
                )
                .then(|| {
                    exchange.offer_proofs(&mut head.extensions);
                    Request::from_parts(head, body)
                })
        });
        let Some(again) = again else {
            exchange.report(response.extensions_mut());
            return Ok(response);
        };
        request = again;
    }
}

fn judge<R>(exchange: &mut Exchange, response: &Response<R>) -> Next {
    let extensions = response.extensions();
    let hop = extensions
        .get::<AnsweredBy>()
        .map_or(Hop::Sent, |AnsweredBy(uri)| exchange.hop(uri));
    let answer = Answer::new(response.status(), response.headers()).from_hop(hop);
    exchange.answered(&answer, || extensions.get::<Processed>().is_none())
}
