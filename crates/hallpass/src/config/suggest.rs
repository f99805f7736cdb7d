//! Which of the known names somebody may have meant.

/// The sentence for a name that is not among the known ones, with the nearest if one is near.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let shown: String = name
        .chars()
        .filter(|char| !char.is_control())
        .take(64)
        .collect();
    let list = if known.is_empty() {
        "there are none".to_owned()
    } else {
        format!("one of {}", known.join(", "))
    };
    let near = known.iter().min_by_key(|other| distance(name, other));
    match near.filter(|other| distance(name, other) <= 2) {
        Some(near) => format!("unknown {what} \"{shown}\": did you mean \"{near}\"? It is {list}"),
        None => format!("unknown {what} \"{shown}\"; {list}"),
    }
}

/// How many letters differ (Levenshtein), or far too many for texts that are no names.
fn distance(one: &str, other: &str) -> usize {
    if one.len() > 64 {
        return usize::MAX;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, char) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, second) in other.iter().enumerate() {
            let kept = diagonal + usize::from(char != *second);
            diagonal = row[column + 1];
            row[column + 1] = kept.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_differ_are_counted() {
        for (one, other, expected) in [
            ("secret", "secret", 0),
            ("secrt", "secret", 1),
            ("sceret", "secret", 2),
            ("", "id", 2),
            ("id", "", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
