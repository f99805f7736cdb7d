//! [`Story`]: what happened to one system, when, and whether it is true.

use std::fmt::{Display, Write as _};

use tokio::time::Instant;

/// A headline and lines under it.
pub(crate) struct Story {
    title: &'static str,
    start: Instant,
    lines: Vec<Line>,
}

struct Line {
    seconds: f64,
    what: &'static str,
    text: String,
    faults: Vec<String>,
}

/// One thing that a line says, checked; holds what is wrong with it, if anything.
pub(crate) struct Claim(Option<String>);

/// Claims that a number is the expected one.
pub(crate) fn equal<T: PartialEq + Display + Copy>(what: &str, seen: T, expected: T) -> Claim {
    Claim((seen != expected).then(|| format!("{what}: {seen} instead of {expected}")))
}

/// Claims that something is so.
pub(crate) fn holds(what: &str, is_so: bool) -> Claim {
    Claim((!is_so).then(|| format!("not so: {what}")))
}

impl Story {
    pub(crate) fn new(title: &'static str, start: Instant) -> Self {
        Self {
            title,
            start,
            lines: Vec::new(),
        }
    }

    /// Adds a line with the claims that it makes.
    pub(crate) fn tell(
        &mut self,
        what: &'static str,
        text: String,
        claims: impl IntoIterator<Item = Claim>,
    ) {
        self.lines.push(Line {
            seconds: self.start.elapsed().as_secs_f64(),
            what,
            text,
            faults: claims.into_iter().filter_map(|claim| claim.0).collect(),
        });
    }

    /// Adds a line only if one of the claims is wrong.
    pub(crate) fn check(&mut self, claims: impl IntoIterator<Item = Claim>) {
        let mut wrong = claims
            .into_iter()
            .filter(|claim| claim.0.is_some())
            .peekable();
        if wrong.peek().is_some() {
            self.tell("in the end", "the numbers don't match".to_owned(), wrong);
        }
    }

    /// What is wrong, with the line that it belongs to.
    pub(crate) fn faults(&self) -> impl Iterator<Item = String> {
        self.lines.iter().flat_map(|line| {
            line.faults
                .iter()
                .map(move |fault| format!("{}: {fault}", line.what))
        })
    }

    pub(crate) fn show(&self, style: &Style) -> String {
        let mut out = style.strong(self.title);
        for line in &self.lines {
            let time = style.faint(&format!("{:6.2} s", line.seconds));
            let _ = write!(out, "\n{time}  {:<17}  {}", line.what, line.text);
            for fault in &line.faults {
                let _ = write!(
                    out,
                    "\n{:10}{}",
                    "",
                    style.alarm(&format!("WRONG: {fault}"))
                );
            }
        }
        out
    }
}

/// Colour, on a terminal only.
pub(crate) struct Style {
    coloured: bool,
}

impl Style {
    pub(crate) fn new(terminal: bool) -> Self {
        // https://no-color.org
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            coloured: terminal && !unwanted,
        }
    }

    pub(crate) fn strong(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn alarm(&self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
