//! [`Exit`]: what a command ends with, and [`Failure`]: why it did not end well.

use std::{error::Error as StdError, fmt, io, iter, process::ExitCode};

use hallpass::Error;

/// The exit codes, for `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  done
  1  something else went wrong, such as output that can't be written
  2  the configuration or the command line is wrong
  3  the token endpoint refused for good: check client, secret and scope
  4  no token or no answer for now: unreachable, busy, or an answer that makes no sense
  5  the API said no (with `call --fail`: a status of 400 or more)";

/// What a command ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done = 0,
    Other = 1,
    Configuration = 2,
    Refused = 3,
    Unreachable = 4,
    Api = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked for, in one sentence.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// A mistake that was found before anything was sent.
    pub(crate) fn configuration(message: impl fmt::Display) -> Self {
        Self::new(Exit::Configuration, message.to_string())
    }

    /// Why no token could be had.
    pub(crate) fn of_fetch(error: &Error) -> Self {
        let exit = if error.is_permanent() {
            Exit::Refused
        } else {
            Exit::Unreachable
        };
        Self::new(exit, told(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Whoever was reading has read enough.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Done, "");
        }
        Self::new(Exit::Other, error.to_string())
    }
}

/// Why there is no token, in the words of a program that ends with this, and whose settings are no
/// Rust.
pub(crate) fn told(error: &(dyn StdError + 'static)) -> String {
    let mut message = chain(error);
    let ours = causes(error).find_map(<dyn StdError>::downcast_ref::<Error>);
    if let Some(error) = ours
        && let Some(gap) = error.retry_after()
    {
        // Nobody makes that attempt, and after a refusal for good the reader need not either.
        let seconds = gap.as_secs_f64().ceil();
        let next = format!("; next attempt in {seconds} s");
        let later = if error.is_permanent() {
            String::new()
        } else {
            format!("; try again in {seconds} s")
        };
        message = message.replace(&next, &later);
    }
    if message.contains(BASIC_RAW) {
        let setting = "client_auth = \"basic-raw\" in a profile of your own";
        message = message.replace(BASIC_RAW, &format!("try {setting}"));
    }
    message
}

/// What the library calls it.
const BASIC_RAW: &str = "try basic_raw";

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// An error and everything behind it.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = cause.to_string();
        // Some wrappers repeat what they wrap.
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}
