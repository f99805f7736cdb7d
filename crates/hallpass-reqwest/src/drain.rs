//! Reads a short answer to its end, so that an HTTP/1.1 connection can be used again.

use std::time::Duration;

use http::Version;
use reqwest::Response;

/// A longer answer than this is dropped: closing a connection is cheaper then.
const LIMIT: usize = 16 * 1024;

/// How long the rest of a short answer may take to come. It mostly travels with its head; a new
/// connection costs more than this only where the server is far.
const PATIENCE: Duration = Duration::from_millis(50);

/// Reads what is left of a refused request's answer, or drops it. Over HTTP/2 that costs one
/// stream, and there is nothing to save.
pub(crate) async fn drain(mut response: Response) {
    let long = response
        .content_length()
        .is_some_and(|length| length > LIMIT as u64);
    if long || response.version() > Version::HTTP_11 {
        return;
    }
    let reading = async {
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > LIMIT {
                break;
            }
        }
    };
    // What comes of it does not matter: an unread rest closes the connection when it is dropped.
    let _ = tokio::time::timeout(PATIENCE, reading).await;
}
