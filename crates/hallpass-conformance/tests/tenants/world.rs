//! [`World`]: an issuer and an API that know whose token is whose.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Cached, Credential, CredentialSource, Error, Fetch, Keyed, Policy};
use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::Empty;
use tokio::{task::yield_now, time::sleep};

use crate::{TENANTS, Tenant};

/// Who the request is for; only the API looks at it.
pub(crate) const TENANT: &str = "x-tenant";

const LIFETIME: Duration = Duration::from_secs(30);

pub(crate) struct World {
    tenants: Vec<Books>,
    /// What a fetch takes at most.
    latency: Duration,
    strangers: AtomicU64,
}

#[derive(Default)]
struct Books {
    issued: AtomicU64,
    /// Tokens up to this one are dead.
    revoked: AtomicU64,
    /// So many fetches are going to fail.
    failing: AtomicU64,
}

impl World {
    pub(crate) fn new(latency: Duration) -> Arc<Self> {
        Arc::new(Self {
            tenants: (0..TENANTS).map(|_| Books::default()).collect(),
            latency,
            strangers: AtomicU64::new(0),
        })
    }

    /// Failures are waited out, which takes real time where the clock is not paused.
    pub(crate) fn client(self: &Arc<Self>, tenant: Tenant) -> Cached {
        let world = self.clone();
        let gap = Duration::from_millis(5);
        let policy = Policy::default().transient_gap(gap);
        Cached::builder(Client { world, tenant })
            .policy(policy)
            .build()
    }

    /// How many requests had another tenant's token.
    pub(crate) fn strangers(&self) -> u64 {
        self.strangers.load(SeqCst)
    }

    /// Now and then something happens to somebody.
    pub(crate) fn trouble(&self, random: &mut fastrand::Rng, keyed: &Keyed<Tenant>) {
        let victim = random.usize(0..TENANTS);
        let books = &self.tenants[victim];
        match random.u32(0..20_000) {
            0 => {
                for books in &self.tenants {
                    books.revoke();
                }
            }
            1 => keyed.clear(),
            2..50 => books.revoke(),
            50..120 => books.failing.store(random.u64(1..4), SeqCst),
            120..150 => drop(keyed.remove(&Tenant(victim))),
            _ => {}
        }
    }

    /// 200 for a living token of the tenant's own, 401 for a dead one.
    pub(crate) async fn answer<B>(&self, request: Request<B>) -> Response<Empty<Bytes>> {
        let headers = request.headers();
        let number = |text: &str| text.parse::<u64>().unwrap();
        let tenant = number(headers[TENANT].to_str().unwrap());
        let token = headers[AUTHORIZATION].to_str().unwrap();
        let token = token.strip_prefix("Bearer of-").unwrap();
        let (owner, token) = token.split_once('-').unwrap();
        if number(owner) != tenant {
            self.strangers.fetch_add(1, SeqCst);
        }
        let token = number(token);
        if token % 8 == 0 && !self.latency.is_zero() {
            sleep(Duration::from_millis(1 + token % 5)).await;
        } else {
            yield_now().await;
        }
        let dead = token <= self.tenants[tenant as usize].revoked.load(SeqCst);
        let status = if dead { 401 } else { 200 };
        let response = Response::builder().status(status);
        response.body(Empty::new()).unwrap()
    }
}

impl Books {
    fn revoke(&self) {
        self.revoked.store(self.issued.load(SeqCst), SeqCst);
    }
}

struct Client {
    world: Arc<World>,
    tenant: Tenant,
}

impl CredentialSource for Client {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let Tenant(tenant) = self.tenant;
        let books = &self.world.tenants[tenant];
        let latency = self.world.latency;
        if latency.is_zero() {
            yield_now().await;
        } else {
            sleep(latency.mul_f64(fastrand::f64())).await;
        }
        let take = |failing: u64| failing.checked_sub(1);
        if books.failing.fetch_update(SeqCst, SeqCst, take).is_ok() {
            return Err(Error::transient("the issuer is not itself"));
        }
        let token = books.issued.fetch_add(1, SeqCst) + 1;
        Ok(Credential::bearer(&format!("of-{tenant}-{token}"))?.lives_for(LIFETIME))
    }
}
