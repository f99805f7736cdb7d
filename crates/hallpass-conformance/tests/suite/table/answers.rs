//! What each answer of the API means for credential and request.

use crate::{
    adapters::names::{HTTP, REQWEST, RUN, TONIC},
    case::{
        AT_ONCE, Carried::Token, Case, Given, HEALED, LATE, Load, Seen::Status, Size, Sort, Source,
        To, dropped, fine, healed, kept, then,
    },
};

const OUT_OF_SIGHT: &str =
    "an HTTP adapter looks at no body, and trailers come after it: the status in them is gRPC's";
const HTTP_STATUS: &str = "an HTTP caller sees the HTTP status, which is 200";
pub(super) const FIRST: &str = "the gRPC status goes before the HTTP status";
const MISSING: &str = "a gRPC answer without a status in 200 is UNKNOWN";
pub(super) const ALWAYS: &str =
    "it always replays: who wants no replay asks `admit` and `answered` instead";

pub(super) const FOLLOWS: &str = "the reqwest client follows redirects, each as a request of its \
                                  own that gets the credential if it may";

pub(crate) fn cases() -> Vec<Case> {
    [first_answers(), replays()].concat()
}

fn first_answers() -> Vec<Case> {
    vec![
        Case::new("200", then(&[fine(1)], &[Token(1)], 0, 0)),
        Case::new("a dead token", healed().one_connection()).revoked(),
        Case::new("401, `invalid_token`", healed()).challenged("Bearer error=\"invalid_token\""),
        Case::new("401, bare challenge", healed()).challenged("Bearer"),
        Case::new("401, another scheme", healed()).challenged("Basic realm=\"x\""),
        Case::new("401, no challenge", healed()).answer(401, &[]),
        Case::new("401, `insufficient_scope`", kept(401))
            .challenged("Bearer error=\"insufficient_scope\""),
        Case::new("401, `insufficient_user_authentication`", kept(401))
            .challenged("Bearer error=\"insufficient_user_authentication\""),
        Case::new("401, `invalid_request`", kept(401))
            .challenged("Bearer error=\"invalid_request\""),
        Case::new("400, `invalid_request`", kept(400)).answer(
            400,
            &[("www-authenticate", "Bearer error=\"invalid_request\"")],
        ),
        Case::new("403", kept(403)).answer(403, &[]),
        Case::new("403, `insufficient_scope`", kept(403)).answer(
            403,
            &[("www-authenticate", "Bearer error=\"insufficient_scope\"")],
        ),
        Case::new("407", kept(407)).answer(407, &[]),
        Case::new("429", kept(429)).answer(429, &[]),
        Case::new("503", kept(503)).answer(503, &[]),
        Case::new("419, which no rule names", kept(419)).answer(419, &[]),
        Case::new("419, which a rule names", healed())
            .rules(|rules, _| rules.rejected_when(|status, _| status == 419))
            .answer(419, &[]),
        Case::new("200, `grpc-status: 16` in the headers", healed())
            .answer(200, &[("grpc-status", "16")]),
        Case::new("200, `grpc-status: 7` in the headers", kept(403))
            .answer(200, &[("grpc-status", "7")])
            .differs(&HTTP, &then(&[fine(1)], &[Token(1)], 0, 0), HTTP_STATUS),
        Case::new("401, `grpc-status: 7` in the headers", kept(401))
            .answer(401, &[("grpc-status", "7")])
            .differs(&[TONIC], &kept(403), FIRST),
        Case::new(
            "`grpc-status: 16` in trailers right after the head",
            healed(),
        )
        .answer(200, &[(AT_ONCE, "16")])
        .not_applicable(&HTTP, OUT_OF_SIGHT),
        Case::new(
            "`grpc-status: 16` in trailers after a message",
            dropped(401),
        )
        .answer(200, &[(LATE, "16")])
        .renewed()
        .not_applicable(&HTTP, OUT_OF_SIGHT),
        Case::new(
            "`grpc-status: 16` in trailers, for ever: one renewal",
            then(&[Status(401)], &[], 1, 1).whatever_it_takes(),
        )
        .answers(100, 200, &[(AT_ONCE, "16")])
        .load(Load::InARow(12))
        .not_applicable(&HTTP, OUT_OF_SIGHT),
        Case::new(
            "`grpc-status: 16` in trailers after a message, for ever: one renewal",
            then(&[Status(401)], &[], 1, 1).whatever_it_takes(),
        )
        .answers(100, 200, &[(LATE, "16")])
        .load(Load::InARow(12))
        .not_applicable(&HTTP, OUT_OF_SIGHT),
        Case::new("`grpc-status: 7` in trailers", kept(403))
            .answer(200, &[(LATE, "7")])
            .not_applicable(&HTTP, OUT_OF_SIGHT),
        Case::new(
            "200 without a `grpc-status`",
            then(&[fine(1)], &[Token(1)], 0, 0),
        )
        .answer(200, &[])
        .differs(&[TONIC], &kept(500), MISSING),
        Case::new("307 within the origin", kept(307))
            .answer(307, &[("location", "/elsewhere")])
            .differs(
                &[REQWEST],
                &then(&[fine(1)], &[Token(1), Token(1)], 0, 0),
                FOLLOWS,
            ),
        Case::new("303 to what answers 401: one POST", kept(303))
            .to(To::Orders)
            .body(Sort::Bytes(Size::Of(12)))
            .differs(
                &[REQWEST],
                &then(&[Status(401)], &[Token(1), Token(1), Token(2)], 1, 1),
                FOLLOWS,
            ),
    ]
}

/// What comes of the second sending, and of more than one refusal.
fn replays() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, status) in [
        ("the replay's own answer: 401", 401),
        ("the replay's own answer: 403", 403),
        ("the replay's own answer: 503", 503),
    ] {
        let seen = then(&[Status(status)], &[Token(1), Token(2)], 1, 1);
        cases.push(Case::new(name, seen).answer(401, &[]).answer(status, &[]));
    }
    cases.push(
        Case::new(
            "401 for ever: one renewal",
            then(&[Status(401)], &[], 1, 1).whatever_it_takes(),
        )
        .answers(100, 401, &[])
        .load(Load::InARow(12)),
    );
    cases.push(
        Case::new(
            "a late 401 for the token before",
            then(
                &[
                    crate::case::Seen::Ok {
                        generation: 2,
                        waited: false,
                        replayed: true,
                    },
                    HEALED,
                ],
                &[Token(1), Token(1), Token(2), Token(2)],
                1,
                1,
            ),
        )
        .given(Given::SlowOnce)
        .revoked()
        .load(Load::Overtaken),
    );
    cases.push(
        Case::new("without replay", dropped(401))
            .revoked()
            .without_replay()
            .renewed()
            .not_applicable(&[RUN], ALWAYS),
    );
    cases.push(
        Case::new(
            "a static key: never the same again",
            then(&[Status(401)], &[Token(1), Token(1)], 0, 0),
        )
        .source(Source::Static)
        .cold()
        .twice(),
    );
    cases.push(
        Case::new(
            "a sticky issuer: never the same again",
            then(&[Status(401), fine(1)], &[Token(1), Token(1)], 1, 1),
        )
        .given(Given::Sticky)
        .answer(401, &[])
        .twice(),
    );
    cases
}
