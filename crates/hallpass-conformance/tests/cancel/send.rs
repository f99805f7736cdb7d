//! Public futures may go to another thread.

use std::future::Future;

use hallpass_core::{
    Authorizer, Cached, Credential, CredentialSource, Fetch, Identified, Keyed,
    adapter::{Acquire, Drain, Exchange, Renewal},
};
use hallpass_hyper::{HyperTransport, ReplayBody};
use hallpass_oauth2::{
    Basic, Chain, Composed, Discovered, Discovery, Dpop, ProtectedSource, Revocation, SelfSigned,
    Static, Token, TokenFile, TokenSource, Transport,
};
use hallpass_reqwest::ReqwestTransport;
use hallpass_shared::{MemoryStore, Name, Named, Shared, Store};
use hallpass_tonic::BearerChannel;
use http::{Request, Response};
use http_body_util::Empty;
use tower::Service;

fn send<F: Future + Send>(_: F) {}

/// Not called: that it compiles is the proof.
#[allow(dead_code, reason = "what it promises, it promises to the compiler")]
#[allow(clippy::too_many_arguments, reason = "one of each")]
fn those_of_the_engine(
    cached: &Cached,
    authorizer: &Authorizer,
    keyed: &Keyed<String>,
    exchange: &mut Exchange,
    renewal: Box<Renewal>,
    fetch: &Fetch,
) {
    send(cached.get());
    send(cached.get_within(crate::SECOND));
    send(cached.renew());
    send(keyed.warm(["a".to_owned()]));
    send(fetch.take_turn());
    send::<Acquire>(exchange.acquire(true));
    send(exchange.renewed(renewal));
    send(Drain::new(Empty::<bytes::Bytes>::new()));
    let request = Request::get("https://api.example").body(()).unwrap();
    send(authorizer.run(request, async |_| {
        Ok::<_, std::io::Error>(Response::new(()))
    }));
}

fn source<S: CredentialSource>(source: &S, fetch: &Fetch) {
    send(source.fetch(fetch));
    send(source.news());
}

fn of_each_source<S: CredentialSource>() {
    let _ = source::<S>;
}

fn of_each_identified<S: Identified>() {
    fn identity<S: Identified>(source: &S) {
        send(source.identity());
    }
    let _ = identity::<S>;
}

fn of_each_transport<T: Transport>() {
    fn sending<T: Transport>(transport: &T, request: Request<bytes::Bytes>) {
        send(transport.send(request, crate::SECOND));
    }
    let _ = sending::<T>;
}

fn of_each_service<S, B>()
where
    S: Service<Request<B>, Future: Send>,
{
}

fn of_each_store<S: Store>() {
    fn operations<S: Store>(store: &S, name: &Name) {
        send(store.get(name));
        send(store.watch(name, 0));
    }
    let _ = operations::<S>;
}

#[allow(dead_code, reason = "what it promises, it promises to the compiler")]
fn those_of_endpoints(
    dpop: &Dpop,
    discovery: &Discovery,
    transport: &HyperTransport,
    revocation: &Revocation,
    (cached, credential, source): (&Cached, &Credential, &TokenSource),
) {
    send(dpop.thumbprint());
    send(dpop.bind("token"));
    send(discovery.metadata(transport));
    send(revocation.shutdown(cached));
    send(revocation.revoke(credential));
    send(revocation.revoke_refresh_token(source));
}

#[test]
fn every_future_may_go_to_another_thread() {
    of_each_source::<Basic>();
    of_each_source::<Chain>();
    of_each_source::<Composed>();
    of_each_source::<Credential>();
    of_each_source::<Discovered>();
    of_each_source::<ProtectedSource>();
    of_each_source::<SelfSigned>();
    of_each_source::<Shared<Named<TokenSource>>>();
    of_each_source::<Static>();
    of_each_source::<Token>();
    of_each_source::<TokenFile>();
    of_each_source::<TokenSource>();
    of_each_identified::<Named<TokenSource>>();
    of_each_identified::<TokenSource>();
    of_each_transport::<HyperTransport>();
    of_each_transport::<ReqwestTransport>();
    of_each_store::<MemoryStore>();
    of_each_service::<hallpass_hyper::Client<ReplayBody<Empty<bytes::Bytes>>>, ReplayBody<_>>();
    of_each_service::<BearerChannel, tonic::body::Body>();
}
