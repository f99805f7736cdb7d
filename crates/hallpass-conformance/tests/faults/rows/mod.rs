//! All rows.

mod answers;
mod links;

use crate::{
    callers::Saw,
    row::{Row, Sees},
};

pub(crate) fn all() -> Vec<Row> {
    [
        links::token(),
        answers::token(),
        links::api(),
        answers::api(),
    ]
    .concat()
}

/// How many token requests a caller without a token may cause within its patience of 2 s: the first,
/// two quick retries where the trouble is a connection's or a gateway's, and one more fetch for each
/// gap, which is drawn between nothing and 0.5 s, then 1 s.
pub(crate) const MOST: usize = 18;

pub(crate) const NO_TOKEN: Sees = Sees::Just(Saw::NoToken);
