//! `cargo xtask trouble --peers`, with the options of `cargo xtask trouble`.

fn main() -> Result<(), String> {
    hallpass_benches::trouble::main(&hallpass_peers::trouble::contenders())
}
