//! The project's plots, as SVG.

use plotters::prelude::*;

const COLOURS: [RGBColor; 6] = [
    RGBColor(150, 150, 150),
    RGBColor(31, 119, 180),
    RGBColor(200, 160, 120),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
];

/// Lines over seconds, on a logarithmic scale.
///
/// # Errors
/// If the file can't be written.
pub fn lines(file: &str, title: &str, series: &[(String, Vec<u64>)]) -> Result<(), String> {
    draw_lines(file, title, series).map_err(|error| format!("{file}: {error}"))
}

fn draw_lines(
    file: &str,
    title: &str,
    series: &[(String, Vec<u64>)],
) -> Result<(), Box<dyn std::error::Error>> {
    let length = series
        .iter()
        .map(|(_, values)| values.len())
        .max()
        .unwrap_or(1);
    let highest = series
        .iter()
        .flat_map(|(_, values)| values)
        .copied()
        .max()
        .unwrap_or(1);
    let root = SVGBackend::new(file, (900, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0..length, (0.5..highest as f64 * 2.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .light_line_style(TRANSPARENT)
        .draw()?;
    for ((name, values), colour) in series.iter().zip(COLOURS.iter().cycle()) {
        // Zero has no place on a logarithmic scale; it lies on the axis.
        // Points within a level stretch would only make the file large.
        let mid = |at: usize| {
            at > 0 && values[at - 1] == values[at] && values.get(at + 1) == Some(&values[at])
        };
        let points = values
            .iter()
            .enumerate()
            .filter(|(at, _)| !mid(*at))
            .map(|(at, value)| (at, (*value as f64).max(0.5)));
        chart
            .draw_series(LineSeries::new(points, colour))?
            .label(name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], *colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperMiddle)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}

/// Horizontal bars, a dark and a light one for each name, in nanoseconds.
///
/// # Errors
/// If the file can't be written.
pub fn bars(
    file: &str,
    title: &str,
    below: &str,
    rows: &[(String, [f64; 2])],
) -> Result<(), String> {
    draw_bars(file, title, below, rows).map_err(|error| format!("{file}: {error}"))
}

fn draw_bars(
    file: &str,
    title: &str,
    below: &str,
    rows: &[(String, [f64; 2])],
) -> Result<(), Box<dyn std::error::Error>> {
    const ROW: i32 = 34;
    let height = 84 + ROW * i32::try_from(rows.len())?;
    let values = rows.iter().flat_map(|(_, values)| values);
    let longest = values.copied().fold(1.0, f64::max);
    let root = SVGBackend::new(file, (900, u32::try_from(height)?)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(title, (12, 12), ("sans-serif", 18)))?;
    root.draw(&Text::new(
        below.to_owned(),
        (12, height - 24),
        ("sans-serif", 12),
    ))?;
    for (at, (name, values)) in rows.iter().enumerate() {
        let top = 44 + ROW * i32::try_from(at)?;
        let ours = name.starts_with("hallpass");
        let colour = COLOURS[usize::from(ours)];
        root.draw(&Text::new(name.clone(), (12, top + 6), ("sans-serif", 14)))?;
        for (value, (y, strength)) in values.iter().zip([(top, 1.0), (top + 13, 0.5)]) {
            let end = 180 + (value / longest * 640.0) as i32;
            root.draw(&Rectangle::new(
                [(180, y), (end.max(181), y + 12)],
                colour.mix(strength).filled(),
            ))?;
            root.draw(&Text::new(
                format!("{value:.0}"),
                (end + 6, y),
                ("sans-serif", 12),
            ))?;
        }
    }
    root.present()?;
    Ok(())
}

/// A stretch of time with a name.
#[derive(Debug, Clone, Copy)]
pub struct Band {
    /// Written above it.
    pub name: &'static str,
    /// In seconds.
    pub begin: f64,
    /// In seconds.
    pub end: f64,
}

/// One row of seconds.
#[derive(Debug, Clone)]
pub struct Strip<'a> {
    /// Written before it.
    pub name: &'a str,
    /// Of each second the shares that are red and yellow.
    pub seconds: &'a [(f64, f64)],
    /// Written behind it.
    pub label: String,
}

/// Rows of seconds, coloured by what happened in them, under bands of time.
///
/// # Errors
/// If the file can't be written.
pub fn strips(
    file: &str,
    title: &str,
    below: &str,
    bands: &[Band],
    strips: &[Strip<'_>],
) -> Result<(), String> {
    draw_strips(file, title, below, bands, strips).map_err(|error| format!("{file}: {error}"))
}

fn draw_strips(
    file: &str,
    title: &str,
    below: &str,
    bands: &[Band],
    strips: &[Strip<'_>],
) -> Result<(), Box<dyn std::error::Error>> {
    const ROW: i32 = 26;
    const TOP: i32 = 78;
    const LEFT: i32 = 190;
    const WIDTH: f64 = 700.0;
    let bottom = TOP + ROW * i32::try_from(strips.len())?;
    let length = bands.iter().map(|band| band.end).fold(1.0, f64::max);
    let x = |seconds: f64| LEFT + (seconds.min(length) / length * WIDTH).round() as i32;
    let root = SVGBackend::new(file, (1000, u32::try_from(bottom + 40)?)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (12, 12), ("sans-serif", 18)))?;
    let small = ("sans-serif", 12);
    root.draw(&Text::new(below.to_owned(), (12, bottom + 18), small))?;
    for (at, strip) in strips.iter().enumerate() {
        let top = TOP + ROW * i32::try_from(at)?;
        let name = strip.name.to_owned();
        root.draw(&Text::new(name, (12, top + 5), ("sans-serif", 14)))?;
        root.draw(&Text::new(
            strip.label.clone(),
            (x(length) + 8, top + 5),
            small,
        ))?;
        let whole = [(x(0.0), top), (x(length), top + ROW - 4)];
        root.draw(&Rectangle::new(whole, COLOURS[4].mix(0.25).filled()))?;
        for (second, (red, yellow)) in strip.seconds.iter().enumerate() {
            let second = second as f64;
            let cell = [(x(second), top), (x(second + 1.0), top + ROW - 4)];
            for (share, colour) in [(yellow, RGBColor(255, 200, 40)), (red, COLOURS[3])] {
                if *share > 0.0 {
                    // One call in a second is to be seen too.
                    let strength = 0.25 + 0.75 * share.min(1.0);
                    root.draw(&Rectangle::new(cell, colour.mix(strength).filled()))?;
                }
            }
        }
    }
    for (turn, band) in bands.iter().enumerate() {
        // Names of short bands would run into the next ones: they take turns between two heights.
        let top = TOP - if turn % 2 == 0 { 22 } else { 36 };
        let line = vec![(x(band.begin), top), (x(band.begin), bottom)];
        root.draw(&PathElement::new(line, COLOURS[0]))?;
        let at = (x(band.begin) + 3, top + 2);
        root.draw(&Text::new(band.name, at, ("sans-serif", 11)))?;
    }
    root.present()?;
    Ok(())
}
