//! Counts allocations, and under callgrind instructions, of one contender's requests.
//!
//! `counts allocations NAME` prints `calls bytes` for one warm request; `counts run NAME N` sends N
//! requests, for a tool outside to count what that takes.
#![allow(clippy::print_stdout, reason = "a command-line tool")]

use hallpass_benches::contenders;

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, count) = match words[..] {
        ["allocations", name] => (name, None),
        ["run", name, count] => (name, Some(count)),
        _ => return Err("counts allocations NAME | counts run NAME N".to_owned()),
    };
    let contender = contenders::all()
        .map_err(|error| error.to_string())?
        .into_iter()
        .find(|contender| contender.name == name)
        .ok_or_else(|| format!("there is no contender {name:?}"))?;
    let mut lap = (contender.lap)();
    lap(16, &mut |part| part());
    if let Some(count) = count {
        let count = count
            .parse()
            .map_err(|_| format!("{count:?} is no number"))?;
        lap(count, &mut |part| measured(part));
        return Ok(());
    }
    let mut counted = allocation_counter::AllocationInfo::default();
    lap(1000, &mut |part| {
        counted = allocation_counter::measure(part);
    });
    let calls = counted.count_total as f64 / 1000.0;
    let bytes = counted.bytes_total as f64 / 1000.0;
    println!("{calls} {bytes}");
    Ok(())
}

/// The name that callgrind's `--toggle-collect` looks for.
#[inline(never)]
fn measured(part: &mut dyn FnMut()) {
    part();
}
