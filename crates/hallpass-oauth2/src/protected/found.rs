//! [`ProtectedSource`]: tokens of whichever configured server the resource names.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hallpass_core::{Challenges, Credential, CredentialSource, Description, Error, Fetch};
use http::{StatusCode, Uri};
use tokio::time::Instant;

use super::{
    Protected, REREAD_AFTER,
    resource::{Document, Resource},
};
use crate::{
    ATTEMPT_DEADLINE, Discovered, Discovery, METADATA_LIFETIME, Metadata, TokenSource, Transport,
    discovery::document,
    several::described,
    text::printable,
    transport::{Answer, DynTransport},
};

/// Tokens for an API that names its authorization server; made by
/// [`Protected::source`](super::Protected::source). Cheap to clone; clones share what was found.
#[derive(Clone)]
pub struct ProtectedSource {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Protected,
    resource: Resource,
    transport: Arc<dyn DynTransport>,
    /// One for each client, to check its settings, and to see when its secret changes.
    stand_ins: Vec<TokenSource>,
    found: Mutex<Option<Found>>,
    /// The client that has delivered last, by its position; beyond all of them if none has.
    delivered: Arc<AtomicUsize>,
}

/// What the metadata came to.
#[derive(Clone)]
struct Found {
    choice: Choice,
    source: Discovered,
    /// What a refusal had named then.
    named: Option<String>,
    read: Instant,
}

/// What a source is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    /// The position of the client for this issuer.
    client: usize,
    issuer: String,
    resource: String,
    scope: Option<String>,
}

/// Metadata, and where it was found.
struct Asked {
    host: String,
    document: Document,
    scope: Option<String>,
}

impl ProtectedSource {
    pub(super) fn new(
        settings: Protected,
        resource: Resource,
        transport: impl Transport,
    ) -> Result<Self, Error> {
        let transport = Arc::new(transport);
        if settings.clients.is_empty() {
            return Err(Error::configuration(format!(
                "no client for {}: name the issuer that it is registered with, with client_for",
                printable(resource.url())
            )));
        }
        let mut stand_ins = Vec::new();
        for client in &settings.clients {
            // What is wrong with an issuer is to be said now.
            let discovery = Discovery::anywhere(&*client.issuer).allow_origins(&settings.allowed);
            let build = Arc::clone(&client.build);
            discovery.source(Shared(transport.clone()), move |found| build(found))?;
            let stand_in = (client.build)(&Metadata::stand_in(&client.issuer));
            stand_ins.push(stand_in.build(Shared(transport.clone()))?);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                resource,
                transport,
                stand_ins,
                found: Mutex::new(None),
                delivered: Arc::new(AtomicUsize::new(usize::MAX)),
            }),
        })
    }

    /// What to ask now.
    async fn found(&self, why: &Fetch) -> Result<Found, Error> {
        let named = named(why);
        let known = self.lock().clone();
        if let Some(found) = &known
            && !found.is_old(named)
        {
            return Ok(found.clone());
        }
        let chosen = self.choose(why, named).await;
        let choice = match (chosen, known) {
            (Ok(choice), _) => choice,
            (Err(error), Some(found)) if error.is_transient() => {
                tracing::warn!(
                    target: "hallpass",
                    resource = %printable(self.inner.resource.url()),
                    error = %error,
                    "no metadata; the last stays"
                );
                return Ok(found);
            }
            (Err(error), _) => return Err(error),
        };
        let mut found = self.lock();
        let source = match found.take() {
            Some(same) if same.choice == choice => same.source,
            _ => self.build(&choice)?,
        };
        let new = Found {
            choice,
            source,
            named: named.map(str::to_owned),
            read: Instant::now(),
        };
        *found = Some(new.clone());
        Ok(new)
    }

    /// Asks the resource, and takes the first server that it names of those that are configured.
    async fn choose(&self, why: &Fetch, named: Option<&str>) -> Result<Choice, Error> {
        let Inner {
            settings, resource, ..
        } = &*self.inner;
        let Asked {
            host,
            document,
            scope: demanded,
        } = self.document(why, named).await?;
        resource.check(&document.resource, &host)?;
        let servers = &document.authorization_servers;
        let mut known = servers
            .iter()
            .filter_map(|server| Some((server, self.client(server)?)));
        let Some((issuer, client)) = known.next() else {
            let Some(first) = servers.first() else {
                return Err(Error::configuration(format!(
                    "{host} names no authorization server"
                )));
            };
            let first = printable(first);
            return Err(Error::configuration(format!(
                "{host} names the authorization server \"{first}\", and no client is configured for that: if it is right, add client_for(\"{first}\", …)"
            )));
        };
        let scope = settings.scope.clone();
        let scope = scope.or_else(|| why.demanded_scope().map(str::to_owned));
        let scope = scope.or(demanded);
        Ok(Choice {
            client,
            issuer: issuer.clone(),
            resource: document.resource.clone(),
            scope: scope.or_else(|| document.scope()),
        })
    }

    /// The metadata, and what the resource itself demands if it had to be asked for the place.
    async fn document(&self, why: &Fetch, named: Option<&str>) -> Result<Asked, Error> {
        let resource = &self.inner.resource;
        let places = resource.places(named);
        if let Some(asked) = self.first_of(why, &places).await? {
            return Ok(asked);
        }
        // None lies where it is looked for; only a refusal can name another place.
        let mut challenges = Challenges::default();
        if named.is_none() {
            let probe = resource.probe(self.inner.settings.probe)?;
            let answer = document::send(&*self.inner.transport, probe, left(why)).await?;
            challenges = Challenges::of(answer.headers());
            let place = param(&challenges, "resource_metadata");
            let new = resource.places(place);
            let new: Vec<_> = new
                .into_iter()
                .filter(|place| !places.contains(place))
                .collect();
            if let Some(mut asked) = self.first_of(why, &new).await? {
                asked.scope = param(&challenges, "scope").map(str::to_owned);
                return Ok(asked);
            }
        }
        let hint = match param(&challenges, "resource_metadata") {
            Some(elsewhere) => format!(", and \"{}\" is not at its origin", printable(elsewhere)),
            None => String::new(),
        };
        Err(Error::configuration(format!(
            "{} has no metadata that says who issues its tokens{hint}: check the URL, or ask the token endpoint that you know",
            printable(resource.url())
        )))
    }

    /// The metadata at the first place that has one.
    async fn first_of(&self, why: &Fetch, places: &[Uri]) -> Result<Option<Asked>, Error> {
        for place in places {
            let answer = document::get(&*self.inner.transport, place, left(why)).await?;
            if answer.status() == StatusCode::NOT_FOUND {
                continue;
            }
            let host = printable(&place.to_string());
            let document = document::read(&host, &answer, "check the resource")?;
            return Ok(Some(Asked {
                host,
                document,
                scope: None,
            }));
        }
        Ok(None)
    }

    /// The position of the client for an issuer.
    fn client(&self, issuer: &str) -> Option<usize> {
        let clients = &self.inner.settings.clients;
        clients.iter().position(|client| client.issuer == issuer)
    }

    fn build(&self, choice: &Choice) -> Result<Discovered, Error> {
        let unknown = || Error::configuration("an authorization server without a client");
        let client = self.inner.settings.clients.get(choice.client);
        let client = client.ok_or_else(unknown)?;
        let build = Arc::clone(&client.build);
        let (resource, scope) = (choice.resource.clone(), choice.scope.clone());
        Discovery::anywhere(&*choice.issuer)
            .allow_origins(&self.inner.settings.allowed)
            .source(Shared(self.inner.transport.clone()), move |found| {
                let mut request = build(found).resource(&*resource);
                if let Some(scope) = &scope {
                    request.scope_unless_set(scope);
                }
                request
            })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Found>> {
        let found = self.inner.found.lock();
        found.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// Whether to look again: after a day, or if a refusal names another place than before.
    fn is_old(&self, named: Option<&str>) -> bool {
        let age = Instant::now().saturating_duration_since(self.read);
        let moved = named.is_some() && named != self.named.as_deref();
        age >= METADATA_LIFETIME || (moved && age >= REREAD_AFTER)
    }
}

/// Where a refusal says that the metadata lies.
fn named(why: &Fetch) -> Option<&str> {
    param(why.challenges(), "resource_metadata")
}

fn param<'a>(challenges: &'a Challenges, name: &str) -> Option<&'a str> {
    challenges.iter().find_map(|one| one.param(name))
}

/// For one exchange.
fn left(why: &Fetch) -> Duration {
    ATTEMPT_DEADLINE.min(why.deadline().saturating_duration_since(Instant::now()))
}

impl CredentialSource for ProtectedSource {
    /// # Cancel safety
    /// Nothing that was found is lost.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let found = self.found(why).await?;
        let credential = found.source.fetch(why).await?;
        let delivered = &self.inner.delivered;
        delivered.store(found.choice.client, Ordering::Relaxed);
        Ok(credential)
    }

    fn description(&self) -> Description {
        let stand_ins = self.inner.stand_ins.iter();
        let all: Vec<_> = stand_ins.map(CredentialSource::description).collect();
        let delivered = Arc::clone(&self.inner.delivered);
        let mut description = described(&all, move || Some(delivered.load(Ordering::Relaxed)));
        description.origins = Some(vec![self.inner.resource.origin().clone()]);
        description
    }

    fn version(&self) -> u64 {
        let versions = self.inner.stand_ins.iter().map(CredentialSource::version);
        versions.fold(0, |all, one| all.rotate_left(7) ^ one)
    }

    fn keeps_state(&self) -> bool {
        let found = self.lock();
        found
            .as_ref()
            .is_some_and(|found| found.source.keeps_state())
    }
}

/// A transport that sources of several servers share.
struct Shared<T: ?Sized>(Arc<T>);

impl<T: DynTransport + ?Sized> Transport for Shared<T> {
    fn send(
        &self,
        request: http::Request<bytes::Bytes>,
        limit: Duration,
    ) -> impl Future<Output = <Answer<'_> as Future>::Output> + Send {
        self.0.send(request, limit)
    }
}

impl fmt::Debug for ProtectedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectedSource")
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
