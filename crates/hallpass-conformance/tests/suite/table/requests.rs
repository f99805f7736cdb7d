//! What a caller can say about one request.

use crate::case::{
    Carried::{Nothing, Own, OwnTenant, Tenant, Token},
    Case, HEALED, LATE, OWN,
    Seen::Status,
    Sent, Source, TENANT, To, WAITED, fine, then,
};

/// Not the API's usual answer, which asks for a token in the usual header.
const FINE: &[(&str, &str)] = &[(LATE, "0")];

/// With a credential for this request alone, and the caller's own header in its place.
const TENANTS: Sent = Sent {
    own: Some((TENANT, OWN)),
    with: Some(Source::Tenant),
    ..Sent::to(To::Api)
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
        .rules(|rules, _| rules.override_existing()),
        Case::new("`NoCredential`", then(&[Status(401)], &[Nothing], 0, 0))
            .sent(|sent| sent.without_credential = true),
        // The other credential is the second that the API sees, and the first of its own source.
        Case::new("a `Cached` of its own", then(&[WAITED], &[Token(2)], 1, 0)).with(Source::Tokens),
        Case::new(
            "a `Cached` of its own: its header, cold and warm",
            then(&[WAITED, fine(1)], &[Tenant(2), Tenant(2)], 1, 0),
        )
        .with(Source::Tenant)
        .answers(2, 200, FINE)
        .twice(),
        Case::new(
            "a `Cached` of its own: the caller's own header, cold and warm",
            then(
                &[Status(200), WAITED, Status(200)],
                &[OwnTenant, Tenant(2), OwnTenant],
                1,
                0,
            ),
        )
        .answers(3, 200, FINE)
        .sent(|sent| *sent = TENANTS)
        .afterwards(Sent {
            own: None,
            ..TENANTS
        })
        .afterwards(TENANTS),
        Case::new(
            "a `Cached` of its own: what refuses it",
            then(&[HEALED], &[Token(2), Token(3)], 2, 0),
        )
        .with(Source::With419)
        .answer(419, &[]),
        Case::new(
            "a `Cached` of its own: what refuses the layer's",
            then(&[Status(419)], &[Token(2)], 1, 0),
        )
        .source(Source::With419)
        .with(Source::Tokens)
        .answer(419, &[]),
        Case::new(
            "a `Cached` of its own: its origins, cold and warm",
            then(&[Status(401)], &[Nothing, Nothing], 0, 0),
        )
        .with(Source::ForTheOther)
        .twice(),
        Case::new(
            "a source that is silent on its header: the caller's own, cold and warm",
            then(&[Status(200)], &[OwnTenant, OwnTenant], 1, 0),
        )
        .source(Source::Undescribed)
        .cold()
        .answers(2, 200, FINE)
        .sent(|sent| sent.own = Some((TENANT, OWN)))
        .twice(),
        Case::new(
            "a source that is silent on its header: beside the caller's own, cold and warm",
            then(
                &[Status(200), WAITED, Status(200)],
                &[Own, Tenant(1), Own],
                1,
                0,
            ),
        )
        .source(Source::Undescribed)
        .cold()
        .answers(3, 200, FINE)
        .own_header()
        .afterwards(Sent::to(To::Api))
        .afterwards(Sent {
            own: Some(("authorization", OWN)),
            ..Sent::to(To::Api)
        }),
        Case::new(
            "the first request waits",
            then(&[WAITED, fine(1)], &[Token(1), Token(1)], 1, 0),
        )
        .cold()
        .twice(),
    ]
}
