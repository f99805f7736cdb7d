//! The five systems: a server that behaves like each, and the client that its users would write.
//!
//! The profiles that come with Hallpass name the vendors' real addresses. Only those are replaced
//! here, by the address of the server in this process, which refuses a token request of any other
//! shape than its vendor's.

use std::time::Duration;

use hallpass::{Basic, Cached, Error, Policy, Profile};
use hallpass_testkit::{ExpiresIn, Role, Server, System};
use tokio::time::Instant;

use crate::stage::{Stage, get};

/// Long enough to stay a lifetime after any rounding, short enough to watch.
pub(crate) const LIFETIME: Duration = Duration::from_secs(4);

/// Basic at the token endpoint; the same pair on the call itself is the vendor's alternative.
pub(crate) async fn atlar(start: Instant) -> Result<Stage, Error> {
    let server = Server::builder()
        .system(System::Atlar)
        .token_lifetime(LIFETIME)
        .start()
        .await;
    let source = Profile::named("atlar")?
        .token_url(server.token_url())
        .origins([server.url()])
        .client("client", "secret")
        .build(hallpass::hyper::transport()?)?;
    let basic = Basic::new("client", "secret").origins([server.url()])?;

    let mut stage = Stage::new(
        "Atlar: bank accounts; id and secret as HTTP Basic",
        start,
        server,
        source.into(),
    )?;
    stage.fetch_once("/financial-data/v2/accounts").await;
    stage.renew_ahead(LIFETIME).await;
    stage.normal_lifetime(300);
    stage.heal("/payments/v2/credit-transfers").await;
    stage.leave_403("/financial-data/v2/transactions").await;
    stage.without_tokens(basic.into()).await?;
    Ok(stage)
}

/// Keycloak's token path. How long a token lives is read from the token too, which is a JWT.
pub(crate) async fn is2(start: Instant) -> Result<Stage, Error> {
    let server = Server::builder()
        .system(System::Is2)
        .token_lifetime(LIFETIME)
        .expires_in(ExpiresIn::Raw(3600.into()))
        .start()
        .await;
    let source = Profile::named("is2")?
        .token_url(server.token_url())
        .origins([server.url()])
        .client("client", "secret")
        .build(hallpass::hyper::transport()?)?;

    let mut stage = Stage::new(
        "IS2 Atlas: insurance; expires_in says 3600 s here, the token itself 4 s",
        start,
        server,
        source.into(),
    )?;
    stage.fetch_once("/api/v1/accountreports").await;
    stage.renew_ahead(LIFETIME).await;
    stage.normal_lifetime(3600);
    stage.heal("/api/v1/claims").await;
    stage.leave_403("/forbidden").await;
    Ok(stage)
}

/// Keycloak's token path again, but with id and secret in the form.
pub(crate) async fn ataccama(start: Instant) -> Result<Stage, Error> {
    let server = Server::builder()
        .system(System::Ataccama)
        .token_lifetime(LIFETIME)
        .start()
        .await;
    let source = Profile::named("ataccama")?
        .token_url(server.token_url())
        .origins([server.url()])
        .client("client", "secret")
        .build(hallpass::hyper::transport()?)?;

    let mut stage = Stage::new(
        "Ataccama ONE: data quality; id and secret go in the form",
        start,
        server,
        source.into(),
    )?;
    stage.fetch_once("/api/reference-data/v1/tables").await;
    stage.renew_ahead(LIFETIME).await;
    stage.normal_lifetime(300);
    stage.heal("/api/reference-data/v1/records").await;
    stage.leave_403("/forbidden").await;
    Ok(stage)
}

/// One client for each role, a token endpoint that limits its rate, and no answer without a
/// User-Agent, which the profile adds.
pub(crate) async fn atomic(start: Instant) -> Result<Stage, Error> {
    let server = Server::builder()
        .system(System::Atomic)
        .token_lifetime(LIFETIME)
        .client_with_role("auth-id", "auth-secret", Role::Auth)
        .client_with_role("workbench-id", "workbench-secret", Role::Workbench)
        .client_with_role("events-id", "events-secret", Role::Events)
        .start()
        .await;
    let transport = hallpass::hyper::transport()?;
    let profile = Profile::named("atomic")?
        .token_url(server.token_url())
        .origins([server.url()]);
    let role = |id, secret| profile.client(id, secret).build(transport.clone());
    // Renewing from half of the life on leaves time for a rate limit to pass.
    let mut early = Policy::default();
    early.renewal_share = 0.5;
    let events = Cached::builder(role("events-id", "events-secret")?)
        .policy(early)
        .build();
    let auth = Cached::new(role("auth-id", "auth-secret")?);
    let workbench = Cached::new(role("workbench-id", "workbench-secret")?);

    let mut stage = Stage::new(
        "Atomic: in-app cards; a client for each role, parameters in the query",
        start,
        server,
        events,
    )?;
    stage.fetch_once("/v1/1/cards").await;
    stage
        .other_roles([
            ("auth", auth, get("/v1/environments")),
            ("workbench", workbench, get("/v1/1/sns-platforms")),
        ])
        .await?;
    stage.refuse_renewal(LIFETIME).await;
    stage.renew_ahead(LIFETIME).await;
    stage.normal_lifetime(3600);
    stage.heal("/v1/1/cards").await;
    stage.leave_403("/v1/environments").await;
    stage.user_agent("hallpass");
    Ok(stage)
}

/// Client ids are self-chosen, so they may hold what HTTP Basic alone can't carry.
pub(crate) async fn oauth_v2(start: Instant) -> Result<Stage, Error> {
    let (id, secret) = ("münchen:kasse 1", "p+q&r%:ß");
    let server = Server::builder()
        .system(System::Unnamed)
        .token_lifetime(LIFETIME)
        .client(id, secret)
        .start()
        .await;
    let source = Profile::named("oauth-v2")?
        .var("base_url", server.url())
        .origins([server.url()])
        .client(id, secret)
        .build(hallpass::hyper::transport()?)?;

    let mut stage = Stage::new(
        "The one at /oauth/v2/token: the client calls itself \"münchen:kasse 1\"",
        start,
        server,
        source.into(),
    )?;
    stage.fetch_once("/v2/accounts").await;
    stage.renew_ahead(LIFETIME).await;
    stage.normal_lifetime(3600);
    stage.heal("/v2/payments").await;
    stage.leave_403("/forbidden").await;
    Ok(stage)
}
