//! [`Snapshot`]: a request's head in one buffer, rebuilt only if a replay happens.
//!
//! Cloning a fresh `HeaderMap` allocates for each value that owns its bytes, because the first
//! clone of such a value turns it into a shared one. Copying all names and values into one buffer
//! is a single allocation, whatever the number of headers; nearly every snapshot is dropped unused.

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, request::Parts};

pub(crate) struct Snapshot {
    method: Method,
    uri: Uri,
    version: Version,
    extensions: Extensions,
    /// For each header: length of name, length of value, whether it is sensitive; name; value.
    headers: Vec<u8>,
}

const PREFIX: usize = 4 + 4 + 1;

impl Snapshot {
    pub(crate) fn of(parts: &Parts) -> Self {
        let size = parts
            .headers
            .iter()
            .map(|(name, value)| PREFIX + name.as_str().len() + value.len())
            .sum();
        let mut headers = Vec::with_capacity(size);
        for (name, value) in &parts.headers {
            let name = name.as_str().as_bytes();
            headers.extend_from_slice(&length(name));
            headers.extend_from_slice(&length(value.as_bytes()));
            headers.push(value.is_sensitive().into());
            headers.extend_from_slice(name);
            headers.extend_from_slice(value.as_bytes());
        }
        Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            extensions: parts.extensions.clone(),
            headers,
        }
    }

    /// The head once more. It can't fail for what `of` has written.
    pub(crate) fn rebuild(&mut self) -> Option<Parts> {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = self.method.clone();
        parts.uri = self.uri.clone();
        parts.version = self.version;
        parts.extensions = std::mem::take(&mut self.extensions);
        parts.headers = decode(&self.headers)?;
        Some(parts)
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    // http limits a name to 64 KiB; a value of 4 GiB would not have fit into memory twice.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

fn decode(mut bytes: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    while !bytes.is_empty() {
        let (name, rest) = bytes.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_first_chunk::<4>()?;
        let (sensitive, rest) = rest.split_first()?;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*name) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value) as usize)?;
        let mut value = HeaderValue::from_bytes(value).ok()?;
        value.set_sensitive(*sensitive != 0);
        headers.append(HeaderName::from_bytes(name).ok()?, value);
        bytes = rest;
    }
    Some(headers)
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_head_survives_byte_for_byte() {
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        let (parts, ()) = Request::put("https://api.example.com/a?b=c")
            .version(Version::HTTP_2)
            .header("accept", "a")
            .header("accept", "b")
            .header("x-odd", HeaderValue::from_bytes(b"\xE4\t \"").unwrap())
            .header("x-empty", "")
            .header("cookie", secret)
            .extension(7_u8)
            .body(())
            .unwrap()
            .into_parts();
        let again = Snapshot::of(&parts).rebuild().unwrap();
        assert_eq!(again.method, parts.method);
        assert_eq!(again.uri, parts.uri);
        assert_eq!(again.version, parts.version);
        assert_eq!(again.headers, parts.headers);
        assert!(again.headers["cookie"].is_sensitive());
        assert!(!again.headers["accept"].is_sensitive());
        assert_eq!(again.extensions.get::<u8>(), Some(&7));
    }
}
