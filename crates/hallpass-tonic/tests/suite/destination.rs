//! Where a credential may go, and that nothing is sent where it may not.

use std::{
    any::TypeId,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::common::{EchoClient, Issuer, Server, cause, message, tokens};
use hallpass_core::{
    Authorizer, Cached, Credential, CredentialSource, Description, Error, Fetch, NoCredential,
};
use hallpass_tonic::{BearerChannel, Destination, bearer};
use http::{Request, Response};
use tokio::time::timeout;
use tonic::{Code, Status, body::Body, transport::Endpoint};
use tower::{service_fn, util::BoxCloneSyncService};

/// Fails unless the call is refused at once and nothing is fetched.
async fn refused(channel: BearerChannel, issuer: &Issuer) -> String {
    let mut client = EchoClient::new(channel);
    let call = client.unary(message("a"));
    let status = timeout(Duration::from_millis(500), call)
        .await
        .expect("at once")
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(cause(&status).is_destination());
    assert_eq!(issuer.fetches(), 0);
    status.message().to_owned()
}

#[tokio::test]
async fn plaintext_to_another_machine_is_refused() {
    for uri in [
        "http://192.0.2.1",
        "http://192.0.2.1:50051",
        "http://api.example.com",
    ] {
        let issuer = Issuer::new();
        let channel = bearer(Endpoint::from_static(uri), Arc::clone(&issuer));
        let said = refused(channel, &issuer).await;
        assert_eq!(
            said,
            format!("{uri} would carry the credential in the clear: use https")
        );
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for uri in [
        "api.example.com",
        "https://user@api.example.com",
        "unix:/run/api.sock",
    ] {
        let issuer = Issuer::new();
        refused(
            bearer(Endpoint::from_static(uri), Arc::clone(&issuer)),
            &issuer,
        )
        .await;
    }
}

/// Counted once, though the channel asks before the layer does.
#[tokio::test]
async fn what_needs_no_credential_goes_to_an_address_that_is_none() {
    let cached = Cached::new(Issuer::new());
    let endpoint = Endpoint::from_static("unix:/nowhere/api.sock");
    let mut client = EchoClient::new(bearer(endpoint, cached.clone()));
    let mut request = tonic::Request::new(message("a"));
    request.extensions_mut().insert(NoCredential);
    let refused = client.unary(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "nobody listens there");
    let stats = cached.stats();
    assert_eq!((stats.withheld, stats.fetches), (1, 0));
}

#[tokio::test]
async fn https_without_tls_in_the_build_is_refused() {
    struct ClientTlsConfig;
    let tls = {
        #[allow(clippy::wildcard_imports, unused_imports)]
        use tonic::transport::*;
        TypeId::of::<ClientTlsConfig>()
    };
    if tls != TypeId::of::<ClientTlsConfig>() {
        return;
    }
    // What it is good for: tonic goes ahead in the clear.
    let server = Server::start().await;
    let uri = format!("https://{}", server.address);
    let bare = Endpoint::from_shared(uri.clone()).unwrap().connect_lazy();
    EchoClient::new(bare).unary(message("a")).await.unwrap_err();
    assert_eq!(server.gate.calls(), 1);

    let issuer = Issuer::new();
    let endpoint = Endpoint::from_shared(uri).unwrap();
    let said = refused(bearer(endpoint, Arc::clone(&issuer)), &issuer).await;
    assert!(said.starts_with("tonic is built without TLS"), "{said}");
    assert_eq!(server.gate.calls(), 1);
}

#[tokio::test]
async fn a_bare_channel_needs_somebody_to_say_where_it_leads() {
    let server = Server::start().await;
    let issuer = Issuer::new();
    let channel = server.endpoint().connect_lazy();
    let said = refused(bearer(channel.clone(), Arc::clone(&issuer)), &issuer).await;
    assert!(said.contains("pass its Endpoint instead"), "{said}");
    assert_eq!(server.gate.calls(), 0);

    let origin = format!("http://{}", server.address);
    let bare = || bearer(channel.clone(), Arc::clone(&issuer));
    let by_origins = bare().origins([&origin]).unwrap();
    EchoClient::new(by_origins)
        .unary(message("a"))
        .await
        .unwrap();
    EchoClient::new(bare().any_origin())
        .unary(message("a"))
        .await
        .unwrap();
    EchoClient::with_origin(bare(), origin.parse().unwrap())
        .unary(message("a"))
        .await
        .unwrap();
    let at = Destination::at(channel.clone(), &origin).unwrap();
    EchoClient::new(bearer(at, Arc::clone(&issuer)))
        .unary(message("a"))
        .await
        .unwrap();
    let rules = Authorizer::new(Arc::clone(&issuer))
        .origins([&origin])
        .unwrap();
    let ready = BearerChannel::with(channel.clone(), rules);
    EchoClient::new(ready.without_replay())
        .unary(message("a"))
        .await
        .unwrap();
    let eager = Destination::connect(server.endpoint()).await.unwrap();
    EchoClient::new(bearer(eager, Arc::clone(&issuer)))
        .unary(message("a"))
        .await
        .unwrap();
    assert_eq!(server.gate.calls(), 6);

    // Calls that take no credential of ours need nobody's word.
    let mut request = tonic::Request::new(message("a"));
    request.extensions_mut().insert(NoCredential);
    let status = EchoClient::new(bare()).unary(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(server.gate.calls(), 7);
}

struct Profile(Arc<Issuer>, String);

impl CredentialSource for Profile {
    fn fetch(&self, why: &Fetch) -> impl Future<Output = Result<Credential, Error>> + Send {
        self.0.fetch(why)
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.origins = Some(vec![self.1.parse().unwrap()]);
        description
    }
}

#[tokio::test]
async fn a_source_that_names_its_origins_vouches() {
    let server = Server::start().await;
    let profile = Profile(Issuer::new(), format!("http://{}", server.address));
    let channel = server.endpoint().connect_lazy();
    EchoClient::new(bearer(channel, profile))
        .unary(message("a"))
        .await
        .unwrap();
    assert_eq!(server.gate.bearers(), tokens(["token-1"]));

    // So does one that a single call has to itself.
    let profile = Profile(Issuer::new(), format!("http://{}", server.address));
    let mut request = tonic::Request::new(message("a"));
    request.extensions_mut().insert(Cached::new(profile));
    let bare = bearer(server.endpoint().connect_lazy(), Issuer::new());
    EchoClient::new(bare).unary(request).await.unwrap();
    assert_eq!(server.gate.bearers(), tokens(["token-1", "token-1"]));

    // An endpoint elsewhere is not what the credential is for: the call goes without it.
    let profile = Profile(Issuer::new(), "https://api.example.com".to_owned());
    let channel = bearer(server.endpoint(), profile);
    let status = EchoClient::new(channel)
        .unary(message("a"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(server.gate.bearers()[2], None);
}

#[tokio::test]
async fn one_credential_is_bound_to_the_first_endpoint() {
    let (one, two) = (Server::start().await, Server::start().await);
    let cached = Cached::new(Issuer::new());
    let channel = bearer(one.endpoint(), cached.clone());
    EchoClient::new(channel).unary(message("a")).await.unwrap();
    let channel = bearer(two.endpoint(), cached);
    let status = EchoClient::new(channel)
        .unary(message("a"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(two.gate.calls(), 0);
}

#[tokio::test]
async fn plaintext_can_be_allowed_by_a_dangerous_name() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let mock = service_fn(move |request: Request<Body>| {
        seen.fetch_add(1, Ordering::SeqCst);
        assert_eq!(request.uri(), "http://api.example.com/peer.Echo/Unary");
        assert!(request.headers().contains_key("authorization"));
        std::future::ready(Ok::<_, Infallible>(
            Status::not_found("").into_http::<Body>(),
        ))
    });
    let mock = BoxCloneSyncService::<_, Response<Body>, _>::new(mock);
    let to = || Destination::at(mock.clone(), "http://api.example.com").unwrap();
    let channel = bearer(to(), Issuer::new());
    let status = EchoClient::new(channel)
        .unary(message("a"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let channel = bearer(to(), Issuer::new()).dangerously_allow_http();
    let status = EchoClient::new(channel)
        .unary(message("a"))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_secret_is_shown() {
    let cached = Cached::new(Credential::bearer("hush").unwrap().never_expires());
    cached.get().await.unwrap();
    let channel = bearer(Endpoint::from_static("http://127.0.0.1:1"), cached.clone());
    let shown = format!("{channel:?} {:?}", hallpass_tonic::Interceptor::new(cached));
    assert!(
        shown.contains("127.0.0.1") && !shown.contains("hush"),
        "{shown}"
    );
}
