//! A transport that has one answer to everything, and what a fetch over it says.

use std::{
    error::Error as StdError,
    fmt::{Debug, Write as _},
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hallpass_core::{Credential, CredentialSource, Error, Fetch};
use hallpass_oauth2::{Transport, transport::TransportError};
use http::{Request, Response};
use tokio::runtime::{Builder, Runtime};

/// The client's secret, in which no parser changes a character.
pub(crate) const SECRET: &str = "Zq9-s3cret.of~the_client";

/// What a token is made of where it must be shown nowhere.
pub(crate) const MARK: &str = "Zq9";

pub(crate) const TOKEN: &[u8] =
    br#"{"access_token":"t0ken","token_type":"Bearer","expires_in":300}"#;

#[derive(Clone)]
pub(crate) struct Offline {
    answer: Arc<Response<Bytes>>,
    sent: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Offline {
    pub(crate) fn answering(answer: Response<Bytes>) -> Self {
        Self {
            answer: Arc::new(answer),
            sent: Arc::default(),
        }
    }

    pub(crate) fn ok(body: &[u8]) -> Self {
        Self::answering(Response::new(Bytes::copy_from_slice(body)))
    }

    pub(crate) fn sent(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

impl Transport for Offline {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        self.sent.lock().unwrap().push(request);
        Ok(self.answer.as_ref().clone())
    }
}

thread_local! {
    static PAUSED: Runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
}

/// Runs it without a pause: time goes on as soon as nobody has anything to do.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    PAUSED.with(|runtime| runtime.block_on(future))
}

pub(crate) fn fetch(source: &impl CredentialSource) -> Result<Credential, Error> {
    run(source.fetch(&Fetch::first()))
}

/// Everything that an error shows, however it is printed.
pub(crate) fn shown(error: &Error) -> String {
    let mut shown = format!("{error}\n{error:?}\n{error:#?}");
    let mut next = StdError::source(error);
    while let Some(cause) = next {
        write!(shown, "\n{cause}").unwrap();
        next = cause.source();
    }
    shown
}

/// That an error shows no secret, and is not much longer than what it is about.
pub(crate) fn check_error(error: &Error, input: &[u8], secrets: &[&str]) {
    let shown = shown(error);
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    check_length(&shown, input);
}

/// That `Debug` shows no secret, and is not much longer than what it is about.
pub(crate) fn check_debug(value: &impl Debug, input: &[u8], secrets: &[&str]) {
    let shown = format!("{value:?}\n{value:#?}");
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    check_length(&shown, input);
}

fn check_length(shown: &str, input: &[u8]) {
    let most = 16 * 1024 + 40 * input.len();
    assert!(shown.len() <= most, "{} bytes are shown", shown.len());
}

/// That nothing shows what a credential consists of. What is no secret by its nature may have the same
/// characters.
pub(crate) fn check_credential(credential: &Credential, input: &[u8]) {
    let mut open = vec![credential.scope().unwrap_or_default().to_owned()];
    open.extend(
        credential
            .fields()
            .map(|(name, value)| format!("{name}{value}")),
    );
    open.extend(credential.header_names().map(ToString::to_string));
    open.extend(credential.certificate_thumbprint().map(str::to_owned));
    let values = credential
        .headers()
        .filter_map(|(_, value)| value.to_str().ok());
    let secrets: Vec<&str> = values
        // Shorter ones may stand anywhere.
        .filter(|value| value.len() >= 12 && value.contains(MARK))
        .filter(|value| !open.iter().any(|open| open.contains(*value)))
        .collect();
    check_debug(credential, input, &secrets);
}
