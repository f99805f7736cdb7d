//! [`Journal`]: what the engine did for one caller of late, to be read when a call has no excuse.

use std::{collections::VecDeque, fmt::Write as _, sync::Mutex};

use hallpass_core::observe::{Event, Observer};
use tokio::time::Instant;

use crate::timeline::Timeline;

/// So many events are kept.
const KEPT: usize = 40;

#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<VecDeque<(Instant, String)>>);

impl Journal {
    /// The events, oldest first, a line each.
    pub(crate) fn read(&self, timeline: &Timeline) -> String {
        let events = self.0.lock().unwrap();
        events.iter().fold(String::new(), |mut text, (when, what)| {
            let _ = writeln!(text, "    {:.2} {what}", timeline.at(*when));
            text
        })
    }
}

impl Observer for Journal {
    fn observe(&self, _source: &str, event: &Event<'_>) {
        let what = match event {
            Event::Fetched {
                reason,
                duration,
                error,
                ..
            } => match error {
                Some(error) => format!("fetched ({reason:?}) for {duration:.2?}: {error}"),
                None => format!("fetched ({reason:?}) for {duration:.2?}"),
            },
            Event::Rejected { .. } => "rejected".to_owned(),
            Event::Replayed { cause, .. } => format!("replayed ({})", cause.name()),
            // There may be any number of them.
            _ => return,
        };
        let mut events = self.0.lock().unwrap();
        if events.len() >= KEPT {
            events.pop_front();
        }
        events.push_back((Instant::now(), what));
    }
}
