//! Half a minute of trouble, in the short form of the bench: what callers must not notice.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{thread, time::Duration};

use hallpass_benches::trouble::{Program, Tally, contenders, play, tally};

/// How often is played until the machine is quiet enough to tell.
const TRIES: usize = 3;

#[test]
fn callers_do_not_notice_what_a_token_in_hand_can_bridge() {
    let tallies = tallies(&["control", "hallpass/tower", "hallpass/reqwest", "by hand"]);
    for (name, tally) in &tallies[..3] {
        for event in &tally.events {
            assert_eq!(event.duplicated, 0, "{name}, {}", event.name);
            let reason = &event.reason;
            assert_eq!(event.failed, 0, "{name}, {}: {reason:?}", event.name);
            // Whoever asks an endpoint that refuses everybody gets its refusal, not our error.
            let (calls, refused) = event.bad;
            assert_eq!(calls, refused, "{name}, {}", event.name);
        }
        assert!(tally.event("bad endpoint").unwrap().bad.0 > 0);
    }
    // It is no bench if the careless lose nothing.
    let (_, by_hand) = &tallies[3];
    assert!(by_hand.event("all revoked").unwrap().failed > 0);
    let calls = tallies
        .iter()
        .map(|(_, tally)| tally.sum(|event| event.calls));
    let calls: Vec<usize> = calls.collect();
    assert_eq!(calls, [calls[0]; 4]);
}

/// Of a play during which the machine held nobody up.
fn tallies(names: &[&str]) -> Vec<(&'static str, Tally)> {
    let plays = (0..TRIES).map(|_| play_all(names));
    let mut quiet = plays.filter(|tallies| !tallies.iter().any(|(_, tally)| tally.is_busy()));
    quiet
        .next()
        .unwrap_or_else(|| panic!("the machine is too busy to tell"))
}

fn play_all(names: &[&str]) -> Vec<(&'static str, Tally)> {
    let program = Program::short();
    let all = contenders();
    thread::scope(|scope| {
        let plays: Vec<_> = names
            .iter()
            .map(|name| {
                let contender = all.iter().find(|one| one.name() == *name).unwrap();
                let play = scope.spawn(|| tally(&play(contender, &program).unwrap()));
                // Crowds at a cold start would hold each other up.
                thread::sleep(Duration::from_secs(1));
                (contender.name(), play)
            })
            .collect();
        plays
            .into_iter()
            .map(|(name, play)| (name, play.join().unwrap()))
            .collect()
    })
}
