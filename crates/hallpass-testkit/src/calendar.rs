//! Instants as calendars write them.

use hallpass_oauth2::Unit;

const DAY: u64 = 24 * 3600;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// An instant, in seconds since 1970, as a text in one of the units that are texts.
pub(crate) fn write(unit: Unit, seconds: u64) -> String {
    let (year, month, day) = civil(seconds / DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match unit {
        // A day begins with its first moment, which has passed by the time that it is written.
        Unit::Date => {
            let (year, month, day) = civil(seconds / DAY + 1);
            format!("{year:04}-{month:02}-{day:02}")
        }
        Unit::HttpDate => {
            let weekday = WEEKDAYS[(seconds / DAY % 7) as usize];
            let month = MONTHS[(month as usize + 11) % 12];
            format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
        }
        Unit::UsDateTime => {
            let half = if hour < 12 { "AM" } else { "PM" };
            let hour = (hour + 11) % 12 + 1;
            format!("{month}/{day}/{year} {hour}:{minute:02}:{second:02} {half}")
        }
        _ => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
    }
}

/// Year, month and day of a day that is counted from 1970, by Hinnant's `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_calendars_do() {
        for (unit, text) in [
            (Unit::Rfc3339, "1994-11-06T08:49:37Z"),
            (Unit::HttpDate, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (Unit::UsDateTime, "11/6/1994 8:49:37 AM"),
            (Unit::Date, "1994-11-07"),
        ] {
            assert_eq!(write(unit, 784_111_777), text, "{unit:?}");
        }
        assert_eq!(write(Unit::Rfc3339, 951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(write(Unit::UsDateTime, 43_200), "1/1/1970 12:00:00 PM");
    }
}
