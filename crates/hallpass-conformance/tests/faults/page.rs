//! The tables: as they must be, for the page, and as they were, with times.

use std::fmt::Write as _;

use hallpass_conformance::Notes;

use crate::{
    callers::Stack,
    cell::Cell,
    row::{Leg, Row, count, words},
};

const LEGS: [(Leg, &str); 2] = [
    (Leg::Token, "On the way to the token endpoint"),
    (Leg::Api, "On the way to the API"),
];

/// From the rows alone, and so the same each time.
pub(crate) fn expected(rows: &[&Row]) -> String {
    let mut notes = Notes::default();
    let mut text = String::new();
    for (leg, title) in LEGS {
        head(&mut text, title, None);
        for row in rows.iter().filter(|row| row.leg == leg) {
            let cells = Stack::ALL.map(|stack| {
                let (expects, why) = row.of(stack);
                let cell = expects.map_or("–".to_owned(), |expects| {
                    format!("{}, {}", expects.saw.words(), count(&expects.requests))
                });
                match why {
                    Some(why) => format!("{cell} ({})", notes.number(why)),
                    None => cell,
                }
            });
            line(&mut text, row.name, &cells);
        }
        text.push('\n');
    }
    text + &notes.to_string()
}

/// As it went; five cells of a row follow each other.
pub(crate) fn seen(cells: &[(&Row, &Cell)]) -> String {
    let mut text = String::new();
    for (leg, title) in LEGS {
        head(&mut text, title, Some("back after"));
        for row in cells.chunks(Stack::ALL.len()) {
            let [(first, _), ..] = row else { continue };
            if first.leg != leg {
                continue;
            }
            let mut slowest = std::time::Duration::ZERO;
            let shown: Vec<_> = row
                .iter()
                .map(|(_, cell)| match cell {
                    Cell::NotApplicable => "–".to_owned(),
                    Cell::Stuck(_) => "**stuck**".to_owned(),
                    Cell::Played(played) => {
                        slowest = slowest.max(played.back);
                        let mark = if played.wrong.is_empty() { "" } else { "**" };
                        let saw = words(played.saw);
                        format!("{mark}{saw}, {}{mark}", played.requests)
                    }
                })
                .collect();
            let back = format!("{:.2} s", slowest.as_secs_f64());
            let shown = [shown, vec![back]].concat();
            line(&mut text, first.name, &shown);
        }
        text.push('\n');
    }
    text
}

fn head(text: &mut String, title: &str, last: Option<&str>) {
    let names = Stack::ALL.map(Stack::name);
    let names: Vec<_> = names.into_iter().chain(last).collect();
    writeln!(text, "| {title} | {} |", names.join(" | ")).unwrap();
    writeln!(text, "|---|{}", "---|".repeat(names.len())).unwrap();
}

fn line(text: &mut String, name: &str, cells: &[String]) {
    writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
}
