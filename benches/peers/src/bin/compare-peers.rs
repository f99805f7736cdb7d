//! `cargo xtask bench --peers`, with the options of `cargo xtask bench`.

use hallpass_benches::compare;

fn main() -> Result<(), String> {
    let field = hallpass_peers::field()?;
    compare::main(&field.contenders, &field.missing)
}
