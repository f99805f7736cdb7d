//! What `--json` prints: a line for each call, and the totals.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use hallpass::Stats;
use serde::Serialize;

/// What came of one call.
#[derive(Debug, Default, Serialize)]
pub(super) struct Line {
    pub(super) call: u64,
    pub(super) status: Option<u16>,
    pub(super) ms: f64,
    pub(super) generation: u64,
    pub(super) waited: bool,
    pub(super) replayed: bool,
    pub(super) error: Option<String>,
}

#[derive(Serialize)]
struct Totals<'a> {
    calls: usize,
    statuses: &'a BTreeMap<String, usize>,
    token_requests: u64,
    rejections: u64,
    waits: u64,
    replays: u64,
    failures: usize,
}

/// Prints lines and keeps the count.
pub(super) struct Report<W> {
    out: W,
    calls: usize,
    statuses: BTreeMap<String, usize>,
    failures: usize,
}

impl<W: Write> Report<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            calls: 0,
            statuses: BTreeMap::new(),
            failures: 0,
        }
    }

    pub(super) fn line(&mut self, line: &Line) -> io::Result<()> {
        self.calls += 1;
        self.failures += usize::from(line.error.is_some());
        if let Some(status) = line.status {
            *self.statuses.entry(status.to_string()).or_default() += 1;
        }
        write(&mut self.out, line)
    }

    pub(super) fn totals(&mut self, stats: &Stats) -> io::Result<()> {
        let totals = Totals {
            calls: self.calls,
            statuses: &self.statuses,
            token_requests: stats.fetches,
            rejections: stats.rejections,
            waits: stats.waits,
            replays: stats.replays,
            failures: self.failures,
        };
        write(&mut self.out, &totals)
    }
}

fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}
