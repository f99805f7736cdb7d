#![doc = include_str!("../docs/guide/index.md")]
//!
#![doc = include_str!("../docs/guide/token_life.svg")]
//!
#![doc = include_str!("../docs/guide/index_refused.md")]
//!
#![doc = include_str!("../docs/guide/refused.svg")]
//!
#![doc = include_str!("../docs/guide/index_end.md")]

#[doc = include_str!("../docs/guide/first_token.md")]
pub mod first_token {}

#[doc = include_str!("../docs/guide/adapters.md")]
pub mod adapters {}

#[doc = include_str!("../docs/guide/layer_order.md")]
pub mod layer_order {}

#[doc = include_str!("../docs/guide/sources.md")]
pub mod sources {}

#[doc = include_str!("../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/guide/tenants.md")]
pub mod tenants {}

#[doc = include_str!("../docs/guide/failures.md")]
pub mod failures {}

#[doc = include_str!("../docs/guide/observability.md")]
pub mod observability {}

#[doc = include_str!("../docs/guide/security.md")]
pub mod security {}

#[doc = include_str!("../docs/guide/migration.md")]
pub mod migration {}

// Pages that stand with the code that they are about.
#[doc(inline)]
pub use crate::{
    core::docs::{engine, runtimes},
    oauth2::docs::{dpop, profiles},
    shared::docs::fleet,
};
