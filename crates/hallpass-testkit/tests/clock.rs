//! Clocks that stand where they are put.

use std::time::Duration;

use hallpass_core::{Cached, Clock as _};
use hallpass_testkit::{ManualClock, ScriptedSource};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn both_clocks_stand_still_until_one_or_both_are_moved() {
    let clock = ManualClock::new();
    let start = clock.now();
    let clone = clock.clone();
    assert_eq!(clone.now(), start);

    clone.advance(MINUTE);
    assert_eq!(clock.now(), start.plus(MINUTE));

    clone.advance_wall(SECOND);
    let now = clock.now();
    assert_eq!(now.monotonic, start.monotonic + MINUTE);
    assert_eq!(now.wall, start.wall + MINUTE + SECOND);

    clone.advance_monotonic(SECOND);
    clone.rewind_wall(MINUTE);
    let now = clock.now();
    assert_eq!(now.monotonic, start.monotonic + MINUTE + SECOND);
    assert_eq!(now.wall, start.wall + SECOND);

    clone.set_wall(MINUTE);
    assert_eq!(clock.now().wall, MINUTE);
    clone.set(SECOND, SECOND);
    assert_eq!((clock.now().monotonic, clock.now().wall), (SECOND, SECOND));
    clone.rewind_wall(MINUTE);
    assert_eq!(clock.now().wall, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_running_clock_goes_with_tokio_s() {
    let clock = ManualClock::running();
    let start = clock.now();
    tokio::time::advance(MINUTE).await;
    assert_eq!(clock.now(), start.plus(MINUTE));
    clock.advance(SECOND);
    assert_eq!(clock.clone().now(), start.plus(MINUTE + SECOND));
    clock.set_wall(MINUTE);
    tokio::time::advance(SECOND).await;
    assert_eq!(clock.now().wall, MINUTE + SECOND);
}

#[tokio::test]
async fn a_credential_ends_by_either_clock_without_paused_time() {
    for moves in [ManualClock::advance_monotonic, ManualClock::advance_wall] {
        let clock = ManualClock::new();
        let source = ScriptedSource::tokens(5 * MINUTE);
        let builder = Cached::builder(source.clone());
        let cached = builder.clock(clock.clone()).build();
        assert_eq!(cached.get().await.expect("a credential").generation(), 1);
        moves(&clock, MINUTE);
        assert_eq!(cached.get().await.expect("a credential").generation(), 1);
        moves(&clock, 5 * MINUTE);
        assert_eq!(cached.get().await.expect("a credential").generation(), 2);
        assert_eq!(source.fetches(), 2);
    }
}
