//! One test body for all: plays a case with an adapter, and compares.

use std::{fmt::Debug, time::Duration};

use hallpass_testkit::{Entry, Server};

use crate::{
    adapter::{Adapter, Outcome},
    case::{Api, Carried, Case, Given, OWN, Seen, Then, To},
    stage::Stage,
};

/// More than any case takes.
const LONG: Duration = Duration::from_secs(20);

pub(crate) async fn run<A: Adapter>(adapter: A, case: &Case, then: &Then) -> Result<(), String> {
    match tokio::time::timeout(LONG, play(adapter, case, then)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("no end within {LONG:?}")),
    }
}

async fn play<A: Adapter>(adapter: A, case: &Case, then: &Then) -> Result<(), String> {
    let stage = Stage::new(adapter, case).await;
    let mut tokens = Vec::new();
    if case.warm {
        tokens.push(stage.warm().await?);
    }
    let before = stage.cached.stats();
    for given in &case.given {
        stage.give(given);
    }
    let message = stage.message(case);
    let body = stage.adapter.wire(&message.body);
    let outcomes = stage.load(case.load, message).await;

    let api = carried(&stage.server, &mut tokens)?;
    let other = carried(&stage.other, &mut tokens)?;
    for (number, outcome) in outcomes.iter().enumerate() {
        let expected = then.caller.get(number).or(then.caller.last());
        let expected = expected.ok_or("a case must say what the caller sees")?;
        caller(&stage.adapter, case, outcome, expected)
            .map_err(|found| format!("the caller of request {}: {found}", number + 1))?;
    }
    match &then.api {
        Api::Carrying(expected) => same("the API saw requests with", &api, expected)?,
        Api::Counts(counts) => {
            for (what, count) in counts {
                let found = api.iter().filter(|carried| *carried == what).count();
                same(
                    &format!("the API saw, with {what:?}, requests"),
                    &found,
                    count,
                )?;
            }
            let all = counts.iter().map(|(_, count)| count).sum();
            same("the API saw, in all, requests", &api.len(), &all)?;
        }
    }
    let expected: Vec<_> = then.other.into_iter().collect();
    same("the other server saw requests with", &other, &expected)?;
    let journal = stage.server.journal();
    same("token requests", &journal.token_requests(), &then.tokens)?;
    let rejections = stage.cached.stats().rejections - before.rejections;
    same("rejections", &rejections, &then.rejections)?;
    let early = case.given.iter().any(|given| matches!(given, Given::Early));
    let entries: Vec<_> = journal.api().collect();
    for entry in &entries {
        // One that was answered before it was read has none in the journal.
        let unread = early && entry.status != 200 && entry.body.is_empty();
        if entry.body != body && !unread {
            let length = entry.body.len();
            return Err(format!("{length} bytes arrived of {} sent", body.len()));
        }
    }
    if let [first, again, ..] = entries[..]
        && then.rejections == 1
    {
        same("the replay's head", &head(again), &head(first))?;
        if case.one_connection {
            same(
                "the replay's connection",
                &again.connection,
                &first.connection,
            )?;
        }
    }
    Ok(())
}

/// All that a replay must repeat.
fn head(entry: &Entry) -> impl PartialEq + Debug + use<> {
    let mut headers = entry.headers.clone();
    headers.remove("authorization");
    (
        entry.method.clone(),
        entry.path.clone(),
        entry.query.clone(),
        headers,
    )
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, expected {expected:?}"))
    }
}

/// What each request to a server carried; never more than one header.
fn carried(server: &Server, tokens: &mut Vec<String>) -> Result<Vec<Carried>, String> {
    let journal = server.journal();
    journal
        .api()
        .map(|entry| {
            if entry.headers.get_all("authorization").iter().count() > 1 {
                return Err("a request carried two credentials".to_owned());
            }
            Ok(match (entry.header("authorization"), entry.bearer()) {
                (None, _) => Carried::Nothing,
                (Some(OWN), _) | (Some(_), None) => Carried::Own,
                (Some(_), Some(token)) => {
                    let known = tokens.iter().position(|known| known == token);
                    Carried::Token(
                        1 + known.unwrap_or_else(|| {
                            tokens.push(token.to_owned());
                            tokens.len() - 1
                        }),
                    )
                }
            })
        })
        .collect()
}

fn caller<A: Adapter>(
    adapter: &A,
    case: &Case,
    outcome: &Outcome,
    expected: &Seen,
) -> Result<(), String> {
    match (outcome, expected) {
        (Outcome::Failed(failure), Seen::Failed(expected)) => same("error", failure, expected),
        (Outcome::Answer { code, attempt }, Seen::Status(status)) => {
            same("code", code, &adapter.code(*status))?;
            let ours = case.sent.own.is_none() && !case.sent.without_credential;
            let told = ours && (*status == 200 || adapter.refusals_tell_the_attempt());
            if case.sent.to == To::Api {
                same("whether it has an attempt", &attempt.is_some(), &told)?;
            }
            Ok(())
        }
        (
            Outcome::Answer { code, attempt },
            Seen::Ok {
                generation,
                waited,
                replayed,
            },
        ) => {
            same("code", code, &adapter.code(200))?;
            let attempt = attempt.ok_or("no attempt on the response")?;
            same("generation", &attempt.generation, generation)?;
            same("waited", &attempt.waited, waited)?;
            same("replayed", &attempt.replayed, replayed)
        }
        (outcome, _) => Err(format!("{outcome:?}")),
    }
}
