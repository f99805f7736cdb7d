//! Durations as people write them: `90`, `90s`, `5m`, `2h`, `1d`, `500ms`.

use std::time::Duration;

/// Reads a duration; a bare number counts seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number with ms, s, m, h or d behind it, such as 5m".to_owned();
    let end = text.trim_start_matches(|char: char| char.is_ascii_digit());
    let number = &text[..text.len() - end.len()];
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match end {
        "ms" => return Ok(Duration::from_millis(number)),
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    let seconds = number.checked_mul(seconds).ok_or_else(wrong)?;
    // More than a century is a slip of the finger, and too long for some clocks.
    if seconds > 100 * 366 * 24 * 3600 {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

/// A duration as people read it.
pub(crate) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nothing_is_not_shown() {
        for (seconds, text) in [
            (0, "0 s"),
            (61, "1 min 1 s"),
            (3601, "1 h"),
            (3660, "1 h 1 min"),
        ] {
            assert_eq!(shown(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn units_are_understood() {
        for (text, millis) in [
            ("0", 0),
            ("90", 90_000),
            ("90s", 90_000),
            ("500ms", 500),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "m",
            "-1",
            "1.5h",
            "5 m",
            "5min",
            "99999999999999999999",
            "999999999d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
