//! Looks for a secret in all of this process's memory, which nothing may be left of.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of this"
)]

use std::{fs::File, hint::black_box, os::unix::fs::FileExt as _};

use zeroize::Zeroizing;

const STEP: usize = 4096;

/// A secret that is nowhere in memory as it is: it is kept with all of its bits turned.
pub struct Marker(Vec<u8>);

impl Marker {
    /// Of 32 letters and digits.
    pub fn random() -> Self {
        Self((0..32).map(|_| !(fastrand::alphanumeric() as u8)).collect())
    }

    /// The secret itself, in memory that is overwritten when it is dropped.
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len()));
        text.extend(self.0.iter().map(|byte| char::from(!byte)));
        text
    }

    /// Another text, such as the secret in base64, without keeping it.
    pub fn of(text: &str) -> Self {
        Self(text.bytes().map(|byte| !byte).collect())
    }

    /// How often it stands in memory that this process can write. What an allocator has put into a
    /// block that was freed may hide its first bytes, so the second half is enough.
    pub fn copies(&self) -> usize {
        let tail = &self.0[self.0.len() / 2..];
        let memory = File::open("/proc/self/mem").unwrap();
        // In small steps, so that what is read leaves no large copy of its own behind.
        let mut step = vec![0; STEP + tail.len() - 1];
        let own = step.as_ptr() as u64;
        let own = own..own + step.len() as u64;
        let mut found = 0;
        for (from, end) in writable() {
            for at in (from..end).step_by(STEP) {
                let length = usize::try_from(end - at).unwrap().min(step.len());
                let read = memory.read_at(&mut step[..length], at).unwrap_or(0);
                let is_own = |offset: usize| own.contains(&(at + offset as u64));
                // Most of it was never written.
                if step[..read] != [0; STEP + 64][..read] {
                    found += places(&step[..read], tail)
                        .filter(|one| !is_own(*one))
                        .count();
                }
            }
        }
        black_box(&mut step).fill(0);
        found
    }
}

/// Where the turned bytes begin in this piece of memory, turned back.
fn places(memory: &[u8], turned: &[u8]) -> impl Iterator<Item = usize> {
    let (first, length) = (!turned[0], turned.len());
    let mut at = 0;
    std::iter::from_fn(move || {
        while at + length <= memory.len() {
            let here = at;
            at += 1;
            if memory[here] == first
                && (1..length).all(|offset| memory[here + offset] == !turned[offset])
            {
                return Some(here);
            }
        }
        None
    })
}

/// The parts of this process's memory that it can write.
fn writable() -> Vec<(u64, u64)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let lines = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let parse = |text| u64::from_str_radix(text, 16).ok();
        rest.starts_with("rw").then_some((parse(from)?, parse(to)?))
    });
    lines.collect()
}
