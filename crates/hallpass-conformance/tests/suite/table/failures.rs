//! No credential is to be had: a typed error, and nothing is sent in its place.

use crate::{
    adapter::Failure::{Permanent, Transient},
    case::{Carried::Token, Case, Given, Load, Seen::Failed, then},
};

pub(crate) fn cases() -> Vec<Case> {
    let failed = |failure| then(&[Failed(failure)], &[], 1, 0);
    let after = |failure| then(&[Failed(failure)], &[Token(1)], 1, 1);
    vec![
        Case::new("overloaded token endpoint", failed(Transient))
            .cold()
            .given(Given::NoToken(429)),
        Case::new("refused client", failed(Permanent))
            .cold()
            .given(Given::NoToken(401)),
        Case::new("the failure is remembered", failed(Permanent))
            .cold()
            .given(Given::NoToken(401))
            .load(Load::InARow(3)),
        Case::new("overloaded while renewing", after(Transient))
            .revoked()
            .given(Given::NoToken(429)),
        Case::new("refused while renewing", after(Permanent))
            .revoked()
            .given(Given::NoToken(401)),
    ]
}
