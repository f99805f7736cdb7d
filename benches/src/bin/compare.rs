//! `cargo xtask bench [--json FILE] [--svg FILE] [--markdown FILE] [--rounds N] [--lap N]`

use hallpass_benches::{compare, contenders};

fn main() -> Result<(), String> {
    let contenders = contenders::all().map_err(|error| error.to_string())?;
    compare::main(&contenders, &[])
}
