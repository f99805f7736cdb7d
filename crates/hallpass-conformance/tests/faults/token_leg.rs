//! A fault on the way to the token endpoint: first for a caller without a token, then for a renewal
//! ahead, which no caller may notice.

use std::time::Duration;

use crate::{
    callers::{Saw, Seen, Stack},
    cell::Played,
    row::{Leg, Row},
    stage::Stage,
};

/// Token requests of a renewal ahead while the fault lasts: its own, its quick retries, and those
/// of the gaps after it, which double.
const AHEAD: usize = 12;

/// How long a renewal that hangs is watched.
const WATCHED: Duration = Duration::from_millis(600);

pub(crate) async fn play(row: &Row, stack: Stack) -> Result<Played, String> {
    let stage = Stage::new(Leg::Token, row.fault, stack).await;
    let mut seen = Vec::new();
    let mut wrong = Vec::new();
    let (saw, text, requests, back) = if row.fault.needs_a_used_connection() {
        // There is none before the first token: all of it is the renewal's.
        let (back, _) = stage.back(&mut seen).await?;
        let before = stage.server.journal().token_requests();
        let saw = renewal(row, &stage, &mut seen, &mut wrong).await?;
        let requests = stage.server.journal().token_requests() - before;
        (saw, String::new(), requests, back)
    } else {
        row.fault.begin(&stage).await;
        let during = stage.call().await;
        let journal = stage.server.journal();
        let requests = journal.token_requests();
        if during.saw == Saw::NoToken && journal.api_requests() > 0 {
            wrong.push("a request was sent without a token".to_owned());
        }
        row.fault.end(&stage).await;
        let (saw, text) = (during.saw, during.text.clone());
        seen.push(during);
        let (back, failed) = stage.back(&mut seen).await?;
        if failed > 0 {
            let last = &seen[seen.len() - 2];
            wrong.push(format!(
                "{failed} calls failed after the fault's end: {last:?}"
            ));
        }
        renewal(row, &stage, &mut seen, &mut wrong).await?;
        (saw, text, requests, back)
    };
    let journal = stage.server.journal();
    if journal.api().any(|entry| entry.path != crate::stage::CALL) {
        wrong.push("the token request was carried elsewhere".to_owned());
    }
    wrong.extend(stage.always(&seen));
    Ok(Played {
        saw,
        text,
        requests,
        back,
        wrong,
    })
}

/// A token that is due serves on, whatever becomes of its renewal, which comes after the fault's
/// end at the latest. What its callers saw.
async fn renewal(
    row: &Row,
    stage: &Stage,
    seen: &mut Vec<Seen>,
    wrong: &mut Vec<String>,
) -> Result<Saw, String> {
    let before = stage.cached.stats();
    let asked = stage.server.journal().token_requests();
    row.fault.begin(stage).await;
    stage.make_due();
    let (start, mut saw) = (tokio::time::Instant::now(), None);
    loop {
        let outcome = stage.call().await;
        if !outcome.saw.is_ok() || outcome.attempt.is_none_or(|attempt| attempt.waited) {
            wrong.push(format!("a caller noticed the renewal: {outcome:?}"));
        }
        saw = saw.or(Some(outcome.saw));
        seen.push(outcome);
        let now = stage.cached.stats();
        let decided = now.failures > before.failures || now.generation > before.generation;
        if decided || start.elapsed() > WATCHED || !wrong.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = stage.server.journal().token_requests() - asked;
    if asked > AHEAD {
        wrong.push(format!("{asked} token requests for a renewal ahead"));
    }
    row.fault.end(stage).await;
    let renewed = async {
        while stage.cached.stats().generation <= before.generation {
            let outcome = stage.call().await;
            if !outcome.saw.is_ok() {
                wrong.push(format!("a caller noticed the renewal: {outcome:?}"));
            }
            seen.push(outcome);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let renewed = tokio::time::timeout(Duration::from_secs(20), renewed).await;
    renewed.map_err(|_| {
        format!(
            "no renewal after the fault's end: {:?}",
            stage.cached.stats()
        )
    })?;
    saw.ok_or_else(|| "nobody called".to_owned())
}
