//! From a [`Profile`](crate::Profile), a client and a grant to everything that is settled before the
//! first fetch.

mod assertion;
mod attach;
mod checks;
mod compile;
mod inputs;
mod request;
mod settings;

pub(crate) use self::{
    checks::{header_name, origins},
    compile::{Plan, ResponsePlan, compile},
    inputs::{ASSERTION, GrantInput, GrantInputs, ResolvedInputs},
    request::header_value,
    settings::Settings,
};
