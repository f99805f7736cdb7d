//! [`Path`]: where in a JSON document something stands.

use std::borrow::Cow;

use serde_json::Value;

/// Member names and array positions from the top: `data.token`, `sessions.0.id`, or a JSON pointer
/// (RFC 6901) for names that hold a dot: `/data/to.ken`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn parse(text: &str) -> Self {
        Self(match text.strip_prefix('/') {
            Some(pointer) => pointer
                .split('/')
                .map(|step| step.replace("~1", "/").replace("~0", "~"))
                .collect(),
            None => text.split('.').map(str::to_owned).collect(),
        })
    }

    /// The member at the top.
    pub(crate) fn top(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Goes on from the value of the member at the top.
    pub(crate) fn below<'a>(&self, top: &'a Value) -> Option<&'a Value> {
        self.0
            .iter()
            .skip(1)
            .try_fold(top, |value, step| match value {
                Value::Object(members) => members.get(step),
                Value::Array(items) => items.get(step.parse::<usize>().ok()?),
                _ => None,
            })
    }
}

/// A text, number or truth value as text.
pub(crate) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(bool) => Some(Cow::Borrowed(if *bool { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_lead_into_members_and_items() {
        let document = json!({"data": {"to.ken": "t", "list": [{"id": 7}]}, "code": 0});
        for (path, expected) in [
            ("code", Some(json!(0))),
            ("data.list.0.id", Some(json!(7))),
            ("/data/to.ken", Some(json!("t"))),
            ("data.to.ken", None),
            ("data.list.1", None),
            ("data.list.x", None),
            ("code.x", None),
            ("none", None),
        ] {
            let path = Path::parse(path);
            let found = document.get(path.top()).and_then(|top| path.below(top));
            assert_eq!(found, expected.as_ref(), "{path:?}");
        }
    }
}
