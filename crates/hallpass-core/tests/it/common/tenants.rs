//! An issuer with many clients, each of which can be in trouble of its own.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of this"
)]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch, Origin};

/// What becomes of a tenant's fetches.
#[derive(Debug, Clone, Default)]
pub enum Manner {
    #[default]
    Answers,
    Fails(Error),
    Hangs,
}

/// Hands out `of-TENANT-N`. Clones share it.
#[derive(Clone, Default)]
pub struct Issuer(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    manners: HashMap<u64, Manner>,
    fetches: HashMap<u64, u64>,
    latency: Duration,
    running: usize,
    most: usize,
}

impl Issuer {
    pub fn taking(latency: Duration) -> Self {
        let issuer = Self::default();
        issuer.0.lock().unwrap().latency = latency;
        issuer
    }

    pub fn set(&self, tenant: u64, manner: Manner) {
        self.0.lock().unwrap().manners.insert(tenant, manner);
    }

    /// How often this tenant's token was asked for.
    pub fn fetches(&self, tenant: u64) -> u64 {
        let book = self.0.lock().unwrap();
        book.fetches.get(&tenant).copied().unwrap_or_default()
    }

    pub fn all_fetches(&self) -> u64 {
        self.0.lock().unwrap().fetches.values().sum()
    }

    pub fn running(&self) -> usize {
        self.0.lock().unwrap().running
    }

    /// How many fetches have run at once at most.
    pub fn most_at_once(&self) -> usize {
        self.0.lock().unwrap().most
    }

    pub fn client(&self, tenant: u64) -> Client {
        Client {
            issuer: self.clone(),
            tenant,
            endpoint: None,
            hedge: false,
            keeps: Arc::default(),
        }
    }
}

/// One tenant's source.
#[derive(Clone)]
pub struct Client {
    issuer: Issuer,
    tenant: u64,
    endpoint: Option<Origin>,
    hedge: bool,
    pub keeps: Arc<AtomicBool>,
}

impl Client {
    pub fn at(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.parse().unwrap());
        self
    }

    /// A second attempt may start beside a silent one.
    pub fn hedged(mut self, hedge: bool) -> Self {
        self.hedge = hedge;
        self
    }
}

impl CredentialSource for Client {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let (number, manner, latency) = {
            let mut book = self.issuer.0.lock().unwrap();
            let number = book.fetches.entry(self.tenant).or_default();
            *number += 1;
            let number = *number;
            book.running += 1;
            book.most = book.most.max(book.running);
            let manner = book.manners.get(&self.tenant).cloned();
            (number, manner.unwrap_or_default(), book.latency)
        };
        let _running = Running(&self.issuer);
        tokio::time::sleep(latency).await;
        match manner {
            Manner::Answers => {
                let token = format!("of-{}-{number}", self.tenant);
                Ok(Credential::bearer(&token)?.lives_for(crate::common::HOUR))
            }
            Manner::Fails(error) => Err(error),
            Manner::Hangs => std::future::pending().await,
        }
    }

    fn description(&self) -> Description {
        let mut description = Description::default();
        description.endpoint.clone_from(&self.endpoint);
        description.hedge = self.hedge;
        description
    }

    fn keeps_state(&self) -> bool {
        self.keeps.load(SeqCst)
    }
}

struct Running<'a>(&'a Issuer);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().running -= 1;
    }
}
