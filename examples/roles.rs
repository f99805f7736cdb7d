//! One credential for each role: the keys of an API like Atomic's, whose clients each have one.
//!
//! ```text
//! cargo run --example roles
//! ```
//!
//! The API and its token endpoint are played in this process. Against the real one, leave out
//! `token_url` and `origins`, which only lead there, and give the profile its variables.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error as StdError;

use bytes::Bytes;
use hallpass::{BearerLayer, Keyed, Profile, hyper::Client, tower::ReplayBody};
use hallpass_testkit::{Server, System};
use http::{Request, StatusCode};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _};

/// What a request is for. It stands among the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    Auth,
    Workbench,
    Events,
}

impl Role {
    const ALL: [Self; 3] = [Self::Auth, Self::Workbench, Self::Events];

    /// In a program of yours they come from its configuration; see `Secret::env`.
    const fn client(self) -> (&'static str, &'static str) {
        match self {
            Self::Auth => ("auth-client", "auth-secret"),
            Self::Workbench => ("workbench-client", "workbench-secret"),
            Self::Events => ("events-client", "events-secret"),
        }
    }
}

type Body = Full<Bytes>;
type Service = hallpass::BearerService<Client<ReplayBody<Body>>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let server = Server::builder().system(System::Atomic).start().await;

    let atomic = Profile::named("atomic")?
        .token_url(server.token_url())
        .origins([server.url()]);
    let transport = hallpass::hyper::transport()?;
    let roles = Keyed::new(move |role: &Role| {
        let (id, secret) = role.client();
        atomic.client(id, secret).build(transport.clone())
    });
    let layer = BearerLayer::keyed(roles.clone());
    let client = layer.layer(hallpass::hyper::client()?);

    println!("all roles' tokens before the first call");
    if let Err(failed) = roles.warm(Role::ALL).await {
        return Err(format!("{failed:?}").into());
    }
    for (role, path, expected) in [
        (Role::Events, "/v1/1/cards", 200),
        (Role::Workbench, "/v1/1/sns-platforms", 200),
        (Role::Auth, "/v1/environments", 200),
        // The role is what the credential may do; asking again would not help.
        (Role::Events, "/v1/environments", 403),
    ] {
        call(&client, &server, Some(role), path, expected).await?;
    }

    println!("one role's tokens are revoked: its call is sent again, the others notice nothing");
    let cached = roles.get(&Role::Events)?;
    let revoked = cached.get().await?;
    server.revoke(revoked.token().unwrap_or_default());
    call(&client, &server, Some(Role::Events), "/v1/1/cards", 200).await?;
    call(&client, &server, Some(Role::Auth), "/v1/environments", 200).await?;

    println!("a call without a role is not sent");
    let before = server.journal().api_requests();
    let request = Request::get(format!("{}/v1/1/cards", server.url())).body(Body::default())?;
    let Err(hallpass::tower::Error::Credential(error)) = client.oneshot(request).await else {
        return Err("it was sent".into());
    };
    println!("    {error}");
    assert!(error.is_unknown_key());
    assert_eq!(server.journal().api_requests(), before);

    let stats = roles.stats();
    println!(
        "ok: {} roles, {} token requests, {} request replayed, 0 failed",
        stats.entries,
        server.journal().token_requests(),
        stats.replays
    );
    Ok(())
}

async fn call(
    client: &Service,
    server: &Server,
    role: Option<Role>,
    path: &str,
    expected: u16,
) -> Result<(), Box<dyn StdError>> {
    let mut request = Request::get(format!("{}{path}", server.url())).body(Body::default())?;
    if let Some(role) = role {
        request.extensions_mut().insert(role);
    }
    let status = client.clone().oneshot(request).await?.status();
    println!("    {role:?} {path}: {status}");
    if status != StatusCode::from_u16(expected)? {
        return Err(format!("expected {expected}").into());
    }
    Ok(())
}
