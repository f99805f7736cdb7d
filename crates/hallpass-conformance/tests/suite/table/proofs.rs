//! Tokens that are bound to a key (RFC 9449), and the nonces that servers want in proofs of it.

use super::{
    answers::{ALWAYS, FIRST, FOLLOWS},
    bodies::{ITS_OWN, NO_GOAWAY},
};
use crate::{
    adapter::Failure,
    adapters::names::{HTTP1, REQWEST, RUN, TONIC},
    case::{
        Below,
        Carried::{Nothing, OwnProof, Proved},
        Case, DPOP, Given, HEALED, LATE, Load, NONCE, OWN_PROOF, Seen, Size, Sort, Source, Then,
        To, WAITED, fine, then,
    },
};

const WANTS_NONCE: &str = "DPoP error=\"use_dpop_nonce\"";
const DEAD: &str = "DPoP error=\"invalid_token\"";
const BEARER: &str = r#"{"access_token":"t","token_type":"Bearer","expires_in":300}"#;

/// Sent again with the token in hand.
const PROVED_AGAIN: Seen = Seen::Ok {
    generation: 1,
    waited: false,
    replayed: true,
};

const ONE: Option<&str> = Some("n1");
const TWO: Option<&str> = Some("n2");

pub(crate) fn cases() -> Vec<Case> {
    [sequences(), at_the_token_endpoint(), beside()].concat()
}

fn bound(name: &'static str, then: Then) -> Case {
    Case::new(name, then).source(Source::Bound)
}

impl Case {
    /// The API's next answer is a 401 with this challenge, and a nonce if any.
    fn asks(self, challenge: &'static str, nonce: Option<&'static str>) -> Self {
        let challenge = ("www-authenticate", challenge);
        match nonce {
            Some(nonce) => self.answer(401, &[challenge, (NONCE, nonce)]),
            None => self.answer(401, &[challenge]),
        }
    }

    fn wants(self, nonce: &'static str) -> Self {
        self.asks(WANTS_NONCE, Some(nonce))
    }
}

/// What the API answers in turn.
fn sequences() -> Vec<Case> {
    let first = Proved(1, None);
    vec![
        bound(
            "a proof with each request",
            then(&[fine(1)], &[first; 2], 0, 0),
        )
        .twice(),
        bound(
            "401, a nonce",
            then(&[PROVED_AGAIN], &[first, Proved(1, ONE)], 0, 0),
        )
        .wants("n1"),
        bound(
            "401, a nonce; then a dead token and another nonce",
            then(&[HEALED], &[first, Proved(1, ONE), Proved(2, TWO)], 1, 1),
        )
        .wants("n1")
        .asks(DEAD, TWO),
        bound(
            "401, a dead token and a nonce; then another nonce",
            then(&[HEALED], &[first, Proved(2, ONE), Proved(2, TWO)], 1, 1),
        )
        .asks(DEAD, ONE)
        .wants("n2"),
        bound(
            "401, a nonce; then another one: kept for the next request",
            then(
                &[Seen::Status(401), fine(1)],
                &[first, Proved(1, ONE), Proved(1, TWO)],
                0,
                0,
            ),
        )
        .wants("n1")
        .wants("n2")
        .twice(),
        bound(
            "401, a nonce; then the same",
            then(&[Seen::Status(401)], &[first, Proved(1, ONE)], 0, 0),
        )
        .wants("n1")
        .wants("n1"),
        bound(
            "401, a nonce is wanted and none is there",
            then(&[Seen::Status(401)], &[first], 0, 0),
        )
        .asks(WANTS_NONCE, None),
        bound(
            "401, the proof is refused",
            then(&[Seen::Status(401)], &[first], 0, 0),
        )
        .asks("DPoP error=\"invalid_dpop_proof\"", None),
        bound(
            "401, a challenge of Bearer alone: never sent as one",
            then(&[HEALED], &[first, Proved(2, None)], 1, 1),
        )
        .asks("Bearer error=\"invalid_token\"", None),
        bound(
            "200 with a nonce: the next proof has it",
            then(&[fine(1)], &[first, Proved(1, ONE)], 0, 0),
        )
        .answer(200, &[(LATE, "0"), (NONCE, "n1")])
        .twice(),
        bound(
            "`grpc-status: 16` in the headers, and a nonce",
            then(&[PROVED_AGAIN], &[first, Proved(1, ONE)], 0, 0),
        )
        .answer(200, &[("grpc-status", "16"), (NONCE, "n1")]),
        bound(
            "`grpc-status: 16` and a nonce; then again: the token is dead",
            then(&[HEALED], &[first, Proved(1, ONE), Proved(2, TWO)], 1, 1),
        )
        .answer(200, &[("grpc-status", "16"), (NONCE, "n1")])
        .answer(200, &[("grpc-status", "16"), (NONCE, "n2")]),
        bound(
            "403 with a nonce: the next proof has it",
            then(
                &[Seen::Status(403), fine(1)],
                &[first, Proved(1, ONE)],
                0,
                0,
            ),
        )
        .answer(403, &[(NONCE, "n1")])
        .twice(),
        bound(
            "401, a nonce, without replay: the next proof has it",
            then(
                &[Seen::Status(401), fine(1)],
                &[first, Proved(1, ONE)],
                0,
                0,
            ),
        )
        .wants("n1")
        .twice()
        .without_replay()
        .not_applicable(&[RUN], ALWAYS),
    ]
}

fn at_the_token_endpoint() -> Vec<Case> {
    let first = Proved(1, None);
    let wants = Given::TokenAnswers(400, r#"{"error":"use_dpop_nonce"}"#, ONE);
    let bearer = Given::TokenAnswers(200, BEARER, None);
    vec![
        bound(
            "the token endpoint wants a nonce",
            then(&[WAITED], &[first], 2, 0),
        )
        .cold()
        .given(wants),
        bound(
            "the token endpoint issues a bearer token instead",
            then(&[Seen::Failed(Failure::Permanent)], &[], 1, 0),
        )
        .cold()
        .given(bearer),
        bound(
            "a server that wants nonces everywhere",
            then(
                &[WAITED_AND_PROVED],
                &[first, Proved(1, Some("api-0"))],
                2,
                0,
            ),
        )
        .source(Source::BoundWithNonces)
        .cold(),
    ]
}

/// Waited for a token, and was asked for a nonce.
const WAITED_AND_PROVED: Seen = Seen::Ok {
    generation: 1,
    waited: true,
    replayed: true,
};

/// Real refusals, redirects, other connections, and crowds.
fn beside() -> Vec<Case> {
    let first = Proved(1, None);
    let known = Proved(1, Some("api-0"));
    let new = |token| Proved(token, Some("api-2"));
    vec![
        bound(
            "a dead token that is bound to a key",
            then(&[HEALED], &[first, Proved(2, None)], 1, 1).one_connection(),
        )
        .revoked(),
        bound(
            "other nonces all of a sudden",
            then(&[PROVED_AGAIN], &[known, new(1)], 0, 0),
        )
        .source(Source::BoundWithNonces)
        .given(Given::OtherNonces),
        bound(
            "other nonces and a dead token",
            then(&[HEALED], &[known, new(2)], 2, 1),
        )
        .source(Source::BoundWithNonces)
        .revoked()
        .given(Given::OtherNonces),
        bound(
            "other nonces for eight at once",
            then(&[PROVED_AGAIN], &[], 0, 0).counts(&[(known, 8), (new(1), 8)]),
        )
        .source(Source::BoundWithNonces)
        .given(Given::OtherNonces)
        .load(Load::Together(8)),
        bound(
            "other nonces and a body",
            then(&[PROVED_AGAIN], &[known, new(1)], 0, 0),
        )
        .source(Source::BoundWithNonces)
        .given(Given::OtherNonces)
        .body(Sort::Bytes(Size::Of(2000))),
        bound("a proof of the caller's own", {
            then(&[Seen::Status(401)], &[OwnProof], 0, 0)
        })
        .sent(|sent| sent.own = Some((DPOP, OWN_PROOF))),
        bound("307 within the origin, with a proof", {
            then(&[Seen::Status(307)], &[first], 0, 0)
        })
        .answer(307, &[("location", "/elsewhere")])
        .differs(&[REQWEST], &then(&[fine(1)], &[first; 2], 0, 0), FOLLOWS),
        bound("a redirect to another origin, with a proof", {
            then(&[Seen::Status(307)], &[first], 0, 0)
        })
        .answer(307, &[("location", "{other}/elsewhere")])
        .differs(
            &[REQWEST],
            &then(&[Seen::Status(401)], &[first], 0, 0).other(Nothing),
            FOLLOWS,
        ),
        bound("another origin, with a proof", {
            then(&[Seen::Failed(Failure::Destination)], &[], 0, 0)
        })
        .to(To::Other),
        bound(
            "GOAWAY before it was processed, with a proof",
            then(&[fine(1)], &[first; 3], 0, 0),
        )
        .below(Below::Goaway)
        .load(Load::InARow(3))
        .not_applicable(&[HTTP1], NO_GOAWAY)
        .not_applicable(&[TONIC], ITS_OWN),
        bound("401, `grpc-status: 7` in the headers, and a nonce", {
            then(
                &[Seen::Status(401), fine(1)],
                &[first, Proved(1, ONE)],
                0,
                0,
            )
        })
        .answer(401, &[("grpc-status", "7"), (NONCE, "n1")])
        .twice()
        .differs(
            &[TONIC],
            &then(
                &[Seen::Status(403), fine(1)],
                &[first, Proved(1, ONE)],
                0,
                0,
            ),
            FIRST,
        ),
        bound("503, with a proof", {
            then(&[Seen::Status(503)], &[first], 0, 0)
        })
        .answer(503, &[]),
    ]
}
