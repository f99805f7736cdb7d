//! What a caller can say about one request.

use crate::case::{
    Carried::{Nothing, Own, Token},
    Case,
    Seen::{Ok as Fine, Status},
    fine, then,
};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "a header of the caller's own",
            then(&[Status(401)], &[Own], 0, 0),
        )
        .own_header(),
        Case::new(
            "a header of the caller's own, overridden",
            then(&[fine(1)], &[Token(1)], 0, 0),
        )
        .own_header()
        .rules(|rules, _| rules.overriding()),
        Case::new("`NoCredential`", then(&[Status(401)], &[Nothing], 0, 0))
            .sent(|sent| sent.without_credential = true),
        // The other credential is the second that the API sees, and the first of its own source.
        Case::new(
            "a `Cached` of its own",
            then(
                &[Fine {
                    generation: 1,
                    waited: true,
                    replayed: false,
                }],
                &[Token(2)],
                1,
                0,
            ),
        )
        .sent(|sent| sent.with_own_source = true),
        Case::new(
            "the first request waits",
            then(
                &[
                    Fine {
                        generation: 1,
                        waited: true,
                        replayed: false,
                    },
                    fine(1),
                ],
                &[Token(1), Token(1)],
                1,
                0,
            ),
        )
        .cold()
        .twice(),
    ]
}
