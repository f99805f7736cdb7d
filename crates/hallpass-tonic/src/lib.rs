#![doc = include_str!("../README.md")]
//!
//! # How it works
//!
//! ```text
//! GreeterClient ──▶ BearerChannel ──▶ Channel
//!                     │   ▲ UNAUTHENTICATED: a new credential, and this call once more
//!                     ▼   │
//!                   hallpass_core::Cached
//! ```
//!
//! # What happens to a call
//!
//! | answer | credential | call |
//! |---|---|---|
//! | `UNAUTHENTICATED` at once: trailers-only, or in trailers right after the head | suspected | replayed once, if it has sent exactly one message, no longer than [`REPLAY_LIMIT`](hallpass_tower::REPLAY_LIMIT) |
//! | HTTP 401 without a gRPC status, from a proxy | suspected | replayed once, if what was sent of it is no longer than that |
//! | `UNAUTHENTICATED` in trailers after messages | suspected | returned |
//! | a message, or status 0 | accepted | returned |
//! | `UNAUTHENTICATED` with `dpop-nonce` metadata, to a call with a proof of possession | kept | sent once more with another proof; then as above |
//! | `PERMISSION_DENIED` and everything else | kept | returned |
//!
//! A suspected credential is replaced, by one fetch for all calls. Without a replacement the call gets
//! the server's own status.
//!
//! A stream that is open already isn't touched by a renewal: it goes on with the credential that it
//! began with, for as long as the server lets it. The caller of a stream that breaks off calls again,
//! and gets the new credential.
//!
//! Calls that have sent one message are the unary and the server-streaming ones. A server may act on
//! the messages of a stream before it refuses it; where it doesn't, say
//! [`replay_client_streams`](BearerChannel::replay_client_streams). To tell trailers right after the
//! head, the head of a call of one message is held back for its first frame, 10 ms at most.
//!
//! A call's `grpc-timeout` ([`Request::set_timeout`](https://docs.rs/tonic/latest/tonic/struct.Request.html#method.set_timeout)) bounds all that it
//! waits for: a credential, a connection, the answer. What the wait for a credential took is taken off
//! before the call is sent. A timeout of the [endpoint](https://docs.rs/tonic/latest/tonic/transport/struct.Endpoint.html#method.timeout) only
//! covers the sending.
//!
//! A call that can't have a credential fails before anything is sent, with
//! [`hallpass_core::Error`] as the status's source and its causes in the message: `UNAVAILABLE` for
//! what may pass (network, 429, a token file that is not there), `DEADLINE_EXCEEDED` if its own
//! deadline came first, `UNAUTHENTICATED` if the token endpoint refused the client,
//! `FAILED_PRECONDITION` if the credential may not go where the call goes, is bound to a certificate
//! that the channel is not known to present, or if there is none for the call's key.
//!
//! A channel that was made on a runtime may be called from plain threads, with any executor: what takes
//! time then runs on that runtime.
//!
//! Metadata that the caller has set under the credential's name is left alone;
//! [`NoCredential`](hallpass_core::NoCredential) or another [`Cached`](hallpass_core::Cached) among
//! a request's extensions decide for that call.
//!
//! # Where the credential goes
//!
//! To `https`, or `http` to this machine; to anywhere else it stays here. For that the address must be
//! known, and a [`Channel`](https://docs.rs/tonic/latest/tonic/transport/struct.Channel.html) does not tell the one that it was made with.
//! So:
//!
//! | given | the credential goes |
//! |---|---|
//! | an [`Endpoint`](https://docs.rs/tonic/latest/tonic/transport/struct.Endpoint.html) | to its URI, if that is `https` and tonic is built with TLS, or `http` to this machine. If it has an [`origin`](https://docs.rs/tonic/latest/tonic/transport/struct.Endpoint.html#method.origin), that is who the credential is for |
//! | a channel, and a source or [`origins`](BearerChannel::origins) that name where the credential may go | through the channel: **you** vouch that it leads to one of them, over TLS |
//! | a channel of a client made `with_origin` | as if that origin were the address: **you** vouch that it is |
//! | a channel, and nothing else | nowhere: calls fail with `FAILED_PRECONDITION` |
//! | [`Destination::at`] | as if the origin given there were the address: **you** vouch that it is |
//!
//! Pass the endpoint wherever there is one: it is checked, it is shorter, and `https` gets TLS
//! without a further word. The rest is for what has no address: custom connectors, balanced lists,
//! unix sockets (which tonic gives the address `http://tonic`), mocks.
//!
//! ```
//! # use hallpass_core::Credential;
//! use hallpass_tonic::{Destination, bearer};
//! use tonic::transport::{Channel, Endpoint};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let source = || Credential::bearer("a-token").unwrap().never_expires();
//! let replicas = ["https://10.0.0.1", "https://10.0.0.2"].map(Endpoint::from_static);
//! let channel = Channel::balance_list(replicas.into_iter());
//! let channel = bearer(Destination::at(channel, "https://api.example.com")?, source());
//!
//! // Or, where the same names serve several channels:
//! let channel = Endpoint::from_static("unix:/run/api.sock").connect_lazy();
//! let channel = bearer(channel, source()).origins(["http://localhost"])?;
//! # Ok::<(), hallpass_core::Error>(()) }).unwrap();
//! ```
//!
//! # Where a client takes something else
//!
//! [`BearerChannel`] is a service for generated clients, and fits below any tower layer of tonic's. For
//! a client that takes a [`Channel`](https://docs.rs/tonic/latest/tonic/transport/struct.Channel.html) and nothing else there is
//! [`into_channel`](BearerChannel::into_channel), for one whose service has a fixed response and error
//! [`boxed`](BearerChannel::boxed). Above a channel that stands in a stack already:
//!
//! ```
//! # use hallpass_core::Credential;
//! use hallpass_core::Authorizer;
//! use hallpass_tonic::BearerChannel;
//! use tonic::transport::{Channel, Endpoint};
//! use tower::ServiceBuilder;
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let source = Credential::bearer("a-token")?.never_expires();
//! let channel = Endpoint::from_static("https://api.example.com").connect_lazy();
//! let rules = Authorizer::new(source).at("https://api.example.com")?;
//! let channel = ServiceBuilder::new()
//!     .layer_fn(|channel: Channel| BearerChannel::with(channel, rules.clone()))
//!     .service(channel);
//! let channel: Channel = channel.into_channel();
//! # drop(channel);
//! # Ok::<(), hallpass_core::Error>(()) }).unwrap();
//! ```
//!
//! # Published clients
//!
//! Each of these stands, compiled and run against a server that revokes its tokens, in the project's
//! `hallpass-clients`.
//!
//! **etcd-client** (`raw-channel`) has watches, leases and locks, whose calls stream both ways. etcd
//! checks the token before it reads, so that they may be replayed too:
//!
//! ```ignore
//! let channel = hallpass_tonic::bearer(endpoint, source).replay_client_streams().boxed();
//! let client = Client::from_channel(Channel::Custom(channel), None).await?;
//! ```
//!
//! **opentelemetry-otlp** over gRPC; its batch thread has no tokio, and needs none:
//!
//! ```ignore
//! let exporter = SpanExporter::builder()
//!     .with_tonic()
//!     .with_channel(hallpass_tonic::bearer(endpoint, source).into_channel())
//!     .build()?;
//! ```
//!
//! SDKs that build a channel of their own and take none, such as qdrant's high-level client, can't be
//! reached: use the generated clients that they publish, with a [`BearerChannel`].
//!
//! # Features
//!
//! `tls-ring` and `tls-native-roots` pass tonic's features of these names on. No feature changes
//! what this crate does.
//!
//! tonic leaves the choice of cryptography to rustls. Where a program has two to choose from, *ring*
//! by this feature and aws-lc-rs by another crate (reqwest's default, for one), rustls panics at the
//! first connection unless the program has chosen at its start:
//! `rustls::crypto::ring::default_provider().install_default()`.

mod body;
mod channel;
mod deadline;
mod destination;
mod future;
mod in_process;
mod interceptor;
mod origin;
mod service;
mod status;
mod timer;
mod tls;
mod unprocessed;
mod wire;

pub use self::{
    body::ResponseBody,
    channel::{BearerChannel, bearer},
    destination::Destination,
    future::ResponseFuture,
    interceptor::Interceptor,
};
