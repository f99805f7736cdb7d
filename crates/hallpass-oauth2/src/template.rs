//! Texts with `{names}` in them: read, checked, and filled.

mod compiled;
mod expand;
mod parse;
mod placeholder;
mod time;

pub(crate) use self::{
    compiled::{EXPANSION_LIMIT, Template, TemplateContext, Unfilled},
    expand::{Place, expand},
    parse::{Fault, Stage, is_placeholder, literal, names, variable},
};
