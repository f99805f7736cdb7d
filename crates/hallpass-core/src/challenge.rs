//! [`Challenges`]: what `WWW-Authenticate` says (RFC 9110 §11.2, §11.6.1).

use std::{collections::HashSet, convert::Infallible, fmt, str::FromStr};

use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};

/// How much of the fields is read: 16 KiB, far above any real challenge.
const LIMIT: usize = 16 * 1024;

/// All challenges of an answer: of every `WWW-Authenticate` field, and every one within each.
///
/// The parser keeps what it can read and skips the rest to the next comma; it never fails, takes
/// linear time, and stops after 16 KiB.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
/// use hallpass_core::Challenges;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(
///     WWW_AUTHENTICATE,
///     HeaderValue::from_static(r#"Basic realm="a, b", Bearer error="invalid_token""#),
/// );
/// let challenges = Challenges::of(&headers);
/// let bearer = challenges.iter().find(|one| one.scheme() == "bearer").unwrap();
/// assert_eq!(bearer.param("error"), Some("invalid_token"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenges(Vec<Challenge>);

/// One challenge: a scheme, and either parameters or a token68.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    token68: Option<String>,
    params: Vec<(String, String)>,
    repeated: bool,
    malformed: bool,
}

impl Challenges {
    /// Reads every `WWW-Authenticate` field of an answer.
    pub fn of(headers: &HeaderMap) -> Self {
        let fields = headers.get_all(WWW_AUTHENTICATE);
        Self::of_fields(fields.iter().map(HeaderValue::as_bytes))
    }

    fn of_fields<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut found = Vec::new();
        let mut budget = LIMIT;
        for bytes in fields {
            let bytes = &bytes[..bytes.len().min(budget)];
            budget -= bytes.len();
            let seen = HashSet::new();
            Parser { bytes, at: 0, seen }.read_into(&mut found);
        }
        found.retain(|one: &Challenge| !(one.malformed && one.params.is_empty()));
        Self(found)
    }

    /// The challenges in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = &Challenge> {
        self.0.iter()
    }

    /// Those of OAuth's schemes, whose errors are about a token.
    pub(crate) fn oauth(&self) -> impl Iterator<Item = &Challenge> {
        self.iter()
            .filter(|one| matches!(one.scheme(), "bearer" | "dpop"))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads the value of one `WWW-Authenticate` field, as leniently as the field itself.
impl FromStr for Challenges {
    type Err = Infallible;

    fn from_str(field: &str) -> Result<Self, Infallible> {
        Ok(Self::of_fields(std::iter::once(field.as_bytes())))
    }
}

impl Challenge {
    /// The scheme in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The token68, for schemes that carry one in place of parameters.
    pub fn token68(&self) -> Option<&str> {
        self.token68.as_deref()
    }

    /// A parameter by its lower-case name; of a repeated one, the first.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a parameter came more than once, which RFC 9110 §11.2 forbids.
    pub fn has_repeated_params(&self) -> bool {
        self.repeated
    }
}

impl fmt::Debug for Challenge {
    /// Shows names only, and an error if it looks like one of the registered codes: a server may
    /// put anything into a value, the token that it got included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("scheme", &self.scheme)
            .field("error", &self.param("error").filter(|code| is_code(code)))
            .field(
                "params",
                &self.params.iter().map(|(key, _)| key).collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The names of the last challenge's parameters: to look for each among all those before it
    /// would take the square of the time.
    seen: HashSet<String>,
}

impl Parser<'_> {
    /// Invariant: each turn of the loop begins at a list element and consumes at least one byte.
    fn read_into(&mut self, found: &mut Vec<Challenge>) {
        let first = found.len();
        loop {
            self.skip(|byte| matches!(byte, b',' | b' ' | b'\t'));
            if self.peek().is_none() {
                return;
            }
            let name = self.token();
            if name.is_empty() {
                self.skip_element();
                continue;
            }
            let after = self.at;
            self.skip_space();
            match self.peek() {
                Some(b'=') if found.len() > first => self.param_into(name, found),
                None | Some(b',') => self.begin(name, found),
                Some(_) if self.at > after => {
                    self.begin(name, found);
                    self.rest_of_challenge(found);
                }
                Some(_) => self.skip_element(),
            }
        }
    }

    fn begin(&mut self, scheme: String, found: &mut Vec<Challenge>) {
        self.seen = HashSet::new();
        found.push(Challenge {
            scheme,
            ..Challenge::default()
        });
    }

    /// What follows a scheme and its space: a token68, or the first parameter.
    fn rest_of_challenge(&mut self, found: &mut [Challenge]) {
        if let Some(token) = self.token68() {
            if let Some(last) = found.last_mut() {
                last.token68 = Some(token);
            }
            return;
        }
        let name = self.token();
        self.skip_space();
        if !name.is_empty() && self.peek() == Some(b'=') {
            self.param_into(name, found);
        } else {
            self.skip_element();
        }
    }

    /// At the `=`: reads the value and gives it to the last challenge. Some servers leave out the
    /// comma before the next parameter, which is read all the same.
    fn param_into(&mut self, mut name: String, found: &mut [Challenge]) {
        loop {
            self.at += 1;
            self.skip_space();
            let value = if self.peek() == Some(b'"') {
                self.quoted()
            } else {
                self.unquoted()
            };
            if let Some(last) = found.last_mut() {
                match value {
                    None => last.malformed = true,
                    Some(_) if !self.seen.insert(name.clone()) => last.repeated = true,
                    Some(value) => last.params.push((name, value)),
                }
            }
            self.skip_space();
            name = self.token();
            self.skip_space();
            if name.is_empty() || self.peek() != Some(b'=') {
                self.skip_element();
                return;
            }
        }
    }

    /// A quoted-string, or none if it never ends; then nothing is left to read.
    fn quoted(&mut self) -> Option<String> {
        self.at += 1;
        let mut value = Vec::new();
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return Some(String::from_utf8_lossy(&value).into_owned()),
                b'\\' => value.push(self.next()?),
                other => value.push(other),
            }
        }
        None
    }

    /// A token, and leniently what servers write in its place, such as a URL.
    fn unquoted(&mut self) -> Option<String> {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_graphic() && !matches!(byte, b',' | b';' | b'"' | b'\\'));
        (self.at > start).then(|| String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned())
    }

    fn token(&mut self) -> String {
        let start = self.at;
        self.skip(is_tchar);
        String::from_utf8_lossy(&self.bytes[start..self.at]).to_ascii_lowercase()
    }

    /// A token68 that fills its list element. One `=` at its end could also be a parameter without
    /// a value; base64 pads to whole groups of four, a parameter's name hardly ever fits.
    fn token68(&mut self) -> Option<String> {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        let body = self.at;
        self.skip(|byte| byte == b'=');
        let end = self.at;
        self.skip_space();
        let padding = end - body;
        let whole = matches!(self.peek(), None | Some(b','));
        if whole && body > start && (padding != 1 || (end - start).is_multiple_of(4)) {
            return Some(String::from_utf8_lossy(&self.bytes[start..end]).into_owned());
        }
        self.at = start;
        None
    }

    /// To the next comma outside quotes, or to the end.
    fn skip_element(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b',' => return,
                b'"' => {
                    self.quoted();
                }
                _ => self.at += 1,
            }
        }
    }

    fn skip_space(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn skip(&mut self, while_true: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&while_true) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
}

/// Whether it is made like `invalid_token` and its kind, as hardly any secret is.
fn is_code(text: &str) -> bool {
    text.len() <= 40
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
#[path = "challenge_tests.rs"]
mod tests;
