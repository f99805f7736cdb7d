#![doc = include_str!("../README.md")]
//!
//! With settings and other middlewares of your own:
//!
//! ```
//! use hallpass_core::Credential;
//! use hallpass_reqwest::Bearer;
//! # use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let limit = Duration::from_secs(10);
//! // Any source: a token endpoint, a vault, or here a token that never ends.
//! let source = Credential::bearer("a-token")?.never_expires();
//!
//! let client = Bearer::new(source)
//!     .timeout(limit)
//!     .client_from(reqwest::Client::builder().user_agent("my-app"))?;
//!
//! # let server = hallpass_testkit::Server::start().await;
//! # let url = server.url();
//! # let _ = stringify! {
//! let url = "https://api.example.com/items";
//! # };
//! let response = client.get(url).send().await?;
//! # assert_eq!(server.journal().api().next().unwrap().bearer(), Some("a-token"));
//! # Ok(())
//! # }
//! ```
//!
//! A body of bytes is sent again after a refusal, however long it is. Of a stream up to 64 KiB are
//! kept as they are sent ([`replay_limit`](Bearer::replay_limit)): if it is longer, its 401 goes to the
//! caller, the credential is doubted all the same, and a later request gets another.
//!
//! # Timeouts
//!
//! A timeout that is set on a request, or with [`Bearer::timeout`] for all requests, covers
//! everything: the wait for a credential, all sendings, redirects, and reading the answer. One that
//! is set on the client with [`reqwest::ClientBuilder::timeout`] cannot be seen by a middleware, so
//! it counts for each sending alone and does not limit the wait for a credential. Set
//! [`Bearer::timeout`] in its place.
//!
//! # For one request
//!
//! [`with_extension`](reqwest_middleware::RequestBuilder::with_extension) takes
//! [`NoCredential`](hallpass_core::NoCredential), or a [`Cached`](hallpass_core::Cached) to use in
//! place of the usual one. Among the response's extensions there is an
//! [`Attempt`](hallpass_core::Attempt) if the request waited for a credential or was sent again.
//! [`credential_error`] tells whether an error is about the credential.
//!
//! # Order of middlewares
//!
//! ```
//! # use hallpass_core::Credential;
//! # use hallpass_reqwest::Bearer;
//! # use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
//! # use reqwest_tracing::TracingMiddleware;
//! # let source = Credential::bearer("t").unwrap().never_expires();
//! # let policy = ExponentialBackoff::builder().build_with_max_retries(3);
//! let client = Bearer::new(source).client_with(reqwest::Client::builder(), |outer| {
//!     outer
//!         .with(TracingMiddleware::default()) // the first is the outermost
//!         .with(RetryTransientMiddleware::new_with_policy(policy))
//! })?;
//! # Ok::<(), hallpass_core::Error>(())
//! ```
//!
//! - **reqwest-retry outside.** A retry comes seconds or minutes after the first try, and should
//!   carry the credential that is current then. reqwest-retry does not retry a credential error,
//!   which is right: the engine has its own gaps, and its
//!   [`retry_after`](hallpass_core::Error::retry_after) says when to come back. Nor does it ever see
//!   a 401 that was healed.
//! - **reqwest-tracing outside, for one span a call,** the wait for a credential included. Below
//!   `Bearer` it gives one span a sending instead. No position puts the credential into a span.
//! - **Whatever changes the URL, outside.** The credential's origin is judged by the URL that
//!   `Bearer` sees.
//! - **A cache outside only if all requests have the same credential.** It does not see whose answer
//!   it keeps, so with a [`Cached`](hallpass_core::Cached) for each tenant one would get what
//!   another had asked for. With more than one identity it belongs below, where it sees the
//!   `Authorization` header and has to keep answers apart by it (RFC 9111 §3.5), or needs a key
//!   with the identity in it.
//!
//! What belongs below is added with
//! [`ClientBuilder::from_client`](reqwest_middleware::ClientBuilder::from_client). A second
//! credential goes there too: give both a [name](Bearer::named), and the second one
//! [`assume_no_redirects`](Bearer::assume_no_redirects), because the first follows them.
//!
//! reqwest-retry refuses every request whose body is a stream, wherever it stands.
//!
//! # Redirects
//!
//! reqwest follows redirects below all middlewares. It compares each hop with the one before, so
//! that from `a` to `b` and on to `b` again it hands `b` what was meant for `a`, and it knows only
//! `Authorization`, `Cookie` and their like. [`client`] and [`Bearer::client_from`] therefore switch
//! that off and follow up to ten redirects above the credential (RFC 9110 §15.4):
//!
//! - Each hop is a request of its own. It gets the credential if its origin may have it, is judged
//!   by its own answer, and is sent again by itself: a POST that was answered with a redirect is
//!   never made twice because the page behind it is refused.
//! - 303 makes every request a GET, 301 and 302 a POST; 307 and 308 repeat method and body. If that
//!   body was a stream that is not kept, because it was too long or its request carried no credential,
//!   the redirect is the answer.
//! - At another origin (scheme, host and port) nothing arrives that the caller had set in
//!   `Authorization`, `Cookie`, `DPoP`, `Proxy-Authorization`, the headers of the credentials, or in a
//!   value that is [marked as sensitive](http::HeaderValue::set_sensitive), and no credential of ours
//!   takes its place from there on. No `Referer` is sent.
//! - **reqwest itself adds the [default headers](reqwest::ClientBuilder::default_headers) of its
//!   client to every hop.** Secrets do not belong there; make them a credential.
//!
//! Added to any other client, `Bearer` refuses to send a credential, because there is no way to see
//! whether that one follows redirects. [`Bearer::assume_no_redirects`] is for one that was built with
//! [`Policy::none()`](reqwest::redirect::Policy::none).
//!
//! # Proxies
//!
//! Plain `http` is allowed to this very machine only, because nobody else can read it there. If the
//! environment names a proxy for such requests (`HTTP_PROXY` or `ALL_PROXY`, without a `NO_PROXY`
//! that exempts them), that does not hold, and the credential is not sent. A proxy that is given to
//! the builder cannot be seen from here: say [`Bearer::behind_proxy`].
//!
//! # Connections
//!
//! A refused answer is read to its end if it is short, so that its connection can be used again. If
//! the request had a body, the server may have answered before it read that and be about to close,
//! and the answer is dropped unread. reqwest has no way to ask for a fresh connection: a server
//! that refuses early, answers without a body and closes later without saying so still makes the
//! second sending fail, as a connection error of reqwest's. `hallpass-hyper` sends it on a fresh
//! connection.
//!
//! reqwest itself sends a request again that an HTTP/2 server says it has not looked at, with the
//! same headers. A proof of possession (DPoP) that stands there has not been taken then.
//!
//! # Published clients
//!
//! Each of these stands, compiled and run against a server that revokes its tokens, in the project's
//! `hallpass-clients`.
//!
//! **`graphql_client`** makes the body and reads the answer:
//!
//! ```ignore
//! let client = hallpass_reqwest::client(source)?;
//! let request = client.post(&url).json(&Viewer::build_query(variables));
//! let answer: Response<Data> = request.send().await?.json().await?;
//! ```
//!
//! **`async-openai`** sends `Authorization: Bearer ` with every request, key or none, which
//! [`override_existing`](Bearer::override_existing) replaces. Without that the layer would leave each
//! of its requests alone, and warn of it once:
//!
//! ```ignore
//! let bearer = Bearer::new(source).override_existing();
//! let inner = bearer.client_from(reqwest::Client::builder())?;
//! let service = service_fn(move |factory: HttpRequestFactory| {
//!     let client = inner.clone();
//!     async move {
//!         let sent = client.execute(factory.build().await?).await;
//!         sent.map_err(|error| OpenAIError::Boxed(error.into()))
//!     }
//! });
//! let client = Client::with_config(config).with_http_service(service);
//! ```
//!
//! **reqwest 0.12**, elasticsearch and meilisearch-sdk are a few lines over
//! [`Authorizer::run`](hallpass_core::Authorizer::run), shown in [`hallpass_core::adapter`].
//!
//! **A crate that takes a [`reqwest::Client`] and nothing else**, such as opensearch or
//! reqwest-eventsource, can't be reached: that type has no middleware, and the header that it can be
//! given stays what it is. Use the crate's own types with a client of this one, or `hallpass proxy`
//! of the crate `hallpass-cli`, which attaches the credential on this machine:
//! [the page on closed SDKs](hallpass_core::adapter) has the command.
//!
//! # Features
//!
//! Both are on by default, and only add things. `transport`: the transport for token endpoints.
//! `rustls`: builds reqwest with rustls and HTTP/2; leave it out if the application chooses a TLS
//! library for reqwest itself.

mod bearer;
mod deadline;
mod error;
mod hop;
mod kept;
mod middleware;
mod proxy;
mod redirect;
mod target;
#[cfg(feature = "transport")]
mod transport;

#[cfg(feature = "transport")]
pub use self::transport::{CONNECT_TIMEOUT, IDLE_TIMEOUT, ReqwestTransport, transport};
pub use self::{
    bearer::{Bearer, client},
    error::{TooManyRedirects, credential_error},
};
