//! The comparison's table: printed, as JSON, as Markdown, as a plot.

use serde_json::{Value, json};

use crate::{counting::Counts, plot, rounds::Taken};

/// What the columns need to be read right.
pub const LEGEND: &str = "\
Every row sends the same request: POST, an absolute URI, six headers, a token of 900 characters.
ns: the median of interleaved laps; over noop: less what the bare inner service takes.
allocs: a seventh header makes http's header map grow (2 allocations, 1312 bytes). Whoever inserts
one pays that, tower-http/static too; roomy: allocations where the map has room for it.";

/// One contender on so many threads.
#[derive(Debug, Clone)]
pub struct Row {
    /// The contender.
    pub name: String,
    /// How many sent at once.
    pub threads: usize,
    /// What it took, and what of that is the credential's; or why it could not be measured.
    pub taken: Result<(Taken, f64), String>,
    /// What it takes beside time.
    pub counts: Counts,
}

impl Row {
    /// Nanoseconds over the bare inner service.
    pub fn over_noop(&self) -> Option<f64> {
        self.taken.as_ref().ok().map(|(_, over)| *over)
    }

    fn cells(&self) -> Result<[String; 9], &str> {
        let (taken, over) = self.taken.as_ref().map_err(String::as_str)?;
        let whole =
            |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
        let counts = self.counts;
        Ok([
            self.name.clone(),
            self.threads.to_string(),
            format!("{:.1}", taken.ns),
            format!("{over:.1}"),
            whole(counts.instructions),
            whole(counts.allocs),
            whole(counts.alloc_bytes),
            whole(counts.roomy_allocs),
            format!("{:.0} %", taken.counted * 100.0),
        ])
    }
}

const HEADS: [&str; 9] = [
    "name",
    "threads",
    "ns",
    "over noop, ns",
    "instructions",
    "allocs",
    "alloc bytes",
    "roomy",
    "laps counted",
];

/// Prints it for a terminal.
#[allow(clippy::print_stdout, reason = "for command-line tools")]
pub fn print(rows: &[Row]) {
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(HEADS).skip(1).map(|(cell, head)| {
            let width = head.len().max(7);
            format!("  {cell:>width$}")
        });
        println!("{:<28}{}", cells[0], padded.collect::<String>());
    };
    line(&HEADS.map(str::to_owned));
    for row in rows {
        match row.cells() {
            Ok(cells) => line(&cells),
            Err(why) => println!("{:<28}  {:>7}  {why}", row.name, row.threads),
        }
    }
    println!("\n{LEGEND}");
}

/// Rows for other programs.
pub fn json(rows: &[Row]) -> Value {
    rows.iter()
        .map(|row| {
            let mut value = json!({
                "name": row.name,
                "threads": row.threads,
                "ns": row.taken.as_ref().ok().map(|(taken, _)| taken.ns),
                "over_noop_ns": row.over_noop(),
                "instructions": row.counts.instructions,
                "allocs": row.counts.allocs,
                "alloc_bytes": row.counts.alloc_bytes,
            });
            if let Err(why) = &row.taken {
                value["missing"] = json!(why);
            }
            value
        })
        .collect()
}

/// A page: the machine, the table, and lines below it.
pub fn markdown(title: &str, machine: &str, rows: &[Row], below: &[String]) -> String {
    let rule = HEADS.map(|head| if head == HEADS[0] { "---" } else { "---:" });
    let head = [
        format!("# {title}\n\n{machine}\n"),
        format!("| {} |", HEADS.join(" | ")),
        format!("|{}|", rule.join("|")),
    ];
    let body = rows.iter().map(|row| match row.cells() {
        Ok(cells) => format!("| {} |", cells.join(" | ")),
        Err(why) => format!(
            "| {} | {} | {why} |{}",
            row.name,
            row.threads,
            " |".repeat(6)
        ),
    });
    let legend = format!("\n{}\n", LEGEND.replace('\n', " "));
    let below = below.iter().map(|line| format!("- {line}"));
    let lines: Vec<String> = head
        .into_iter()
        .chain(body)
        .chain([legend])
        .chain(below)
        .collect();
    lines.join("\n") + "\n"
}

/// Those who have another bare client than `noop`, and which.
pub const OVER_BARE: [(&str, &str); 3] = [
    ("hallpass/reqwest", "reqwest-middleware/bare"),
    ("hallpass/reqwest-header", "reqwest-middleware/bare"),
    ("aliri", "reqwest-middleware-0.4/bare"),
];

/// The row of a contender on so many threads.
pub fn row<'a>(rows: &'a [Row], name: &str, threads: usize) -> Option<&'a Row> {
    rows.iter()
        .find(|row| row.name == name && row.threads == threads)
}

/// What one takes over its own bare client.
pub fn over_bare(rows: &[Row], name: &str, threads: usize) -> Option<f64> {
    let other = OVER_BARE.iter().find(|(one, _)| *one == name);
    let bare = other.map_or("noop", |(_, bare)| bare);
    Some(row(rows, name, threads)?.over_noop()? - row(rows, bare, threads)?.over_noop()?)
}

/// Draws what each takes over its own bare client, on one thread and on two.
///
/// # Errors
/// If the file can't be written.
pub fn svg(file: &str, machine: &str, rows: &[Row]) -> Result<(), String> {
    let bars: Vec<(String, [f64; 2])> = rows
        .iter()
        .filter(|row| row.threads == 1 && row.name != "noop" && !row.name.ends_with("/bare"))
        .filter_map(|row| {
            let over = |threads| over_bare(rows, &row.name, threads);
            Some((row.name.clone(), [over(1)?.max(0.0), over(2)?.max(0.0)]))
        })
        .collect();
    let title = "what a credential adds to a request, in nanoseconds (dark: 1 thread, light: 2)";
    plot::bars(file, title, machine, &bars)
}
