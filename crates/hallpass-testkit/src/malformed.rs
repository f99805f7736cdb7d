//! Ways for a successful answer to be wrong.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::answer::Answer;
use crate::fields::Fields;

/// How to spoil a successful answer; see [`Endpoint::malformed_next`](crate::Endpoint::malformed_next).
///
/// What is not listed can be sent with [`Endpoint::respond_next`](crate::Endpoint::respond_next).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// 200 with an HTML page, as a login wall or a proxy sends it.
    Html,
    /// 200 with `application/json` and no body.
    EmptyBody,
    /// 204.
    NoContent,
    /// 200 with text that is not JSON, labelled `application/json`.
    NotJson,
    /// 200 with bytes that are not UTF-8.
    NotUtf8,
    /// 200 with `[]`.
    Array,
    /// 200 with `null`.
    Null,
    /// The answer without `access_token`.
    MissingToken,
    /// `access_token` is the empty string.
    EmptyToken,
    /// `access_token` is `null`.
    NullToken,
    /// `access_token` twice, with different values.
    DuplicateToken,
    /// `access_token` holds a line break and a header of its own.
    CrLfInToken,
    /// The answer without `token_type`.
    NoTokenType,
    /// `token_type` is `null`.
    NullTokenType,
    /// `token_type` is `mac`.
    TokenTypeMac,
    /// `token_type` is `bearer`, which is right and often forgotten.
    TokenTypeLower,
    /// `scope` is an array.
    ScopeArray,
    /// The right JSON, filled up to this many bytes.
    Huge(usize),
    /// `access_token` is this many bytes long.
    HugeToken(usize),
    /// The JSON stops half-way, with a `Content-Length` to match.
    Truncated,
    /// 200 with an OAuth error object.
    ErrorWith200,
    /// The right JSON after a byte order mark.
    ByteOrderMark,
    /// The right JSON, labelled `text/plain`.
    TextPlain,
    /// The right JSON without a `Content-Type`.
    Untyped,
    /// The right JSON, compressed by gzip whatever the caller takes.
    Gzip,
    /// A decompression bomb: the right JSON, filled up to this many bytes, and compressed by gzip.
    GzipBomb(usize),
}

const JSON: &str = "application/json";

impl Malformed {
    pub(crate) fn spoil(self, mut fields: Fields) -> Answer {
        match self {
            Self::Html => {
                return Answer::new(
                    200,
                    "text/html; charset=utf-8",
                    "<!doctype html><title>Sign in</title>\n",
                );
            }
            Self::EmptyBody => return Answer::new(200, JSON, ""),
            Self::NoContent => {
                let mut answer = Answer::new(204, JSON, "");
                answer.headers.clear();
                return answer;
            }
            Self::NotJson => {
                return Answer::new(200, JSON, "access_token=not-json&token_type=Bearer");
            }
            Self::NotUtf8 => {
                return Answer::new(200, JSON, &b"{\"access_token\":\"\xff\xfe\"}"[..]);
            }
            Self::Array => return Answer::new(200, JSON, "[]"),
            Self::Null => return Answer::new(200, JSON, "null"),
            Self::MissingToken => fields.remove_token(),
            Self::EmptyToken => fields.set_token(""),
            Self::NullToken => fields.set_token(serde_json::Value::Null),
            Self::DuplicateToken => {
                let name = fields.token_member().to_owned();
                fields = fields.with(name, "a-second-token");
            }
            Self::CrLfInToken => fields.set_token("a\r\nx-smuggled: yes"),
            Self::NoTokenType => fields.remove("token_type"),
            Self::NullTokenType => fields.set("token_type", serde_json::Value::Null),
            Self::TokenTypeMac => fields.set("token_type", "mac"),
            Self::TokenTypeLower => fields.set("token_type", "bearer"),
            Self::ScopeArray => fields.set("scope", vec!["read", "write"]),
            Self::Huge(bytes) => {
                fields = fields.with("padding", "");
                let missing = bytes.saturating_sub(fields.to_json().len());
                fields.set("padding", "x".repeat(missing));
            }
            Self::HugeToken(bytes) => fields.set_token("x".repeat(bytes)),
            Self::Truncated => {
                let mut json = fields.to_json().into_bytes();
                json.truncate(json.len() / 2);
                return Answer::new(200, JSON, json);
            }
            Self::ErrorWith200 => {
                fields = Fields::default()
                    .with("error", "invalid_client")
                    .with("error_description", "an error with the status of a success");
            }
            Self::ByteOrderMark => {
                return Answer::new(200, JSON, format!("\u{feff}{}", fields.to_json()));
            }
            Self::TextPlain => return Answer::new(200, "text/plain", fields.to_json()),
            Self::Gzip => return gzip(Answer::json(200, &fields)),
            Self::GzipBomb(bytes) => return gzip(Self::Huge(bytes).spoil(fields)),
            Self::Untyped => {
                let mut answer = Answer::json(200, &fields);
                answer.headers.remove(CONTENT_TYPE);
                return answer;
            }
        }
        Answer::json(200, &fields)
    }
}

fn gzip(mut answer: Answer) -> Answer {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Neither fails: a vector takes everything.
    let body = encoder
        .write_all(&answer.body)
        .and_then(|()| encoder.finish())
        .unwrap_or_default();
    answer.body = body.into();
    let gzip = HeaderValue::from_static("gzip");
    answer.headers.insert(CONTENT_ENCODING, gzip);
    answer
}
