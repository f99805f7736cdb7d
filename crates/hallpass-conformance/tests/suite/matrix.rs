//! The matrix of adapters and cases, as the README has it.

use std::fmt::Write as _;

use hallpass_conformance::Notes;

use crate::case::{Case, Differs};

/// How a case went with one adapter.
pub(crate) enum Cell {
    Same,
    Differs(&'static str),
    NotApplicable(&'static str),
}

impl Cell {
    pub(crate) fn of(case: &Case, adapter: &str) -> Self {
        let differs = case.differs.iter().find(|(name, _)| *name == adapter);
        match differs.map(|(_, differs)| differs) {
            None => Self::Same,
            Some(Differs::Expects(_, why)) => Self::Differs(why),
            Some(Differs::NotApplicable(why)) => Self::NotApplicable(why),
        }
    }
}

pub(crate) fn markdown(table: &[(&'static str, Vec<Case>)], adapters: &[&str]) -> String {
    let mut notes = Notes::default();
    let mut text = String::new();
    for (subject, cases) in table {
        writeln!(text, "| {subject} | {} |", adapters.join(" | ")).unwrap();
        writeln!(text, "|---|{}", "---|".repeat(adapters.len())).unwrap();
        for case in cases {
            let cells: Vec<_> = adapters
                .iter()
                .map(|adapter| match Cell::of(case, adapter) {
                    Cell::Same => "ok".to_owned(),
                    Cell::Differs(why) => format!("ok, differs ({})", notes.number(why)),
                    Cell::NotApplicable(why) => format!("– ({})", notes.number(why)),
                })
                .collect();
            writeln!(text, "| {} | {} |", case.name, cells.join(" | ")).unwrap();
        }
        text.push('\n');
    }
    text + &notes.to_string()
}
