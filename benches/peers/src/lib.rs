//! Other crates that put a token on requests, as contenders beside those of `hallpass-benches`.
//!
//! Each is set up as its documentation says, with the same token, and keeps its default rules but
//! for what would forbid the measured request.

mod aliri;
mod cf_gears;
mod kube;
mod middle;
mod noop;
mod token_endpoint;
pub mod trouble;

use std::{error::Error, sync::Arc};

use hallpass_benches::contenders::{self, Contender};
use tokio::runtime::Runtime;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Everybody, and who could not be set up with the reason.
#[derive(Debug)]
pub struct Field {
    /// The project's own contenders, the baseline first, then the peers.
    pub contenders: Vec<Contender>,
    /// Names and reasons.
    pub missing: Vec<(&'static str, String)>,
    /// Background tasks of the peers run here.
    _runtime: Arc<Runtime>,
}

/// Sets everybody up.
///
/// # Errors
/// If the project's own contenders or the runtime can't be built.
pub fn field() -> Result<Field, String> {
    let mut contenders = contenders::all().map_err(|error| error.to_string())?;
    let mut missing = vec![];
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let runtime = Arc::new(runtime);
    let endpoint = token_endpoint::start().map_err(|error| error.to_string())?;

    let mut add = |name, outcome: Outcome<Contender>| match outcome {
        Ok(contender) => contenders.push(contender),
        Err(error) => missing.push((name, error.to_string())),
    };
    add(middle::NAME, runtime.block_on(middle::contender(&endpoint)));
    add(aliri::BARE, Ok(aliri::bare()));
    add(aliri::NAME, runtime.block_on(aliri::contender()));
    add(
        cf_gears::HEADER,
        runtime.block_on(cf_gears::header(&endpoint)),
    );
    add(
        cf_gears::AUTO_REFRESH,
        runtime.block_on(cf_gears::auto_refresh(&endpoint)),
    );
    add(kube::NAME, kube::contender());
    Ok(Field {
        contenders,
        missing,
        _runtime: runtime,
    })
}
