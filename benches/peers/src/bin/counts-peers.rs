//! Counts allocations for `compare-peers`; see `hallpass_benches::counting`.

use hallpass_benches::counting;

fn main() -> Result<(), String> {
    let field = hallpass_peers::field()?;
    counting::main(&field.contenders, |part| {
        let counted = allocation_counter::measure(part);
        (counted.count_total, counted.bytes_total)
    })
}
