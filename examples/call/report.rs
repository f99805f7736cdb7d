//! What is printed: one line of JSON for each call, and the totals.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use hallpass::Stats;
use serde::Serialize;

/// What came of one call.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Line {
    pub(crate) call: usize,
    pub(crate) status: Option<u16>,
    pub(crate) ms: f64,
    pub(crate) generation: u64,
    pub(crate) waited: bool,
    pub(crate) replayed: bool,
    pub(crate) error: Option<String>,
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
pub(crate) struct Report<W> {
    out: W,
    calls: usize,
    statuses: BTreeMap<String, usize>,
    failures: usize,
}

impl<W: Write> Report<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            calls: 0,
            statuses: BTreeMap::new(),
            failures: 0,
        }
    }

    pub(crate) fn line(&mut self, line: &Line) -> io::Result<()> {
        self.calls += 1;
        self.failures += usize::from(line.error.is_some());
        if let Some(status) = line.status {
            *self.statuses.entry(status.to_string()).or_default() += 1;
        }
        write(&mut self.out, line)
    }

    pub(crate) fn totals(&mut self, stats: &Stats) -> io::Result<()> {
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

    pub(crate) fn failures(&self) -> usize {
        self.failures
    }
}

fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}
