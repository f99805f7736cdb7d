//! [`Row`]: one fault on one leg, and what must come of it.

use std::ops::RangeInclusive;

use crate::{
    callers::{Saw, Stack},
    fault::Fault,
};

/// Which way is in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    Token,
    Api,
}

#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) leg: Leg,
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    expects: Expects,
    /// Where an adapter legitimately shows something else, and why.
    differs: Vec<(&'static [Stack], Option<Expects>, &'static str)>,
    pub(crate) is_slow: bool,
}

/// What must be observed while the fault lasts.
#[derive(Debug, Clone)]
pub(crate) struct Expects {
    pub(crate) saw: Sees,
    /// At the server, of the kind that the leg carries.
    pub(crate) requests: RangeInclusive<usize>,
}

/// What a caller must see, in words that hold for HTTP and gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    /// 200, or gRPC's OK.
    Ok,
    /// Just this; what gRPC makes of an HTTP status is its code.
    Just(Saw),
}

pub(crate) const TONIC: &[Stack] = &[Stack::Tonic];

pub(crate) const CODE: &str = "a gRPC caller sees a code";

impl Row {
    pub(crate) fn new(
        leg: Leg,
        name: &'static str,
        fault: Fault,
        saw: Sees,
        requests: RangeInclusive<usize>,
    ) -> Self {
        Self {
            leg,
            name,
            fault,
            expects: Expects { saw, requests },
            differs: Vec::new(),
            is_slow: false,
        }
    }

    pub(crate) fn differs(
        mut self,
        stacks: &'static [Stack],
        saw: Sees,
        requests: RangeInclusive<usize>,
        why: &'static str,
    ) -> Self {
        let expects = Expects { saw, requests };
        self.differs.push((stacks, Some(expects), why));
        self
    }

    /// Sees a code where others see an error or an answer.
    pub(crate) fn code(self, code: Sees, requests: RangeInclusive<usize>) -> Self {
        self.differs(TONIC, code, requests, CODE)
    }

    pub(crate) fn not_applicable(mut self, stacks: &'static [Stack], why: &'static str) -> Self {
        self.differs.push((stacks, None, why));
        self
    }

    pub(crate) fn slow(mut self) -> Self {
        self.is_slow = true;
        self
    }

    pub(crate) fn title(&self) -> String {
        let leg = match self.leg {
            Leg::Token => "token leg",
            Leg::Api => "API leg",
        };
        format!("{leg}, {}", self.name)
    }

    /// What it expects of an adapter, if the row applies, and why that is special, if it is.
    pub(crate) fn of(&self, stack: Stack) -> (Option<&Expects>, Option<&'static str>) {
        let differs = self.differs.iter().find(|(who, ..)| who.contains(&stack));
        match differs {
            Some((_, expects, why)) => (expects.as_ref(), Some(why)),
            None => (Some(&self.expects), None),
        }
    }
}

impl Sees {
    pub(crate) fn fits(self, saw: Saw) -> bool {
        match self {
            Self::Ok => saw.is_ok(),
            Self::Just(expected) => saw == expected,
        }
    }

    pub(crate) fn words(self) -> String {
        match self {
            Self::Ok => "ok".to_owned(),
            Self::Just(saw) => words(saw),
        }
    }
}

pub(crate) fn words(saw: Saw) -> String {
    match saw {
        Saw::Status(status) => status.to_string(),
        Saw::Code(code) => format!("{code:?}"),
        Saw::Broken => "broken off".to_owned(),
        Saw::NoToken => "no token".to_owned(),
        Saw::Refused => "refused".to_owned(),
        Saw::NoConnection => "no connection".to_owned(),
        Saw::Lost => "lost".to_owned(),
        Saw::Late => "late".to_owned(),
    }
}

pub(crate) fn count(range: &RangeInclusive<usize>) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else {
        format!("{}–{}", range.start(), range.end())
    }
}
