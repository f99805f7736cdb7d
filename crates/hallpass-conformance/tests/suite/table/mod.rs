//! The table: what every adapter must show, by subject.

mod answers;
mod bodies;
mod crowds;
mod failures;
mod keys;
mod origins;
mod proofs;
mod requests;

use crate::case::Case;

pub(crate) fn table() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("Answers", answers::cases()),
        ("Bodies", bodies::cases()),
        ("Where the credential goes", origins::cases()),
        ("What the caller asks for", requests::cases()),
        ("Proofs of possession", proofs::cases()),
        ("A credential for each key", keys::cases()),
        ("No credential", failures::cases()),
        ("Many callers, and callers that leave", crowds::cases()),
    ]
}
