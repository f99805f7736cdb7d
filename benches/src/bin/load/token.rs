//! Tokens that say themselves how long they are good, so that checking one costs the server the same
//! whatever its kind.

/// As long as JWTs are.
const LENGTH: usize = 900;

/// One that no revocation reaches and that never ends.
pub(crate) fn fixed() -> String {
    issue(u32::MAX, u64::MAX, 0)
}

/// One of this generation of keys that ends so many milliseconds after the server's start.
pub(crate) fn issue(keys: u32, ends: u64, number: u64) -> String {
    let mut token = format!("{keys}.{ends}.{number}.");
    let padding = LENGTH.saturating_sub(token.len());
    token.extend(std::iter::repeat_n('x', padding));
    token
}

/// Whether an `Authorization` header holds one that is good now.
pub(crate) fn is_good(header: &[u8], keys: u32, now: u64) -> bool {
    read(header).is_some_and(|(signed, ends)| signed >= keys && now < ends)
}

fn read(header: &[u8]) -> Option<(u32, u64)> {
    let text = std::str::from_utf8(header).ok()?;
    let mut parts = text.strip_prefix("Bearer ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
