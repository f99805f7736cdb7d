//! Trouble, one after the other, as the dice say.

use std::{fmt, time::Duration};

use hallpass_testkit::{Endpoint, LinkFault, Malformed, Relay};

use crate::{
    timeline::{Harm, Timeline},
    world::{FETCH, World},
};

/// More than any run sends while one trouble lasts.
const MANY: usize = 100_000;

/// What is wrong with one of the two ways.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Link(LinkFault),
    Fails(u16),
    Malformed(Malformed),
    Hangs,
}

const KINDS: [Kind; 18] = [
    Kind::Link(LinkFault::Refused),
    Kind::Link(LinkFault::HalfOpen),
    Kind::Link(LinkFault::ResetBeforeHead),
    Kind::Link(LinkFault::ResetAfterHead),
    Kind::Link(LinkFault::ResetInBody),
    Kind::Link(LinkFault::ResetReused),
    Kind::Link(LinkFault::Latency(Duration::from_millis(400))),
    Kind::Link(LinkFault::Throttled(2048)),
    Kind::Link(LinkFault::Sliced(5)),
    Kind::Fails(429),
    Kind::Fails(500),
    Kind::Fails(503),
    Kind::Fails(504),
    Kind::Malformed(Malformed::Html),
    Kind::Malformed(Malformed::NoContent),
    Kind::Malformed(Malformed::Huge(1024 * 1024 + 1)),
    Kind::Malformed(Malformed::Truncated),
    Kind::Hangs,
];

impl Kind {
    async fn begin(self, relay: &Relay, endpoint: &Endpoint) {
        match self {
            Self::Link(fault) => relay.set(fault).await,
            Self::Fails(status) => {
                endpoint.down(status);
            }
            Self::Malformed(how) => {
                endpoint.malformed_next(MANY, how);
            }
            Self::Hangs => {
                endpoint.hang_next(MANY);
            }
        }
    }
}

impl Kind {
    /// For how long a caller of the API feels it afterwards: a silent connection until it is found
    /// out, or whoever waits for it has left; a connection that was reset until that is known.
    fn felt(self) -> Duration {
        match self {
            Self::Link(LinkFault::HalfOpen) => Duration::from_secs(9),
            Self::Link(_) => Duration::from_secs(1),
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One trouble, or several at once, from its beginning to its end.
pub(crate) async fn play(world: &mut World, timeline: &Timeline, random: &mut fastrand::Rng) {
    let length = Duration::from_millis(random.u64(200..5000));
    match random.u8(0..12) {
        0..4 => way(world, timeline, random, Harm::Tokens, length).await,
        4..7 => way(world, timeline, random, Harm::Api, length).await,
        7 => revoke(world, timeline),
        8 => {
            // Nothing takes a token away and lets nobody have another at a better time.
            revoke(world, timeline);
            way(world, timeline, random, Harm::Tokens, length).await;
        }
        9 => restart(world, timeline),
        10 => step(world, timeline, random),
        _ => lose_store(world, timeline, length).await,
    }
}

async fn way(
    world: &World,
    timeline: &Timeline,
    random: &mut fastrand::Rng,
    harm: Harm,
    length: Duration,
) {
    let kind = KINDS[random.usize(0..KINDS.len())];
    let felt = match (harm, kind) {
        (Harm::Api, kind) => kind.felt(),
        // A fetch that began meanwhile may hang to its own end.
        (_, Kind::Link(LinkFault::HalfOpen) | Kind::Hangs) => FETCH,
        _ => Duration::ZERO,
    };
    let noted = match (harm, kind) {
        (Harm::Api, Kind::Link(LinkFault::HalfOpen) | Kind::Hangs) => Harm::Silence,
        _ => harm,
    };
    let (relay, endpoint) = match harm {
        Harm::Tokens => (&world.tokens, world.server.token_endpoint()),
        _ => (&world.api, world.server.api()),
    };
    let number = timeline.begin(noted, format!("{noted:?}: {kind}"), felt);
    kind.begin(relay, endpoint).await;
    tokio::time::sleep(length).await;
    relay.heal().await;
    endpoint.reset();
    world.route();
    timeline.end(number);
}

fn revoke(world: &World, timeline: &Timeline) {
    let number = timeline.begin(Harm::Loss, "all tokens revoked".to_owned(), Duration::ZERO);
    world.server.revoke_all();
    timeline.end(number);
}

/// The server forgets its tokens, and every connection ends.
fn restart(world: &World, timeline: &Timeline) {
    let restart = timeline.begin(Harm::Restart, "restart".to_owned(), Duration::ZERO);
    revoke(world, timeline);
    world.tokens.reset_all();
    world.api.reset_all();
    timeline.end(restart);
}

/// A clock is put forward or back, or the machine slept.
fn step(world: &World, timeline: &Timeline, random: &mut fastrand::Rng) {
    let by = Duration::from_secs(random.u64(1..90));
    let how = random.u8(0..3);
    let number = timeline.begin(
        Harm::Loss,
        format!("clock step {how} by {by:?}"),
        Duration::ZERO,
    );
    match how {
        0 => world.clock.advance_wall(by),
        1 => world.clock.rewind_wall(by),
        _ => world.clock.advance(by),
    }
    timeline.end(number);
}

/// The fleets' stores forget everything, and one of them is gone for a while.
async fn lose_store(world: &mut World, timeline: &Timeline, length: Duration) {
    let number = timeline.begin(Harm::Store, "stores lost".to_owned(), Duration::ZERO);
    world.memory.clear();
    if let Some(redis) = &mut world.redis {
        redis.kill();
        tokio::time::sleep(length).await;
        redis.start_again().await;
    }
    timeline.end(number);
}
