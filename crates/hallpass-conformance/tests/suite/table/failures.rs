//! Trouble at the token endpoint: waited out within the caller's patience, then a typed error, and
//! nothing is sent in its place. What a token may still serve is served.

use crate::{
    adapter::Failure::{Permanent, Transient},
    case::{
        Carried::Token,
        Case, Given, Load,
        Seen::{Failed, Status},
        WAITED, fine, then,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    let failed = |failure| then(&[Failed(failure)], &[], 1, 0);
    let served = || then(&[WAITED], &[Token(1)], 2, 0);
    // The refused request has its own answer, and the suspect serves on.
    let own_answer = || then(&[Status(401), fine(1)], &[Token(1), Token(1)], 1, 1);
    vec![
        Case::new(
            "503, longer than its patience",
            failed(Transient).tokens(1..=9),
        )
        .cold()
        .impatient()
        .given(Given::NoToken(503)),
        Case::new(
            "429, longer than its patience",
            failed(Transient).tokens(1..=9),
        )
        .cold()
        .impatient()
        .given(Given::NoToken(429)),
        Case::new("503 within its patience", served().tokens(2..=4))
            .cold()
            .given(Given::NoTokenFor(1, 503, None)),
        Case::new("429 within its patience", served())
            .cold()
            .given(Given::NoTokenFor(1, 429, Some(1))),
        Case::new("silence within its patience", served())
            .cold()
            .given(Given::TokenHangs),
        Case::new("refused client", failed(Permanent))
            .cold()
            .given(Given::NoToken(401)),
        Case::new("the failure is remembered", failed(Permanent))
            .cold()
            .given(Given::NoToken(401))
            .load(Load::InARow(3)),
        Case::new(
            "one refusal, then the issuer is down",
            own_answer().tokens(1..=9),
        )
        .impatient()
        .answer(401, &[])
        .given(Given::NoToken(503))
        .twice(),
        Case::new("one refusal, then a rate limit", own_answer().tokens(1..=9))
            .impatient()
            .answer(401, &[])
            .given(Given::NoToken(429))
            .twice(),
        Case::new("one refusal, then a refused client", own_answer())
            .answer(401, &[])
            .given(Given::NoToken(401))
            .twice(),
    ]
}
