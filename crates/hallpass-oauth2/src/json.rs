//! JSON bodies, in buffers that never grow, so that no copy of a secret is left behind.

use zeroize::Zeroizing;

use crate::Param;

/// A JSON object, in a buffer that never grows.
pub(crate) fn object(members: &[(String, Param<Zeroizing<String>>)]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(size(members)));
    write_object(&mut out, members);
    out
}

/// At least as many bytes as the object takes: an escape takes six, a number at most twenty.
fn size(members: &[(String, Param<Zeroizing<String>>)]) -> usize {
    fn of(param: &Param<Zeroizing<String>>) -> usize {
        match param {
            Param::Text(text) => 6 * text.len() + 2,
            Param::Bool(_) | Param::Integer(_) => 20,
            Param::List(items) => 2 + items.iter().map(|item| of(item) + 1).sum::<usize>(),
            Param::Table(members) => size(members),
        }
    }
    let members = members
        .iter()
        .map(|(name, param)| 6 * name.len() + 4 + of(param));
    2 + members.sum::<usize>()
}

fn write_object(out: &mut String, members: &[(String, Param<Zeroizing<String>>)]) {
    let mut between = '{';
    for (name, param) in members {
        out.push(between);
        between = ',';
        write_text(out, name);
        out.push(':');
        write_value(out, param);
    }
    out.push_str(if members.is_empty() { "{}" } else { "}" });
}

fn write_value(out: &mut String, param: &Param<Zeroizing<String>>) {
    match param {
        Param::Text(text) => write_text(out, text),
        Param::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Param::Integer(number) => out.push_str(&number.to_string()),
        Param::Table(members) => write_object(out, members),
        Param::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\u{1f}' => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let code = char as usize;
                out.push_str("\\u00");
                out.push(char::from(HEX[code >> 4]));
                out.push(char::from(HEX[code & 0xF]));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_the_order_and_reads_back() {
        let text = |text: &str| Param::Text(Zeroizing::new(text.to_owned()));
        let table = vec![
            ("z".to_owned(), text("quote \" slash \\ line\n \u{1} é")),
            (
                "a".to_owned(),
                Param::List(vec![Param::Bool(true), Param::Integer(-7)]),
            ),
            (
                "n".to_owned(),
                Param::Table(vec![("x".to_owned(), Param::Table(Vec::new()))]),
            ),
        ];
        let out = object(&table);
        assert_eq!(
            &**out,
            "{\"z\":\"quote \\\" slash \\\\ line\\u000a \\u0001 é\",\"a\":[true,-7],\"n\":{\"x\":{}}}"
        );
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read["z"], "quote \" slash \\ line\n \u{1} é");
        assert!(out.len() <= size(&table));
    }
}
