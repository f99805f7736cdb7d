//! Other crates that keep a token, as contenders in trouble.
//!
//! Each is set up as its documentation says. Where a default forbids tokens of ten seconds (a
//! renewal half an hour ahead, for one), it is told to renew a fifth of the life ahead, as Hallpass
//! does; all other rules are its own.

mod a2a;
mod aliri;
mod asking;
mod cf_gears;
mod google;
mod middle;

use std::time::Duration;

use hallpass_benches::trouble::{self, Contender};

/// How long before its end a token is renewed.
const AHEAD: Duration = Duration::from_secs(2);

/// The project's own contenders, and the peers.
pub fn contenders() -> Vec<Contender> {
    let mut all = trouble::contenders();
    all.extend([
        cf_gears::contender(),
        middle::contender(),
        aliri::contender(),
        google::contender(),
        a2a::contender(),
    ]);
    all
}
