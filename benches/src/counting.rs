//! Counts what a request takes beside time.
//!
//! Allocations are counted in a process of its own, `counts` beside `compare`, because the allocator
//! that counts would slow the measured one down: `counts allocations NAME` prints `calls bytes`,
//! `counts roomy NAME` the same for requests whose header map has room. Instructions are counted by
//! callgrind, of `compare run NAME N`, which sends N requests.

use std::process::Command;

use crate::contenders::{Contender, Lap, Room};

const REQUESTS: usize = 1000;

/// What one request takes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Under callgrind.
    pub instructions: Option<f64>,
    /// Allocations and reallocations.
    pub allocs: Option<f64>,
    /// Bytes allocated.
    pub alloc_bytes: Option<f64>,
    /// Allocations where the header map has room for one more.
    pub roomy_allocs: Option<f64>,
}

/// Counts by means of the binary beside this one whose name has `counts` for `compare`.
pub fn of(name: &str) -> Counts {
    let plain = allocations("allocations", name);
    Counts {
        instructions: instructions(name),
        allocs: plain.map(|(calls, _)| calls),
        alloc_bytes: plain.map(|(_, bytes)| bytes),
        roomy_allocs: allocations("roomy", name).map(|(calls, _)| calls),
    }
}

fn allocations(how: &str, name: &str) -> Option<(f64, f64)> {
    let output = sibling()?.args([how, name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (calls, bytes) = text.trim().split_once(' ')?;
    Some((calls.parse().ok()?, bytes.parse().ok()?))
}

fn instructions(name: &str) -> Option<f64> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--collect-atstart=no",
            "--toggle-collect=*counting*measured*",
        ])
        .arg(std::env::current_exe().ok()?)
        .args(["run", name, &REQUESTS.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1))?;
    Some(collected.trim().parse::<f64>().ok()? / REQUESTS as f64)
}

/// None if this binary was renamed: it must not start itself.
fn sibling() -> Option<Command> {
    let path = std::env::current_exe().ok()?;
    let name = path.file_name()?.to_str()?;
    let other = name.replace("compare", "counts");
    (other != name).then(|| Command::new(path.with_file_name(other)))
}

/// What `counts` does. `measure` runs a function and returns its allocations and bytes.
///
/// # Errors
/// If its arguments are none of those above.
#[allow(clippy::print_stdout, reason = "the answer to the other process")]
pub fn main(
    contenders: &[Contender],
    measure: impl Fn(&mut dyn FnMut()) -> (u64, u64),
) -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (room, name) = match words[..] {
        ["allocations", name] => (Room::None, name),
        ["roomy", name] => (Room::Two, name),
        _ => return Err("allocations NAME | roomy NAME".to_owned()),
    };
    let mut counted = (0, 0);
    warm_lap(contenders, name, room)?(REQUESTS, &mut |part| counted = measure(part));
    let each = |count: u64| count as f64 / REQUESTS as f64;
    println!("{} {}", each(counted.0), each(counted.1));
    Ok(())
}

/// What `compare run NAME N` does; none if this process has other arguments.
///
/// # Errors
/// If there is no such contender, or N is no number.
pub fn run(contenders: &[Contender]) -> Option<Result<(), String>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, name, count] = &arguments[..] else {
        return None;
    };
    (verb == "run").then(|| {
        let count = count
            .parse()
            .map_err(|_| format!("{count:?} is no number"))?;
        warm_lap(contenders, name, Room::None)?(count, &mut |part| measured(part));
        Ok(())
    })
}

fn warm_lap(contenders: &[Contender], name: &str, room: Room) -> Result<Lap, String> {
    let contender = contenders
        .iter()
        .find(|contender| contender.name == name)
        .ok_or_else(|| format!("there is no contender {name:?}"))?;
    let mut lap = contender.lap(room);
    if lap(16, &mut |part| part()) {
        Ok(lap)
    } else {
        Err(format!("{name} did not answer at once"))
    }
}

/// The name that callgrind's `--toggle-collect` looks for.
#[inline(never)]
fn measured(part: &mut dyn FnMut()) {
    part();
}
