//! However many callers there are, whenever they leave, and whatever happens to others: one fetch,
//! and nobody waits for more than that.

use std::time::Duration;

use crate::{
    adapters::names::REQWEST,
    case::{
        At, Below,
        Carried::{Nothing, Token},
        Case, Given, HEALED, Load,
        Seen::{Status, Unhindered},
        WAITED, fine, healed, then,
    },
};

/// Less than the second after which a refused successor is tried again.
const LAG: Duration = Duration::from_millis(500);

const NEEDS_IT: &str = "reqwest itself works within a tokio runtime only";

pub(crate) fn cases() -> Vec<Case> {
    const STORM: usize = 1000;
    vec![
        Case::new(
            "a thousand wait for the first token",
            then(&[WAITED], &[], 1, 0).counts(&[(Token(1), STORM)]),
        )
        .cold()
        .load(Load::Waiting(STORM)),
        Case::new(
            "a thousand 401s at once",
            then(&[Status(200)], &[], 1, 1)
                .counts(&[(Token(1), STORM), (Token(2), STORM)])
                .rejections(1..=STORM as u64),
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
        Case::new(
            "two wait below a limit of two: a token in hand",
            then(&[Unhindered], &[Token(1), Token(1)], 0, 0),
        )
        .below(Below::Limited(2))
        .load(Load::BesideWaiting(2)),
        Case::new(
            "two wait below a limit of two: `NoCredential`",
            then(&[Status(401)], &[Nothing, Nothing], 0, 0),
        )
        .below(Below::Limited(2))
        .sent(|sent| sent.without_credential = true)
        .load(Load::BesideWaiting(2)),
        Case::new(
            "beside an endpoint that always refuses",
            then(&[Unhindered], &[], 0, 0)
                .whatever_it_takes()
                .tokens(1..=4)
                .rejections(1..=30),
        )
        .load(Load::BesideRefused(20)),
        Case::new(
            "a renewal ahead, whose token is refused at first",
            then(&[Status(200)], &[], 1, 0)
                .whatever_it_takes()
                .rejections(0..=1),
        )
        .given(Given::Lag(LAG))
        .given(Given::Due)
        .load(Load::For(3 * LAG)),
        Case::new("a thread without a runtime, after a revocation", healed())
            .below(Below::OnItsOwnRuntime)
            .revoked()
            .load(Load::PlainThread)
            .not_applicable(&[REQWEST], NEEDS_IT),
    ]
}
