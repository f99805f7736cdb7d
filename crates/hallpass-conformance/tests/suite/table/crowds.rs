//! However many callers there are, and whenever they leave: one fetch.

use crate::case::{
    At,
    Carried::Token,
    Case, HEALED, Load,
    Seen::{Ok as Fine, Status},
    fine, then,
};

pub(crate) fn cases() -> Vec<Case> {
    const STORM: usize = 1000;
    let waited = Fine {
        generation: 1,
        waited: true,
        replayed: false,
    };
    vec![
        Case::new(
            "a thousand wait for the first token",
            then(&[waited], &[], 1, 0).counts(&[(Token(1), STORM)]),
        )
        .cold()
        .load(Load::Waiting(STORM)),
        Case::new(
            "a thousand 401s at once",
            then(&[Status(200)], &[], 1, 1).counts(&[(Token(1), STORM), (Token(2), STORM)]),
        )
        .revoked()
        .load(Load::Together(STORM)),
        Case::new(
            "the caller leaves while the token is fetched",
            then(&[fine(1)], &[Token(1)], 1, 0),
        )
        .cold()
        .load(Load::Dropped(At::Fetching)),
        Case::new(
            "the caller leaves while the request is sent",
            then(&[fine(1)], &[Token(1), Token(1)], 0, 0),
        )
        .load(Load::Dropped(At::Sending)),
        Case::new(
            "the caller leaves while the token is renewed",
            then(&[fine(2)], &[Token(1), Token(2)], 1, 1),
        )
        .revoked()
        .load(Load::Dropped(At::Fetching)),
        Case::new(
            "two in a row after a revocation",
            then(&[HEALED, fine(2)], &[Token(1), Token(2), Token(2)], 1, 1),
        )
        .revoked()
        .twice(),
    ]
}
