//! Published clients with a credential underneath: each makes its calls while the token is revoked
//! twice, and prints one row. `cargo xtask clients [NAME…]` runs it.

mod front;
mod grpc;
mod rows;
mod stage;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    println!("| client | how | calls | revoked | refused | sent again | token requests | |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut failed = 0;
    for row in rows::all() {
        if !wanted.is_empty() && !wanted.iter().any(|name| row.client.contains(name.as_str())) {
            continue;
        }
        let report = row.run().await;
        println!("{report}");
        failed += u32::from(!report.is_healed());
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        eprintln!("{failed} clients did not heal");
        ExitCode::FAILURE
    }
}
