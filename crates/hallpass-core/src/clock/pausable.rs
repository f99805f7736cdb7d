//! Whether tokio's clock can be paused in this build.

/// Whether tokio was built with `test-util`, without which nobody can pause its clock.
///
/// A crate can't ask for the features of another. But tokio has a function of this name with that
/// feature alone, and a name from a glob import goes before one that stands outside of the block.
pub(super) const PAUSABLE: bool = {
    #[allow(
        unused_imports,
        clippy::wildcard_imports,
        reason = "whether it brings anything is the question"
    )]
    use tokio::time::*;
    is_tokios(pause)
};

#[allow(dead_code, reason = "stands in for tokio's")]
fn pause() -> Nothing {
    Nothing
}

struct Nothing;

trait Returned {
    const BY_TOKIO: bool;
}

impl Returned for () {
    const BY_TOKIO: bool = true;
}

impl Returned for Nothing {
    const BY_TOKIO: bool = false;
}

const fn is_tokios<R: Returned>(_pause: fn() -> R) -> bool {
    R::BY_TOKIO
}
