//! Half a minute of trouble, in the short form of the bench: what callers must not notice.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{thread, time::Duration};

use hallpass_benches::trouble::{Counts, Program, Tally, contenders, play, tally};

/// How often is played, until callers notice nothing.
const TRIES: usize = 3;

/// What most calls that need no token take at most where the machine leaves a play alone.
const HELD_UP: Duration = Duration::from_millis(10);

/// A machine that is quiet on the whole may hold up this many calls, whose token ends meanwhile.
const FEW: usize = 2;

const OURS: [&str; 3] = ["control", "hallpass/tower", "hallpass/reqwest"];

#[test]
fn callers_do_not_notice_what_a_token_in_hand_can_bridge() {
    let mut all_noticed = Vec::new();
    for _ in 0..TRIES {
        let tallies = play_all(&[OURS.as_slice(), &["by hand"]].concat());
        let (by_hand, ours) = tallies.split_last().unwrap();
        is_well_played(by_hand, ours);
        let noticed: Vec<_> = ours.iter().flat_map(noticed).collect();
        if noticed.is_empty() {
            return;
        }
        // Where a machine holds everybody up for seconds, tokens of 3 s end on their way. It is little
        // beside what the careless lose.
        let careless = lost(by_hand);
        for one in ours {
            assert!(4 * lost(one) < careless, "{careless} by hand; {noticed:#?}");
        }
        let slowest = tallies.iter().map(|(_, tally)| tally.machine).max();
        let most = ours.iter().map(lost).max().unwrap();
        all_noticed.push((slowest, most, noticed));
    }
    let wrong =
        |(slowest, most, _): &(Option<Duration>, usize, _)| *slowest < Some(HELD_UP) && *most > FEW;
    assert!(!all_noticed.iter().any(wrong), "{all_noticed:#?}");
    println!("the machine was too busy for callers to notice nothing: {all_noticed:#?}");
}

/// What holds however busy the machine is.
fn is_well_played(by_hand: &(&'static str, Tally), ours: &[(&'static str, Tally)]) {
    for (name, tally) in ours {
        for event in &tally.events {
            assert_eq!(event.duplicated, 0, "{name}, {}", event.name);
        }
        assert!(tally.event("bad endpoint").unwrap().bad.0 > 0);
    }
    // It is no bench if the careless lose nothing.
    let (_, tally) = by_hand;
    assert!(tally.event("all revoked").unwrap().failed > 0);
    let calls = |(_, tally): &(&str, Tally)| tally.sum(|event| event.calls);
    for one in ours {
        assert_eq!(calls(one), calls(by_hand));
    }
}

/// What callers saw of it.
fn noticed((name, tally): &(&'static str, Tally)) -> Vec<String> {
    let told = |event: &Counts| {
        // Whoever asks an endpoint that refuses everybody gets its refusal, not our error.
        let (calls, refused) = event.bad;
        let wrong = event.failed > 0 || calls != refused;
        wrong.then(|| format!("{name}, {}: {event:?}", event.name))
    };
    tally.events.iter().filter_map(told).collect()
}

fn lost((_, tally): &(&'static str, Tally)) -> usize {
    tally.sum(|event| event.failed + event.bad.0.abs_diff(event.bad.1))
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
