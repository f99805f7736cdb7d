//! A fault on the way to the API. The credential is at hand, and must not suffer.

use crate::{
    callers::Stack,
    cell::Played,
    fault::NEWS,
    row::{Leg, Row},
    stage::Stage,
};

pub(crate) async fn play(row: &Row, stack: Stack) -> Result<Played, String> {
    let stage = Stage::new(Leg::Api, row.fault, stack).await;
    stage
        .cached
        .get()
        .await
        .map_err(|error| format!("{error:?}"))?;
    let mut seen = Vec::new();
    if row.fault.needs_a_used_connection() {
        stage.back(&mut seen).await?;
    }
    let before = stage.server.journal().api_requests();
    row.fault.begin(&stage).await;
    let during = stage.call_in_doubt(row.fault).await;
    let requests = stage.server.journal().api_requests() - before;
    // A connection that was reset has been given up by then, so that no call crosses with it.
    tokio::time::sleep(NEWS).await;
    row.fault.end(&stage).await;
    let (saw, text) = (during.saw, during.text.clone());
    seen.push(during);
    let (back, failed) = stage.back(&mut seen).await?;

    let mut wrong = stage.always(&seen);
    if failed > row.fault.crosses(stack) {
        let last = &seen[seen.len() - 2];
        wrong.push(format!(
            "{failed} calls failed after the fault's end: {last:?}"
        ));
    }
    let tokens = stage.server.journal().token_requests();
    if tokens != 1 {
        wrong.push(format!("{tokens} token requests for trouble of the API's"));
    }
    Ok(Played {
        saw,
        text,
        requests,
        back,
        wrong,
    })
}
