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
        let points = values
            .iter()
            .enumerate()
            .map(|(at, value)| (at, (*value as f64).max(0.5)));
        chart
            .draw_series(LineSeries::new(points, colour))?
            .label(name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], *colour));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}

/// Horizontal bars, one for each name, in nanoseconds.
///
/// # Errors
/// If the file can't be written.
pub fn bars(file: &str, title: &str, below: &str, rows: &[(String, f64)]) -> Result<(), String> {
    draw_bars(file, title, below, rows).map_err(|error| format!("{file}: {error}"))
}

fn draw_bars(
    file: &str,
    title: &str,
    below: &str,
    rows: &[(String, f64)],
) -> Result<(), Box<dyn std::error::Error>> {
    const ROW: i32 = 26;
    let height = 84 + ROW * i32::try_from(rows.len())?;
    let longest = rows.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let root = SVGBackend::new(file, (900, u32::try_from(height)?)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(title, (12, 12), ("sans-serif", 18)))?;
    root.draw(&Text::new(
        below.to_owned(),
        (12, height - 24),
        ("sans-serif", 12),
    ))?;
    for (at, (name, value)) in rows.iter().enumerate() {
        let y = 44 + ROW * i32::try_from(at)?;
        let end = 230 + (value / longest * 540.0) as i32;
        let colour = if name.starts_with("hallpass") {
            COLOURS[1]
        } else {
            COLOURS[0]
        };
        root.draw(&Text::new(name.clone(), (12, y), ("sans-serif", 14)))?;
        root.draw(&Rectangle::new(
            [(230, y), (end.max(231), y + 16)],
            colour.filled(),
        ))?;
        root.draw(&Text::new(
            format!("{value:.0} ns"),
            (end + 8, y),
            ("sans-serif", 14),
        ))?;
    }
    root.present()?;
    Ok(())
}
