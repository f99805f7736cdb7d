//! Pages to read.

#[doc = include_str!("../docs/dpop.md")]
pub mod dpop {}
