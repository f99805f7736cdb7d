//! From the bytes of a body to its text, whatever coding and encoding it came in.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header::CONTENT_ENCODING};
use zeroize::Zeroizing;

use crate::{body::Fault, text::printable, transport::BODY_LIMIT};

/// Each coding may take as long to undo as the longest body. More than one is odd enough.
const MOST_CODINGS: usize = 2;

/// The text of a body, without a byte order mark. Bytes that are no text are replaced: one odd letter
/// in a server's words must not hide its code.
pub(crate) fn decode(headers: &HeaderMap, body: &[u8]) -> Result<Zeroizing<String>, Fault> {
    let mut bytes = Cow::Borrowed(body);
    let codings = codings(headers);
    if codings.len() > MOST_CODINGS {
        return Err(Fault::Coded(printable(&codings.join(", "))));
    }
    for coding in codings {
        bytes = Cow::Owned(undone(&coding, &bytes)?);
    }
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units)
            .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    let text = match &*bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    };
    if let Cow::Owned(bytes) = bytes {
        drop(Zeroizing::new(bytes));
    }
    Ok(Zeroizing::new(text))
}

/// The codings in the order in which they are undone.
fn codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let mut codings: Vec<String> = values
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    codings.reverse();
    codings
}

fn undone(coding: &str, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let read = match coding {
        "gzip" | "x-gzip" => bounded(MultiGzDecoder::new(bytes)),
        "deflate" => bounded(ZlibDecoder::new(bytes)),
        _ => return Err(Fault::Coded(printable(coding))),
    };
    match read {
        Ok(bytes) if bytes.len() > BODY_LIMIT => Err(Fault::TooLarge),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(Fault::Coded(printable(coding))),
    }
}

fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    from.take(BODY_LIMIT as u64 + 1).read_to_end(&mut out)?;
    Ok(out)
}
