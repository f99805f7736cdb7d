//! Where the credential goes, and where it does not.

use super::answers::FOLLOWS;
use crate::{
    adapter::Failure,
    adapters::names::REQWEST,
    case::{
        Carried::{Nothing, Own, Token},
        Case, Given,
        Seen::Status,
        Sent, Source, To, WAITED, fine, refused, then,
    },
};

const USER: &str = "reqwest makes an Authorization header of user information before any \
                    middleware sees the request, which is then a header of the caller's own";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("a second origin, none named", refused(Failure::Destination)).to(To::Other),
        Case::new(
            "an origin that is not among the named",
            then(&[Status(200)], &[], 0, 0).other(Nothing),
        )
        .rules(|rules, places| rules.origins([&places.api]).unwrap())
        .given(Given::OtherAnswers(200))
        .to(To::Other),
        Case::new(
            "its 401 is not ours",
            then(&[Status(401)], &[], 0, 0).other(Nothing),
        )
        .rules(|rules, places| rules.origins([&places.api]).unwrap())
        .given(Given::OtherAnswers(401))
        .to(To::Other),
        Case::new(
            "an origin that is among the named",
            then(&[Status(200)], &[], 0, 0).other(Token(1)),
        )
        .rules(|rules, places| rules.origins([&places.api, &places.other]).unwrap())
        .given(Given::OtherAnswers(200))
        .to(To::Other),
        Case::new(
            "any origin",
            then(&[Status(200)], &[], 0, 0).other(Token(1)),
        )
        .rules(|rules, _| rules.any_origin())
        .given(Given::OtherAnswers(200))
        .to(To::Other),
        Case::new("plain http to elsewhere", refused(Failure::Destination))
            .to(To::Remote)
            .cold(),
        Case::new(
            "plain http to elsewhere, allowed",
            then(&[WAITED], &[Token(1)], 1, 0),
        )
        .rules(|rules, _| rules.dangerously_allow_http())
        .to(To::Remote)
        .cold(),
        Case::new("user information in the URL", refused(Failure::Destination))
            .to(To::User)
            .differs(&[REQWEST], &then(&[Status(401)], &[Own], 0, 0), USER),
        away(Case::new(
            "a redirect to another origin",
            then(&[Status(307)], &[Token(1)], 0, 0),
        )),
        away(Case::new(
            "a redirect to another origin, with a header beside the token",
            then(&[Status(307)], &[Token(1)], 0, 0),
        ))
        .source(Source::TokensAndKey),
        Case::new(
            "the caller's own header to a second origin",
            then(&[Status(200)], &[], 0, 0).other(Own),
        )
        .given(Given::OtherAnswers(200))
        .own_header()
        .to(To::Other),
        Case::new(
            "the caller's own header over plain http to elsewhere",
            then(&[Status(401)], &[Own], 0, 0),
        )
        .own_header()
        .to(To::Remote)
        .cold(),
        Case::new(
            "the caller's own header binds nothing",
            then(&[Status(200), WAITED], &[Token(1)], 1, 0).other(Own),
        )
        .given(Given::OtherAnswers(200))
        .own_header()
        .to(To::Other)
        .cold()
        .afterwards(Sent::to(To::Api)),
        Case::new(
            "the first origin again",
            then(&[fine(1)], &[Token(1)], 0, 0),
        ),
    ]
}

/// Redirected to the other server, which asks for nothing.
fn away(case: Case) -> Case {
    case.answer(307, &[("location", "{other}/")])
        .given(Given::OtherAnswers(200))
        .to(To::Api)
        .differs(
            &[REQWEST],
            &then(&[Status(200)], &[Token(1)], 0, 0).other(Nothing),
            FOLLOWS,
        )
}
