//! What stands in `fuzz/seeds`, and a few hundred changes of each, by chance that is always the same.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "clippy sees tests in functions marked as such, and not in those that help them"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use hallpass_fuzzed::{TARGETS, Target, answers_of, profile_count};

/// How many changes of each seed are tried.
const CHANGES: usize = 250;

/// Each is a template in six places.
const CHANGES_OF_TEMPLATES: usize = 50;

/// A program is started for each.
const CHANGES_OF_EXEC: usize = 10;

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds")
}

/// Every seed of a target, with its name, in the order of their names.
fn seeds_of(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<_> = fs::read_dir(seeds().join(target))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    assert!(seeds.len() >= 8, "{target}");
    seeds
}

/// What parsers look for.
const WORDS: [&str; 24] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    "=",
    ":",
    "\n",
    "null",
    "true",
    "-1",
    "1e400",
    "18446744073709551615",
    "0001-01-01T00:00:00Z",
    "Zq9",
    "\u{0}",
    "\u{1f600}",
    "%",
    "{client_secret}",
    "{base64(",
];

fn change(rng: &mut Rng, seed: &[u8], others: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(1..12)).min(bytes.len());
        match rng.u32(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.u32(0..8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].repeat(rng.usize(1..20));
                bytes.splice(at..at, piece);
            }
            3 => {
                let other = &others[rng.usize(..others.len())].1;
                let from = rng.usize(..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {
                let word = WORDS[rng.usize(..WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
        }
    }
    bytes
}

/// Says which input it was, if a promise is broken.
struct Input<'a>(&'a str, &'a str, &'a [u8]);

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(target, seed, bytes) = self;
            println!(
                "{target}, from {seed}: {:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}

fn play(name: &str, target: Target, changes: usize) {
    let seeds = seeds_of(name);
    let mut rng = Rng::with_seed(16);
    for (seed, bytes) in &seeds {
        let given = |bytes: &[u8]| {
            let _input = Input(name, seed, bytes);
            target(bytes);
        };
        given(bytes);
        for _ in 0..changes {
            given(&change(&mut rng, bytes, &seeds));
        }
    }
}

macro_rules! targets {
    ($($name:ident: $changes:expr,)+) => {
        $(
            #[test]
            fn $name() {
                let name = stringify!($name);
                let (_, target) = TARGETS.iter().find(|(one, _)| *one == name).unwrap();
                play(name, *target, $changes);
            }
        )+

        const TESTED: &[&str] = &[$(stringify!($name)),+];
    };
}

targets! {
    answers: CHANGES,
    challenges: CHANGES,
    clients: CHANGES,
    entries: CHANGES,
    exec: CHANGES_OF_EXEC,
    jwt: CHANGES,
    profiles: CHANGES,
    retry_after: CHANGES,
    templates: CHANGES_OF_TEMPLATES,
}

#[test]
fn every_target_is_tested() {
    let targets: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(targets, TESTED);
}

#[test]
fn every_answer_goes_through_every_profile() {
    for (seed, bytes) in seeds_of("answers") {
        for profile in 0..profile_count() {
            let _input = Input("answers", &seed, &bytes);
            answers_of(profile, &bytes[1..]);
        }
    }
}
