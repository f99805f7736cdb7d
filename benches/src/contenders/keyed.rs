//! One layer with a credential for each key, beside one that looks at no key.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use hallpass_core::{Credential, Error, Keyed};
use hallpass_tower::BearerLayer;
use http::Request;
use http_body_util::Full;
use tower::{Layer as _, Service};

use super::{Contender, is_answer};
use crate::{Noop, at_once, token, warm};

/// So many tenants take turns.
pub const TENANTS: usize = 64;

/// As long as tenants' names are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The one of this number.
    pub fn new(number: usize) -> Self {
        Self(format!("9b1deb4d-3b7d-4bad-9bdd-{number:012}").into())
    }
}

/// All their credentials, each in hand.
///
/// # Errors
/// Never: the tokens are valid and nothing is fetched over a network.
pub fn warm_tenants() -> Result<Keyed<Tenant>, Error> {
    let make = |_: &Tenant| Ok(Credential::bearer(&token())?.never_expires());
    let keyed = Keyed::new(make);
    let runtime = tokio::runtime::Runtime::new().map_err(Error::transient)?;
    let warmed = runtime.block_on(keyed.warm((0..TENANTS).map(Tenant::new)));
    match warmed {
        Ok(()) => Ok(keyed),
        Err(failed) => Err(failed
            .into_iter()
            .map(|(_, error)| error)
            .next()
            .unwrap_or_else(|| Error::configuration("no tenant"))),
    }
}

/// Requests of many tenants, of one, and the same requests past a layer with one credential.
///
/// # Errors
/// Never, as above.
pub fn keyed() -> Result<Vec<Contender>, Error> {
    let unkeyed = BearerLayer::new(warm()?).without_replay().layer(Noop);
    let keyed = BearerLayer::keyed(warm_tenants()?).any_origin();
    let keyed = keyed.without_replay().layer(Noop);
    Ok(vec![
        contender("hallpass/header, of tenants", TENANTS, unkeyed),
        contender("hallpass/keyed", TENANTS, keyed.clone()),
        contender("hallpass/keyed, one tenant", 1, keyed),
    ])
}

fn contender<S>(name: &'static str, tenants: usize, service: S) -> Contender
where
    S: Service<Request<Full<Bytes>>> + Clone + Send + Sync + 'static,
{
    let all: Arc<[Tenant]> = (0..tenants).map(Tenant::new).collect();
    let next = Arc::new(AtomicUsize::new(0));
    let prepare = move |mut request: Request<Full<Bytes>>| {
        let tenant = &all[next.fetch_add(1, Ordering::Relaxed) % all.len()];
        // A name of its own, as a server reads it: what is shared is no part of what is measured.
        request
            .extensions_mut()
            .insert(Tenant(tenant.0.as_ref().into()));
        Some(request)
    };
    Contender::new(name, prepare, move || {
        let mut service = service.clone();
        move |request| is_answer(&at_once(service.call(request)))
    })
}
