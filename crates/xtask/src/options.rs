//! What several commands read of their arguments.

/// The seconds that a command is given: `--seconds` and a number from 1 on, or nothing.
pub(crate) fn seconds(command: &str, arguments: &[String], default: u64) -> Result<u64, String> {
    let given = match arguments {
        [] => Some(default),
        [option, seconds] if option == "--seconds" => seconds.parse().ok(),
        _ => None,
    };
    given.filter(|seconds| *seconds > 0).ok_or_else(|| {
        format!("{command} takes --seconds and a whole number from 1 on, or nothing")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_from_1_on_or_nothing() {
        let read = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
            seconds("stress", &words, 60).ok()
        };
        assert_eq!(read(&[]), Some(60));
        assert_eq!(read(&["--seconds", "7"]), Some(7));
        for wrong in [
            &["--seconds"][..],
            &["--seconds", "0"],
            &["--seconds", "x"],
            &["7"],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
