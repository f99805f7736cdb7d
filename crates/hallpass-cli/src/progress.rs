//! What is told on standard error while something takes longer than a second.

use std::{future::Future, pin::pin, time::Duration};

use tokio::time::{self, Instant};

use crate::output;

/// After this long people wonder whether anything happens.
const FIRST: Duration = Duration::from_secs(1);

/// And from then on this often.
const AGAIN: Duration = Duration::from_secs(5);

/// Waits for `work`, and says that it still waits and for what.
pub(crate) async fn while_waiting<T>(what: &str, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let mut work = pin!(work);
    let mut pause = FIRST;
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = time::sleep(pause) => {
                output::note(&format!("hallpass: {what}… {} s", start.elapsed().as_secs()));
                pause = AGAIN;
            }
        }
    }
}
