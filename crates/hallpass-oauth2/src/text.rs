//! Making text from the network, or from a person's clipboard, fit to print.

/// What is kept of a text that somebody else wrote.
pub(crate) const TEXT_LIMIT: usize = 256;

/// Visible ASCII and spaces, without quotes and backslashes (the set of RFC 6749 §5.2), capped.
pub(crate) fn printable(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(TEXT_LIMIT)
        .map(|char| match char {
            '"' => '\'',
            '\\' => '/',
            ' '..='~' => char,
            _ => '?',
        })
        .collect();
    if text.chars().nth(TEXT_LIMIT).is_some() {
        out.truncate(TEXT_LIMIT - 3);
        out.push_str("...");
    }
    out
}

/// What looks wrong with a credential that was refused: the traces of copying it by hand.
pub(crate) fn oddity(value: &str) -> Option<&'static str> {
    let invisible = |char: char| {
        matches!(
            char,
            '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}'
        ) || (char.is_whitespace() && !char.is_ascii())
    };
    let breaks = |char: char| char == '\n' || char == '\r';
    let quoted =
        |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if value.is_empty() {
        Some("is empty")
    } else if value.ends_with(breaks) {
        Some("ends with a line break")
    } else if value.starts_with(breaks) {
        Some("begins with a line break")
    } else if value.ends_with([' ', '\t']) {
        Some("ends with a space")
    } else if value.starts_with([' ', '\t']) {
        Some("begins with a space")
    } else if value.contains(breaks) {
        Some("holds a line break")
    } else if value.contains(invisible) {
        Some("holds an invisible character")
    } else if value.contains(char::is_control) {
        Some("holds a control character")
    } else if quoted('"') || quoted('\'') {
        Some("is in quotation marks")
    } else if begins_with(value, "bearer ") {
        Some("begins with \"Bearer\"")
    } else if begins_with(value, "basic ") {
        Some("begins with \"Basic\"")
    } else {
        None
    }
}

fn begins_with(value: &str, prefix: &str) -> bool {
    value
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_text_is_cleaned_and_capped() {
        assert_eq!(printable("invalid_client"), "invalid_client");
        assert_eq!(printable("\u{1b}[31m\n\"x\"\\é"), "?[31m?'x'/?");
        let long = printable(&"é".repeat(64 * 1024));
        assert_eq!(long.len(), TEXT_LIMIT);
        assert!(long.ends_with("..."));
    }

    #[test]
    fn traces_of_copying_are_named() {
        for (value, expected) in [
            ("s3cret", None),
            ("inner space", None),
            ("", Some("is empty")),
            ("s\n", Some("ends with a line break")),
            ("s\r\n", Some("ends with a line break")),
            ("s ", Some("ends with a space")),
            ("s\t", Some("ends with a space")),
            (" s", Some("begins with a space")),
            ("\ns", Some("begins with a line break")),
            ("a\nb", Some("holds a line break")),
            ("s\u{a0}", Some("holds an invisible character")),
            ("\u{feff}s", Some("holds an invisible character")),
            ("a\u{7}b", Some("holds a control character")),
            ("\"s\"", Some("is in quotation marks")),
            ("'s'", Some("is in quotation marks")),
            ("Bearer s", Some("begins with \"Bearer\"")),
            ("basic s", Some("begins with \"Basic\"")),
        ] {
            assert_eq!(oddity(value), expected, "{value:?}");
        }
    }
}
