//! Pages to read: how the engine works, and where it runs.

#[doc = include_str!("../docs/engine.md")]
pub mod engine {}

#[doc = include_str!("../docs/keyed.md")]
pub mod keyed {}

#[doc = include_str!("../docs/observability.md")]
pub mod observability {}

#[doc = include_str!("../docs/runtimes.md")]
pub mod runtimes {}
