//! What of a request's body is sent again.

use crate::{
    adapters::names::{HTTP1, HTTP2, REQWEST, RUN, TONIC},
    case::{
        Below,
        Carried::Token,
        Case, Given, Size,
        Sort::{Bytes, Streamed},
        dropped, fine, healed, healed_then_fine, then,
    },
};

const WHOLE: &str = "what is sent again is the caller's own clone, so that no limit is needed";
const COPIED: &str = "a message is kept as tonic has encoded it, which takes memory; bytes in one \
                      piece are the caller's own";
const NO_FRESH: &str = "reqwest has no way to ask for a fresh connection, so that the replay may \
                        meet the one that breaks; its documentation says so";
const STREAMS: &str = "over HTTP/2 a refusal ends its stream and no connection";
pub(super) const NO_GOAWAY: &str = "HTTP/1.1 has no GOAWAY";
pub(super) const ITS_OWN: &str = "the connection is tonic's own, which hands what was not processed to the \
                       caller as UNAVAILABLE, for its retries";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("bytes", healed())
            .revoked()
            .body(Bytes(Size::Of(12))),
        Case::new("bytes, just the limit", healed())
            .revoked()
            .body(Bytes(Size::Limit(0))),
        Case::new("bytes, one more than the limit", healed_then_fine())
            .revoked()
            .body(Bytes(Size::Limit(1)))
            .renewed()
            .differs(&[TONIC], &dropped(401), COPIED),
        Case::new("streamed", healed_then_fine())
            .revoked()
            .body(Streamed(Size::Of(20_000)))
            .renewed(),
        Case::new("streamed, longer than the limit", dropped(401))
            .revoked()
            .body(Streamed(Size::Limit(40_000)))
            .renewed()
            .differs(&[RUN], &healed_then_fine(), WHOLE),
        Case::new("bytes, refused before they were read", healed())
            .given(Given::Early)
            .revoked()
            .body(Bytes(Size::Of(48 * 1024))),
        Case::new("streamed, refused before it was read", healed_then_fine())
            .given(Given::Early)
            .revoked()
            .body(Streamed(Size::Of(48 * 1024)))
            .renewed(),
        Case::new("refused before it was read, then reset", healed())
            .given(Given::Unread)
            .body(Bytes(Size::Of(48 * 1024)))
            .not_applicable(&[HTTP2, TONIC], STREAMS)
            .not_applicable(&[REQWEST], NO_FRESH),
        Case::new(
            "GOAWAY before it was processed",
            then(&[fine(1)], &[Token(1), Token(1), Token(1)], 0, 0),
        )
        .below(Below::Goaway)
        .body(Bytes(Size::Of(1024)))
        .load(crate::case::Load::InARow(3))
        .not_applicable(&[HTTP1], NO_GOAWAY)
        .not_applicable(&[TONIC], ITS_OWN),
    ]
}
