//! What was measured beside what is wanted.

use std::fmt::{Display, Write as _};

pub(crate) struct Row {
    name: String,
    figures: Vec<(&'static str, Figure)>,
}

pub(crate) struct Figure {
    measured: String,
    wanted: String,
    holds: bool,
}

pub(crate) fn at_most<T: Copy + PartialOrd + Display>(measured: T, most: T) -> Figure {
    Figure {
        holds: measured <= most,
        measured: format!("{measured:.2}"),
        wanted: format!("at most {most:.2}"),
    }
}

pub(crate) fn between(measured: usize, least: usize, most: usize) -> Figure {
    Figure {
        holds: (least..=most).contains(&measured),
        measured: measured.to_string(),
        wanted: format!("{least} to {most}"),
    }
}

impl Row {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            figures: Vec::new(),
        }
    }

    pub(crate) fn and(mut self, what: &'static str, figure: Figure) -> Self {
        self.figures.push((what, figure));
        self
    }

    pub(crate) fn holds(&self) -> bool {
        self.figures.iter().all(|(_, figure)| figure.holds)
    }
}

/// In Markdown.
pub(crate) fn written(rows: &[Row]) -> String {
    let mut table =
        String::from("| simulation | figure | measured | wanted | |\n|---|---|---|---|---|\n");
    for row in rows {
        for (what, figure) in &row.figures {
            let (name, verdict) = (&row.name, if figure.holds { "" } else { "**more**" });
            let (measured, wanted) = (&figure.measured, &figure.wanted);
            // Writing into a string cannot fail.
            let _ = writeln!(
                table,
                "| {name} | {what} | {measured} | {wanted} | {verdict} |"
            );
        }
    }
    table
}
