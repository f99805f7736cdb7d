//! Each request gets the credential of its own key, or is not sent.

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use hallpass_core::{
    Authorizer, Cached, Credential, CredentialSource, Description, Error, Fetch, Keyed,
    NoCredential, Rejected, RequestHead, adapter::CallError,
};
use http::{HeaderName, Request, Response, header::AUTHORIZATION};

use crate::common::{HOUR, tenants};

const API: &str = "https://api.example/items";
const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Fields that can be run together, and one that can be absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Tenant {
    realm: String,
    client: String,
    scope: Option<String>,
}

fn tenant(realm: &str, client: &str, scope: Option<&str>) -> Tenant {
    Tenant {
        realm: realm.to_owned(),
        client: client.to_owned(),
        scope: scope.map(str::to_owned),
    }
}

/// Each tenant has a key of its own; "unknown" has none. Counts what is made.
fn tenants() -> (Keyed<Tenant>, Arc<AtomicU64>) {
    let made = Arc::new(AtomicU64::new(0));
    let counted = made.clone();
    let keyed = Keyed::new(move |tenant: &Tenant| {
        if tenant.realm == "unknown" {
            return Err(Error::unknown_key("there is no such tenant"));
        }
        let number = counted.fetch_add(1, SeqCst) + 1;
        Credential::bearer(&format!("secret-{number}"))
    });
    (keyed, made)
}

fn request(uri: &str) -> Request<()> {
    Request::post(uri).body(()).unwrap()
}

fn of<K: Clone + Send + Sync + 'static>(key: K) -> Request<()> {
    let mut request = request(API);
    request.extensions_mut().insert(key);
    request
}

/// The `Authorization` that arrives, or the error; `None` if nothing of ours was on it.
async fn sent(
    authorizer: &Authorizer,
    request: Request<()>,
) -> Result<Option<String>, CallError<io::Error>> {
    let sending = async |request: Request<()>| {
        let value = request.headers().get(AUTHORIZATION).cloned();
        Ok(Response::new(
            value.map(|value| value.to_str().unwrap().to_owned()),
        ))
    };
    let response = authorizer.run(request, sending).await?;
    Ok(response.into_body())
}

async fn refusal(authorizer: &Authorizer, request: Request<()>) -> Error {
    match sent(authorizer, request).await {
        Err(CallError::Credential(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_compared_field_by_field() {
    let (keyed, made) = tenants();
    let authorizer = Authorizer::keyed(keyed.clone());
    let different = [
        tenant("ab", "c", None),
        // Run together they are the same.
        tenant("a", "bc", None),
        tenant("abc", "", None),
        tenant("", "abc", None),
        tenant("a:b", "c", None),
        tenant("a", "b:c", None),
        // One field differs.
        tenant("ab", "d", None),
        tenant("ac", "c", None),
        tenant("ab", "c", Some("read")),
        // Absent is not empty.
        tenant("ab", "c", Some("")),
    ];
    let mut seen = HashSet::new();
    for key in &different {
        let first = sent(&authorizer, of(key.clone())).await.unwrap().unwrap();
        let second = sent(&authorizer, of(key.clone())).await.unwrap().unwrap();
        assert_eq!(first, second);
        assert!(seen.insert(first), "{key:?} has another's credential");
    }
    assert_eq!(made.load(SeqCst), different.len() as u64);
    assert_eq!(keyed.len(), different.len());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_without_a_known_key() {
    let (keyed, _) = tenants();
    let authorizer = Authorizer::keyed(keyed.clone());
    sent(&authorizer, of(tenant("a", "b", None))).await.unwrap();
    // Not the last one's, nor any other's.
    let missing = refusal(&authorizer, request(API)).await;
    assert!(missing.is_unknown_key() && missing.is_permanent());
    assert!(missing.to_string().contains("Tenant"), "{missing}");
    let unknown = refusal(&authorizer, of(tenant("unknown", "b", None))).await;
    assert!(unknown.is_unknown_key());
    assert_eq!(unknown.to_string(), "there is no such tenant");
    // A value of another type is no key.
    let other = refusal(&authorizer, of("a".to_owned())).await;
    assert!(other.is_unknown_key());
    let stats = keyed.stats();
    assert_eq!((stats.refused, stats.entries, stats.made), (3, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_for_another_reason_says_so() {
    let keyed = Keyed::new(|_: &u64| Err::<Credential, _>(Error::configuration("no such profile")));
    let authorizer = Authorizer::keyed(keyed);
    let error = refusal(&authorizer, of(1_u64)).await;
    assert_eq!(error.to_string(), "no such profile");
    assert!(!error.is_unknown_key());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_passes_whatever_its_key() {
    let (keyed, _) = tenants();
    let authorizer = Authorizer::keyed(keyed.clone());
    let authorizer = authorizer.origins(["https://api.example"]).unwrap();
    let elsewhere = || request("https://elsewhere.example/");
    assert_eq!(sent(&authorizer, elsewhere()).await.unwrap(), None);
    let mut unknown = elsewhere();
    unknown.extensions_mut().insert(tenant("unknown", "", None));
    assert_eq!(sent(&authorizer, unknown).await.unwrap(), None);
    let mut own = request(API);
    own.headers_mut()
        .insert(AUTHORIZATION, "mine".parse().unwrap());
    assert_eq!(
        sent(&authorizer, own).await.unwrap().as_deref(),
        Some("mine")
    );
    let mut opted_out = of(tenant("unknown", "", None));
    opted_out.extensions_mut().insert(NoCredential);
    assert_eq!(sent(&authorizer, opted_out).await.unwrap(), None);
    let stats = keyed.stats();
    assert_eq!((stats.refused, stats.withheld), (0, 4));
    // A credential of the request's own goes before its key.
    let mut brought = of(tenant("unknown", "", None));
    let cached = Cached::new(Credential::bearer("brought").unwrap());
    brought.extensions_mut().insert(cached);
    let value = sent(&authorizer, brought).await.unwrap();
    assert_eq!(value.as_deref(), Some("Bearer brought"));
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_key_pass_if_they_may() {
    let (keyed, _) = tenants();
    let authorizer = Authorizer::keyed(keyed.clone().pass_without_key());
    assert_eq!(sent(&authorizer, request(API)).await.unwrap(), None);
    assert_eq!(keyed.stats().withheld, 1);
    let unknown = refusal(&authorizer, of(tenant("unknown", "", None))).await;
    assert!(unknown.is_unknown_key());
}

#[tokio::test(start_paused = true)]
async fn a_key_is_found_by_a_function_of_the_head() {
    let keyed = Keyed::new(|host: &(String, bool)| Credential::bearer(&format!("of-{}", host.0)))
        .by(|head: &RequestHead<'_>| {
            let host = head.authority()?.split('.').next()?.to_owned();
            assert_eq!(head.uri()?.path(), "/items");
            assert_eq!(head.scheme(), Some("https"));
            head.headers().contains_key("x-known").then_some(())?;
            Some((host, head.extensions().get::<u8>().is_some()))
        });
    let authorizer = Authorizer::keyed(keyed.clone()).any_origin();
    let mut request = request("https://acme.example/items");
    let missing = refusal(&authorizer, request.clone()).await;
    assert!(missing.is_unknown_key(), "{missing}");
    request
        .headers_mut()
        .insert("x-known", "yes".parse().unwrap());
    let value = sent(&authorizer, request).await.unwrap();
    assert_eq!(value.as_deref(), Some("Bearer of-acme"));
    assert!(keyed.stats_of(&("acme".to_owned(), false)).is_some());
}

/// Has a header, a place and a word for a refusal of its own.
struct Special(AtomicU64);

impl CredentialSource for Special {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let number = self.0.fetch_add(1, SeqCst) + 1;
        Ok(Credential::header(KEY, &format!("key-{number}"))?.lives_for(HOUR))
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.header = KEY;
        description.origins = Some(vec!["https://special.example".parse().unwrap()]);
        description.rejected = Rejected::default().when(|status, _| status == 419);
        description
    }
}

#[tokio::test(start_paused = true)]
async fn the_rules_of_the_key_s_own_source_hold() {
    let keyed = Keyed::new(|special: &bool| {
        Ok(if *special {
            Cached::new(Special(AtomicU64::new(0)))
        } else {
            Cached::new(Credential::bearer("plain")?)
        })
    });
    let authorizer = Authorizer::keyed(keyed.clone());
    let authorizer = authorizer.origins(["https://api.example"]).unwrap();
    let to = |uri: &str, special: bool| {
        let mut request = request(uri);
        request.extensions_mut().insert(special);
        request
    };
    let answer = async |request: Request<()>| {
        let key = request.headers().get(KEY).cloned();
        let refused = key.as_ref().is_some_and(|key| key == "key-1");
        let status = if refused { 419 } else { 200 };
        let bearer = request.headers().get(AUTHORIZATION).cloned();
        let response = Response::builder().status(status);
        Ok::<_, io::Error>(response.body((key, bearer)).unwrap())
    };
    let special = authorizer.run(to("https://special.example/", true), answer);
    let (key, bearer) = special.await.unwrap().into_body();
    assert_eq!(key.unwrap(), "key-2");
    assert_eq!(bearer, None);
    assert_eq!(keyed.stats_of(&true).unwrap().rejections, 1);
    // Where the layer's origins lead, the special one does not go, and the other way round.
    for (uri, special) in [(API, true), ("https://special.example/", false)] {
        let passed = authorizer.run(to(uri, special), answer).await.unwrap();
        assert_eq!(passed.into_body(), (None, None), "{uri}");
    }
    let plain = authorizer.run(to(API, false), answer).await.unwrap();
    assert_eq!(plain.into_body().1.unwrap(), "Bearer plain");
}

#[tokio::test(start_paused = true)]
async fn all_keys_are_bound_to_the_first_origin_of_any() {
    let (keyed, _) = tenants();
    let authorizer = Authorizer::keyed(keyed.clone());
    sent(&authorizer, of(tenant("a", "", None))).await.unwrap();
    let mut other = request("https://other.example/");
    other.extensions_mut().insert(tenant("b", "", None));
    let error = refusal(&authorizer, other.clone()).await;
    assert!(error.is_destination(), "{error}");
    // Not even when all have been forgotten.
    keyed.clear();
    let error = refusal(&authorizer, other).await;
    assert!(error.is_destination(), "{error}");
    sent(&authorizer, of(tenant("b", "", None))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn removed_keys_are_made_anew_and_counted_still() {
    let issuer = tenants::Issuer::default();
    let clients = issuer.clone();
    let keyed = Keyed::new(move |tenant: &u64| Ok(clients.client(*tenant)));
    for tenant in [1, 1, 2] {
        keyed.get(&tenant).unwrap().get().await.unwrap();
    }
    assert_eq!((issuer.fetches(1), issuer.fetches(2)), (1, 1));
    let before = keyed.get(&1).unwrap();
    let removed = keyed.remove(&1).unwrap();
    assert_eq!(removed.stats().fetches, 1);
    assert!(keyed.remove(&1).is_none());
    assert!(keyed.stats_of(&1).is_none() && keyed.stats_of(&2).is_some());
    keyed.get(&1).unwrap().get().await.unwrap();
    assert_eq!(issuer.fetches(1), 2);
    // A request on its way goes on with what it has.
    before.get().await.unwrap();
    assert_eq!(issuer.fetches(1), 2);
    keyed.clear();
    assert!(keyed.is_empty());
    keyed.get(&2).unwrap().get().await.unwrap();
    let stats = keyed.stats();
    assert_eq!((stats.fetches, stats.entries, stats.made), (4, 1, 4));
    assert_eq!(keyed.stats_of(&2).unwrap().fetches, 1);
}

#[test]
fn what_is_shown_holds_no_key() {
    let (keyed, _) = tenants();
    keyed.get(&tenant("s3cret-name", "", None)).unwrap();
    let authorizer = Authorizer::keyed(keyed.clone());
    let builder = Keyed::builder(|_: &u64| Credential::bearer("a"));
    let shown = format!("{keyed:?} {authorizer:?} {builder:?} {:?}", keyed.stats());
    assert!(!shown.contains("s3cret-name"), "{shown}");
}
