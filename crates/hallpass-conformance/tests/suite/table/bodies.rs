//! What of a request's body is sent again.

use crate::case::{
    Case, Given, Size,
    Sort::{Bytes, Streamed},
    dropped, healed,
};

const STREAM: &str =
    "reqwest hands a streamed body on and keeps nothing of it; the next request has a new token";
const WHOLE: &str = "reqwest shares bytes with their copy, so that no limit is needed";

pub(crate) fn cases() -> Vec<Case> {
    let early = |case: Case| case.given(Given::Early);
    vec![
        Case::new("bytes", healed())
            .revoked()
            .body(Bytes(Size::Of(12))),
        Case::new("bytes, just the limit", healed())
            .revoked()
            .body(Bytes(Size::Limit(0))),
        Case::new("bytes, one more than the limit", dropped(401))
            .revoked()
            .body(Bytes(Size::Limit(1)))
            .twice()
            .differs("reqwest", healed_then_fine(), WHOLE),
        Case::new("streamed", healed_then_fine())
            .revoked()
            .body(Streamed(Size::Of(20_000)))
            .twice()
            .differs("reqwest", dropped(401), STREAM),
        Case::new("streamed, longer than the limit", dropped(401))
            .revoked()
            .body(Streamed(Size::Limit(40_000)))
            .twice(),
        early(Case::new("bytes, refused before they were read", healed()))
            .revoked()
            .body(Bytes(Size::Of(48 * 1024))),
        early(Case::new(
            "streamed, refused before it was read",
            healed_then_fine(),
        ))
        .revoked()
        .body(Streamed(Size::Of(48 * 1024)))
        .twice()
        .differs("reqwest", dropped(401), STREAM),
    ]
}

fn healed_then_fine() -> crate::case::Then {
    use crate::case::{Carried::Token, HEALED, fine, then};
    then(&[HEALED, fine(2)], &[Token(1), Token(2), Token(2)], 1, 1)
}
