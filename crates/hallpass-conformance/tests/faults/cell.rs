//! [`Cell`]: one row with one adapter, as it went.

use std::time::Duration;

use crate::{
    api_leg,
    callers::{Saw, Stack},
    row::{Expects, Leg, Row, count, words},
    token_leg,
};

/// More than any cell takes.
const LONG: Duration = Duration::from_secs(120);

pub(crate) enum Cell {
    NotApplicable,
    Played(Played),
    /// It could not be played to its end.
    Stuck(String),
}

pub(crate) struct Played {
    pub(crate) saw: Saw,
    /// What the error said.
    pub(crate) text: String,
    pub(crate) requests: usize,
    /// From the fault's end until a call went well.
    pub(crate) back: Duration,
    /// What was not as it must be.
    pub(crate) wrong: Vec<String>,
}

impl Cell {
    pub(crate) async fn play(row: &Row, stack: Stack) -> Self {
        let Some(expects) = row.of(stack).0 else {
            return Self::NotApplicable;
        };
        let playing = async {
            match row.leg {
                Leg::Api => api_leg::play(row, stack).await,
                Leg::Token => token_leg::play(row, stack).await,
            }
        };
        match tokio::time::timeout(LONG, playing).await {
            Ok(Ok(mut played)) => {
                played.judge(expects);
                for wrong in &mut played.wrong {
                    *wrong = format!("{}: {wrong}", stack.name());
                }
                Self::Played(played)
            }
            Ok(Err(found)) => Self::Stuck(format!("{}: {found}", stack.name())),
            Err(_) => Self::Stuck(format!("{}: no end within {LONG:?}", stack.name())),
        }
    }

    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::Played(played) if !played.wrong.is_empty() => Some(played.wrong.join("; ")),
            Self::Stuck(found) => Some(found.clone()),
            _ => None,
        }
    }
}

impl Played {
    fn judge(&mut self, expects: &Expects) {
        if !expects.saw.fits(self.saw) {
            let (saw, expected) = (words(self.saw), expects.saw.words());
            let text = &self.text;
            self.wrong
                .push(format!("the caller saw {saw:?}, not {expected:?}: {text}"));
        }
        if !expects.requests.contains(&self.requests) {
            let (seen, expected) = (self.requests, count(&expects.requests));
            self.wrong.push(format!("{seen} requests, not {expected}"));
        }
    }
}
