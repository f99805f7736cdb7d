//! A credential source of your own: a vault that lends tokens.
//!
//! ```text
//! cargo run --example custom_source
//! ```
//!
//! The vault and the API are played in this process. For a real one, `Vault::lend` becomes a
//! request to it, and the `impl CredentialSource` is all that your program needs besides.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hallpass::{
    BearerLayer, Cached, Credential, CredentialSource, Error, Fetch, Reason, tower::ReplayBody,
};
use http::{HeaderValue, Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use http_body_util::Full;
use tokio::time::sleep;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

/// How long the vault lends a token; very short, so that its end can be watched.
const LEASE: Duration = Duration::from_millis(800);

impl CredentialSource for Vault {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        println!("    vault: asked, {:?}{}", why.reason(), said(why));
        self.state().asked.push(why.reason());

        // The kind of an error decides when the vault is asked again. After a transient one it is
        // asked soon, while callers wait; after a permanent one not before 30 s have passed.
        let lease = self.lend().await.map_err(|refusal| match refusal {
            Refusal::Sealed => Error::transient(refusal).context("the vault is sealed"),
            Refusal::Denied => Error::permanent(refusal)
                .context("the vault lends nothing to this role: check its policy"),
        })?;
        Ok(Credential::bearer(&lease)?
            .lives_for(LEASE)
            // Without this, renewal begins when about a fifth of the life is left.
            .renew_in(LEASE / 4))
    }

    // Another number says that the cause was removed: a permanent failure is then forgotten at
    // once.
    fn version(&self) -> u64 {
        self.state().policy
    }
}

/// What the API said of the last token, if that is why there has to be another.
fn said(why: &Fetch) -> String {
    let mut errors = why.challenges().iter().filter_map(|one| one.param("error"));
    errors
        .next()
        .map(|error| format!(": {error}"))
        .unwrap_or_default()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let vault = Arc::new(Vault::default());
    let cached = Cached::new(Arc::clone(&vault));
    let client = BearerLayer::new(cached.clone()).layer(api(Arc::clone(&vault)));

    println!("the first call");
    call(&client).await?;

    println!("a call later in the lease: nobody waits for its renewal");
    sleep(LEASE / 2).await;
    call(&client).await?;
    sleep(LEASE / 8).await;
    println!("a call with the new lease");
    call(&client).await?;

    println!("a call whose lease was revoked: it is sent again with another");
    vault.state().live.clear();
    call(&client).await?;

    println!("a call after the lease has ended");
    sleep(LEASE).await;
    call(&client).await?;

    println!("a call while the vault is sealed: it waits, for 5 s at most, and sees no failure");
    sleep(LEASE).await;
    vault.state().sealed_for = 2;
    call(&client).await?;

    println!("two calls while the vault denies: it is asked once");
    sleep(LEASE).await;
    vault.state().denies = true;
    for _ in 0..2 {
        assert!(refusal(&client).await?.is_permanent());
    }
    println!("a call right after the policy was changed");
    vault.state().denies = false;
    vault.state().policy += 1;
    call(&client).await?;

    let (asked, stats) = (vault.state().asked.clone(), cached.stats());
    println!(
        "ok: the vault was asked {} times, {} of them in vain",
        asked.len(),
        stats.failures
    );
    let [first, ahead, rejected, rest @ ..] = &asked[..] else {
        return Err("the vault was asked too rarely".into());
    };
    assert_eq!(
        [*first, *ahead, *rejected],
        [Reason::First, Reason::Ahead, Reason::Rejected]
    );
    assert_eq!(rest, [Reason::Expired; 6]);
    assert_eq!((stats.failures, stats.rejections, stats.replays), (3, 1, 1));
    Ok(())
}

type Body = Full<Bytes>;
type Failed = hallpass::tower::Error<Infallible>;

async fn call<S>(client: &S) -> Result<(), Box<dyn StdError>>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Failed> + Clone,
{
    let request = Request::get("https://api.example.com/menu").body(Body::default())?;
    let status = client.clone().oneshot(request).await?.status();
    println!("    {status}");
    assert_eq!(status, StatusCode::OK);
    Ok(())
}

async fn refusal<S>(client: &S) -> Result<Error, Box<dyn StdError>>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Failed> + Clone,
{
    let request = Request::get("https://api.example.com/menu").body(Body::default())?;
    match client.clone().oneshot(request).await {
        Ok(response) => Err(format!("{} without a lease", response.status()).into()),
        Err(Failed::Credential(error)) => {
            println!("    {error}");
            Ok(error)
        }
        Err(Failed::Inner(never)) => match never {},
    }
}

/// Takes the tokens that the vault lends.
fn api(
    vault: Arc<Vault>,
) -> impl Service<Request<ReplayBody<Body>>, Response = Response<Body>, Error = Infallible> + Clone
{
    service_fn(move |request: Request<ReplayBody<Body>>| {
        let token = request.headers()["authorization"]
            .to_str()
            .unwrap_or_default();
        let good = vault.state().live.iter().any(|live| token.ends_with(live));
        let mut response = Response::new(Body::default());
        if !good {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        ready(Ok(response))
    })
}

#[derive(Default)]
struct Vault(Mutex<State>);

#[derive(Default)]
struct State {
    lent: u32,
    live: Vec<String>,
    /// How many times it still says that it is sealed.
    sealed_for: u32,
    denies: bool,
    policy: u64,
    asked: Vec<Reason>,
}

impl Vault {
    async fn lend(&self) -> Result<String, Refusal> {
        sleep(Duration::from_millis(5)).await;
        let mut state = self.state();
        if state.denies {
            return Err(Refusal::Denied);
        }
        if let Some(left) = state.sealed_for.checked_sub(1) {
            state.sealed_for = left;
            return Err(Refusal::Sealed);
        }
        state.lent += 1;
        let token = format!("lease-{}", state.lent);
        state.live.push(token.clone());
        Ok(token)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Copy)]
enum Refusal {
    Sealed,
    Denied,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sealed => "503 Vault is sealed",
            Self::Denied => "403 permission denied",
        })
    }
}

impl StdError for Refusal {}
