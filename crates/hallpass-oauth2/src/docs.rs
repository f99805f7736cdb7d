//! Pages to read.

#[doc = include_str!("../docs/dpop.md")]
pub mod dpop {}

#[doc = include_str!("../docs/profiles.md")]
pub mod profiles {}
