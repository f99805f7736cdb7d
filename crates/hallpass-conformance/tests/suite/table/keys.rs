//! A credential for each key.

use crate::{
    adapter::Failure,
    case::{
        Carried::{Nothing, Own, Tenant, Token},
        Case, Given, HEALED, Key, LATE,
        Seen::Status,
        Sent, Source, To, WAITED, fine, healed, refused, then,
    },
};

/// Not the API's usual answer, which asks for a token in the usual header.
const FINE: &[(&str, &str)] = &[(LATE, "0")];

const ANOTHER: Key = Key::Another(Source::Tokens);

fn with(key: Key) -> Sent {
    Sent {
        key,
        ..Sent::to(To::Api)
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("a key", then(&[fine(1)], &[Token(1)], 0, 0)).key(Key::Usual),
        Case::new(
            "the first request of a key waits",
            then(&[WAITED], &[Token(1)], 1, 0),
        )
        .key(Key::Usual)
        .cold(),
        // The other credential is the second that the API sees, and the first of its own key.
        Case::new(
            "two keys in turn: each its own",
            then(
                &[WAITED, fine(1), fine(1), fine(1)],
                &[Token(2), Token(1), Token(2), Token(1)],
                1,
                0,
            ),
        )
        .key(ANOTHER)
        .afterwards(with(Key::Usual))
        .afterwards(with(ANOTHER))
        .afterwards(with(Key::Usual)),
        Case::new("a key's dead token", healed())
            .key(Key::Usual)
            .revoked(),
        Case::new(
            "a key: its header, cold and warm",
            then(&[WAITED, fine(1)], &[Tenant(2), Tenant(2)], 1, 0),
        )
        .key(Key::Another(Source::Tenant))
        .answers(2, 200, FINE)
        .twice(),
        Case::new(
            "a key: what refuses it",
            then(&[HEALED], &[Token(2), Token(3)], 2, 0),
        )
        .key(Key::Another(Source::With419))
        .answer(419, &[]),
        Case::new(
            "a key: what refuses another's",
            then(&[Status(419)], &[Token(2)], 1, 0),
        )
        .source(Source::With419)
        .key(ANOTHER)
        .answer(419, &[]),
        Case::new(
            "a key: its origins, cold and warm",
            then(&[Status(401)], &[Nothing, Nothing], 0, 0),
        )
        .key(Key::Another(Source::ForTheOther))
        .twice(),
        Case::new(
            "a key to the first origin of another key only",
            refused(Failure::Destination),
        )
        .key(ANOTHER)
        .to(To::Other),
        Case::new(
            "a `Cached` of its own beside a key",
            then(&[WAITED], &[Token(2)], 1, 0),
        )
        .key(Key::Unknown)
        .with(Source::Tokens),
        Case::new("an unknown key", refused(Failure::UnknownKey)).key(Key::Unknown),
        Case::new("no key", refused(Failure::UnknownKey)).key(Key::None),
        Case::new(
            "an unknown key, and a header of the caller's own",
            then(&[Status(401)], &[Own], 0, 0),
        )
        .key(Key::Unknown)
        .own_header(),
        Case::new(
            "no key, to an origin that is not among the named",
            then(&[Status(200)], &[], 0, 0).other(Nothing),
        )
        .key(Key::None)
        .rules(|rules, places| rules.origins([&places.api]).unwrap())
        .given(Given::OtherAnswers(200))
        .to(To::Other),
    ]
}
