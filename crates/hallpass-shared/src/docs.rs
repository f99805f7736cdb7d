//! How to run it.

#[doc = include_str!("../docs/fleet.md")]
pub mod fleet {}
