//! A middleware for reqwest that puts an always-fresh credential on every request and replays a
//! request once when its credential is refused.
//!
//! ```
//! use hallpass_core::Credential;
//! use hallpass_reqwest::Bearer;
//! use reqwest_middleware::ClientBuilder;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Any source: a token endpoint, a vault, or here a token that never ends.
//! let source = Credential::bearer("a-token")?.never_expires();
//!
//! let inner = reqwest::Client::builder()
//!     .redirect(hallpass_reqwest::redirect_policy())
//!     .build()?;
//! let client = ClientBuilder::new(inner)
//!     .with(Bearer::new(source).redirects_guarded())
//!     .build();
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
//! A body of bytes is replayed. A stream cannot be: its 401 goes to the caller, the credential is
//! dropped all the same, and the next request gets another. A timeout that is set on a request
//! covers all of it: the wait for a credential, both sendings. One that is set on the client
//! cannot be seen from here, and counts for each sending alone.
//!
//! # For one request
//!
//! [`with_extension`](reqwest_middleware::RequestBuilder::with_extension) takes
//! [`NoCredential`](hallpass_core::NoCredential), or a [`Cached`](hallpass_core::Cached) to use in
//! place of the usual one. Among the response's extensions there is an
//! [`Attempt`](hallpass_core::Attempt) if the request waited for a credential or was replayed.
//! [`credential_error`] tells whether an error is about the credential.
//!
//! # Order of middlewares
//!
//! ```
//! # use hallpass_core::Credential;
//! # use hallpass_reqwest::Bearer;
//! # use reqwest_middleware::ClientBuilder;
//! # use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
//! # use reqwest_tracing::TracingMiddleware;
//! # let source = Credential::bearer("t").unwrap().never_expires();
//! # let policy = ExponentialBackoff::builder().build_with_max_retries(3);
//! let client = ClientBuilder::new(reqwest::Client::new())
//!     .with(TracingMiddleware::default()) // the first is the outermost
//!     .with(RetryTransientMiddleware::new_with_policy(policy))
//!     .with(Bearer::new(source))
//!     .build();
//! ```
//!
//! Any order works. This one is best:
//!
//! - **`Bearer` last, below reqwest-retry.** A retry comes seconds or minutes after the first try,
//!   and should carry the credential that is current then. With `Bearer` outside, every retry
//!   carries the first one's, and a credential that ends meanwhile costs all of them. Either way
//!   reqwest-retry does not retry a credential error, which is right: the engine has its own gaps,
//!   and its [`retry_after`](hallpass_core::Error::retry_after) says when to come back. Nor does it
//!   ever see the 401 that a replay has healed.
//! - **reqwest-tracing first, for one span a call,** the wait for a credential included. Below
//!   `Bearer` it gives one span a sending instead, so that a replay shows as two. No position
//!   puts the credential into a span.
//! - **Whatever changes the URL, above.** The credential's origin is judged by the URL that
//!   `Bearer` sees. Whatever answers by itself, such as a cache, goes above too.
//!
//! reqwest-retry refuses every request whose body is a stream, wherever it stands.
//!
//! # Redirects
//!
//! reqwest follows redirects below all middlewares, and there is no way to see from here whether a
//! client does. What holds depends on how the client was built:
//!
//! | the client's redirect policy | within the origin | from `a` to `b` | further on, from `b` to `b` |
//! |---|---|---|---|
//! | [`redirect_policy()`](redirect_policy) | followed, with the credential | the 3xx is the answer | |
//! | [`Policy::none()`](reqwest::redirect::Policy::none) | the 3xx is the answer | the 3xx is the answer | |
//! | reqwest's default, `Authorization` | followed, with the credential | followed without it | **reqwest 0.13.5 sends it to `b`** |
//! | reqwest's default, any other header | followed, with the credential | **would be sent to `b`** | **would be sent to `b`** |
//!
//! Scheme, host and port make an origin: from `https` to `http` on the same host is a way out too.
//! So build clients with [`redirect_policy`], and say so with [`Bearer::redirects_guarded`]. Without
//! that promise a credential in any other header than `Authorization` is not sent at all, and the
//! first redirect that is seen to have left the origin is warned of, once. A reqwest client with
//! its default policy is good enough only for an API that never redirects to servers of others,
//! such as a storage.
//!
//! Whatever the policy, a 401 that comes from another origin never rejects the credential.
//!
//! # Features
//!
//! Both are on by default, and only add things. `transport`: the transport for token endpoints.
//! `rustls`: builds reqwest with rustls and HTTP/2; leave it out if the application chooses a TLS
//! library for reqwest itself.

mod bearer;
mod deadline;
mod drain;
mod error;
mod kept;
mod middleware;
mod redirect;
#[cfg(feature = "transport")]
mod transport;

#[cfg(feature = "transport")]
pub use self::transport::{CONNECT_TIMEOUT, IDLE_TIMEOUT, ReqwestTransport, transport};
pub use self::{bearer::Bearer, error::credential_error, redirect::redirect_policy};
