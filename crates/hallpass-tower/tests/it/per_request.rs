//! A credential that a request brings has its own rules, and is addressed to one layer of two.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use hallpass_core::{
    Cached, Choices, Credential, CredentialSource, Description, Error, Fetch, NoCredential,
    Rejected, Resend,
};
use hallpass_tower::BearerLayer;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Empty;
use tower::{Layer as _, ServiceExt as _};

use crate::common::{self, Api, HOUR, Issuer, api::answer, get};

/// A tenant's keys: another header, another word for a refusal, another place.
#[derive(Default)]
struct Keys(AtomicU64);

const KEY: HeaderName = HeaderName::from_static("x-api-key");

impl CredentialSource for Keys {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Credential::header(KEY, &format!("key-{number}"))?.lives_for(HOUR))
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.header = KEY;
        description.origins = Some(vec!["https://tenant.example".parse().unwrap()]);
        description.rejected = Rejected::default().when(|status, _| status == 419);
        description
    }
}

fn to(uri: &str) -> Request<Empty<Bytes>> {
    Request::get(uri).body(Empty::new()).unwrap()
}

fn with<T: Clone + Send + Sync + 'static>(
    mut request: Request<Empty<Bytes>>,
    extension: T,
) -> Request<Empty<Bytes>> {
    request.extensions_mut().insert(extension);
    request
}

#[tokio::test]
async fn it_is_judged_by_its_own_source() {
    let api = Api::new(|seen| {
        let key = seen.parts.headers.get(KEY);
        answer(
            if key.is_some_and(|key| key == "key-2") {
                200
            } else {
                419
            },
            "",
        )
    });
    let service = BearerLayer::new(Issuer::new()).layer(api.clone());
    let tenant = Cached::new(Keys::default());
    let request = with(to("https://tenant.example/"), tenant.clone());
    let response = service.clone().oneshot(request).await.unwrap();
    assert_eq!((response.status().as_u16(), api.calls()), (200, 2));
    assert_eq!(tenant.stats().rejections, 1);
    // The layer's own source knows no 419.
    let response = service
        .oneshot(to("https://api.example.com/"))
        .await
        .unwrap();
    assert_eq!((response.status().as_u16(), api.calls()), (419, 3));
    assert_eq!(api.seen()[2].authorization(), Some("Bearer token-1"));
}

#[tokio::test]
async fn it_goes_in_its_own_header_and_to_its_own_places_cold_and_warm() {
    let api = Api::always(200);
    let layer = BearerLayer::new(Issuer::new());
    let service = layer.origins([common::API]).unwrap().layer(api.clone());
    let tenant = Cached::new(Keys::default());
    let own_key = |mut request: Request<_>| {
        request
            .headers_mut()
            .insert(KEY, HeaderValue::from_static("mine"));
        request
    };
    let mut expected = Vec::new();
    for _ in ["cold", "warm"] {
        let left_alone = own_key(to("https://tenant.example/"));
        for (request, key) in [
            (left_alone, Some("mine")),
            (to("https://api.example.com/"), None),
            (to("https://tenant.example/"), Some("key-1")),
        ] {
            let request = with(request, tenant.clone());
            service.clone().oneshot(request).await.unwrap();
            expected.push(key);
        }
    }
    let seen = api.seen();
    let keys: Vec<_> = seen
        .iter()
        .map(|one| one.parts.headers.get(KEY).map(|key| key.to_str().unwrap()))
        .collect();
    assert_eq!(keys, expected);
    assert!(seen.iter().all(|one| one.authorization().is_none()));
}

#[tokio::test]
async fn of_two_layers_one_is_addressed() {
    let api = Api::always(200);
    let gateway = Credential::header(KEY, "gateway").unwrap();
    let stack = || {
        let gateway = BearerLayer::new(gateway.clone()).named("gateway");
        let bearer = BearerLayer::new(Issuer::new()).named("api");
        gateway.layer(bearer.layer(api.clone()))
    };
    let tenant = Cached::new(Credential::bearer("tenant").unwrap());
    let seen = async |request| {
        stack().oneshot(request).await.unwrap();
        let seen = api.seen().pop().unwrap();
        let key = seen.parts.headers.get(KEY);
        let key = key.map(|key| key.to_str().unwrap().to_owned());
        (key, seen.authorization().map(str::to_owned))
    };
    let pair =
        |key: Option<&str>, token: Option<&str>| (key.map(str::to_owned), token.map(str::to_owned));
    let both = pair(Some("gateway"), Some("Bearer token-1"));
    assert_eq!(seen(get()).await, both);
    let choice = Choices::new().credential("api", tenant.clone());
    assert_eq!(
        seen(with(get(), choice)).await,
        pair(Some("gateway"), Some("Bearer tenant"))
    );
    let choice = Choices::new()
        .credential("api", tenant.clone())
        .no_credential("gateway");
    assert_eq!(
        seen(with(get(), choice)).await,
        pair(None, Some("Bearer tenant"))
    );
    let choice = Choices::new().no_credential("api").no_credential("nobody");
    assert_eq!(seen(with(get(), choice)).await, pair(Some("gateway"), None));
    // What is addressed to nobody is for layers without a name.
    assert_eq!(seen(with(get(), tenant)).await, both);
    assert_eq!(seen(with(get(), NoCredential)).await, both);
}

#[tokio::test]
async fn what_is_sent_again_says_how_often_it_was_sent() {
    let api = Api::accepting("token-2");
    let service = BearerLayer::new(Issuer::new()).layer(api.clone());
    service.oneshot(with(get(), 7_u8)).await.unwrap();
    let resends: Vec<_> = api
        .seen()
        .iter()
        .map(|seen| seen.parts.extensions.get::<Resend>().copied())
        .collect();
    assert_eq!(resends, [None, Some(Resend(1))]);
    let seen = api.seen();
    assert!(
        seen.iter()
            .all(|one| one.parts.extensions.get::<u8>() == Some(&7))
    );
}

/// A service whose clones are counted, as a boxed stack's are deep.
struct Heavy {
    api: Api,
    clones: Arc<AtomicU64>,
}

impl Clone for Heavy {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self {
            api: self.api.clone(),
            clones: Arc::clone(&self.clones),
        }
    }
}

impl<B> tower::Service<Request<B>> for Heavy
where
    Api: tower::Service<Request<B>>,
{
    type Response = <Api as tower::Service<Request<B>>>::Response;
    type Error = <Api as tower::Service<Request<B>>>::Error;
    type Future = <Api as tower::Service<Request<B>>>::Future;

    fn poll_ready(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        self.api.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.api.call(request)
    }
}

#[tokio::test]
async fn a_request_that_is_never_refused_costs_no_clone_of_the_service() {
    let clones = Arc::new(AtomicU64::new(0));
    let heavy = Heavy {
        api: Api::always(200),
        clones: Arc::clone(&clones),
    };
    let cached = Cached::new(Issuer::new());
    cached.get().await.unwrap();
    let boxed = tower::util::BoxCloneSyncService::new(heavy);
    let mut service = BearerLayer::new(cached).layer(boxed);
    for _ in 0..100 {
        common::start(&mut service, get()).await.await.unwrap();
    }
    assert_eq!(
        clones.load(Ordering::Relaxed),
        1,
        "one for this group of threads"
    );
}
