//! Counts allocations for `compare`; see `hallpass_benches::counting`.

use hallpass_benches::{contenders, counting};

fn main() -> Result<(), String> {
    let contenders = contenders::all().map_err(|error| error.to_string())?;
    counting::main(&contenders, |part| {
        let counted = allocation_counter::measure(part);
        (counted.count_total, counted.bytes_total)
    })
}
