//! What the tests share: a source that counts, a server that checks, a client for it.

pub(crate) mod gate;
pub(crate) mod proto;
pub(crate) mod server;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hallpass_core::{Credential, CredentialSource, Error, Fetch};
use hallpass_tonic::BearerChannel;
use tonic::Status;

pub(crate) use self::{
    gate::Refuse,
    proto::{EchoClient, message},
    server::Server,
};

/// Issues `token-1`, `token-2`…, late or not at all if it is told so.
#[derive(Debug, Default)]
pub(crate) struct Issuer {
    fetches: AtomicUsize,
    delay: Mutex<Duration>,
    failure: Mutex<Option<Error>>,
}

impl Issuer {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    pub(crate) fn takes(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    pub(crate) fn fails(&self, error: Error) {
        *self.failure.lock().unwrap() = Some(error);
    }
}

impl CredentialSource for Issuer {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        let delay = *self.delay.lock().unwrap();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if let Some(error) = self.failure.lock().unwrap().clone() {
            return Err(error);
        }
        let credential = Credential::bearer(&format!("token-{number}"))?;
        Ok(credential.lives_for(Duration::from_secs(3600)))
    }
}

pub(crate) async fn start() -> (Server, Arc<Issuer>, EchoClient<BearerChannel>) {
    let server = Server::start().await;
    let issuer = Issuer::new();
    let client = EchoClient::new(hallpass_tonic::bearer(
        server.endpoint(),
        Arc::clone(&issuer),
    ));
    (server, issuer, client)
}

/// The credential error that a status was made of.
pub(crate) fn cause(status: &Status) -> &Error {
    std::error::Error::source(status)
        .expect("a source")
        .downcast_ref()
        .expect("an error of hallpass-core")
}

pub(crate) fn tokens<const N: usize>(names: [&str; N]) -> Vec<Option<String>> {
    names.map(|name| Some(name.to_owned())).to_vec()
}
