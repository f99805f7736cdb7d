//! From [`hallpass_core::Error`] to [`reqwest_middleware::Error`] and back.

use std::{error::Error as StdError, fmt, iter};

use hallpass_core::{Error, Origin};
use reqwest::Url;

use crate::redirect;

/// The reason why a request was not sent, if it is ours: no credential could be had, or it may not
/// go where the request goes.
///
/// Looks through everything that has been wrapped around it, such as the errors of reqwest-retry.
/// Directly below a [`Bearer`](crate::Bearer), `downcast_ref::<hallpass_core::Error>()` on what a
/// [`reqwest_middleware::Error::Middleware`] holds finds it as well.
///
/// ```
/// # async fn example(client: reqwest_middleware::ClientWithMiddleware) {
/// match client.get("https://api.example.com/items").send().await {
///     Ok(response) => println!("{}", response.status()),
///     Err(error) => match hallpass_reqwest::credential_error(&error) {
///         Some(reason) if reason.is_transient() => println!("later: {reason}"),
///         Some(reason) => println!("ask an operator: {reason}"),
///         None => println!("the request itself: {error}"),
///     },
/// }
/// # }
/// ```
///
/// Of a boxed error, such as [`BoxError`](hallpass_core::BoxError), it takes what is in the box:
/// `credential_error(error.as_ref())`.
pub fn credential_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    iter::successors(Some(error), |&error| error.source()).find_map(<dyn StdError>::downcast_ref)
}

/// A request was redirected more than ten times.
///
/// Found in what a [`reqwest_middleware::Error::Middleware`] holds, with `downcast_ref`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooManyRedirects;

impl fmt::Display for TooManyRedirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} redirects", redirect::MOST)
    }
}

impl StdError for TooManyRedirects {}

/// The error of a request to `url` for want of a credential.
///
/// It has a sentence of its own because others wrap it transparently: what stands first in the
/// chain is then skipped, and must not be the reason.
pub(crate) fn unsent(url: &Url, reason: Error) -> reqwest_middleware::Error {
    let what = match url.as_str().parse::<Origin>() {
        Ok(origin) => format!("no credential for the request to {origin}"),
        Err(_) => "no credential for the request".to_owned(),
    };
    reqwest_middleware::Error::Middleware(anyhow::Error::new(reason).context(what))
}

/// The client below may follow redirects by itself.
pub(crate) fn unguarded() -> Error {
    Error::configuration(
        "reqwest's own redirects could carry the credential to another server: build the client with hallpass_reqwest::client(source)? or Bearer::new(source).client_from(reqwest::Client::builder())?, or say Bearer::assume_no_redirects() if it was built with redirect::Policy::none()",
    )
}
