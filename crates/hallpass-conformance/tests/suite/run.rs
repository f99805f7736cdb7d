//! One test body for all: plays a case with an adapter, and compares.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    ops::RangeInclusive,
    time::Duration,
};

use hallpass_testkit::{Entry, Server};
use http::Method;

use crate::{
    adapter::{Adapter, Outcome},
    case::{
        Api, BESIDE, Carried, Case, DPOP, Given, Key, OWN, OWN_PROOF, Seen, Sort, Source, TENANT,
        Then, To,
    },
    stage::{ACTION, Stage},
};

/// More than any case takes on a busy machine, and less than what [`stage::LONG`](crate::stage::LONG)
/// puts off.
const LONG: Duration = Duration::from_secs(55);

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
        stage.give(given).await;
    }
    let message = stage.message(&case.sent);
    let body = stage.adapter.wire(&message.body);
    let mut outcomes = stage.load(case.load, message).await;
    for sent in &case.afterwards {
        outcomes.push(stage.send(stage.message(sent)).await);
    }

    let key = case.source == Source::TokensAndKey;
    let api = carried(&stage.server, &mut tokens, key)?;
    proofs_are_new(&stage.server)?;
    let other = carried(&stage.other, &mut tokens, key)?;
    for (number, outcome) in outcomes.iter().enumerate() {
        let expected = then.caller.get(number).or(then.caller.last());
        let expected = expected.ok_or("a case must say what the caller sees")?;
        caller(&stage.adapter, case, then, outcome, expected)
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
        Api::Any => {}
    }
    same("the other server saw requests with", &other, &then.other)?;
    let journal = stage.server.journal();
    within("token requests", &journal.token_requests(), &then.tokens)?;
    let rejections = stage.cached.stats().rejections - before.rejections;
    within("rejections", &rejections, &then.rejections)?;
    // By its status alone, a refusal of gRPC's is an answer like any other.
    let by_status = |given: &Given| !matches!(given, Given::Answer(_, 200, _));
    if case.given.iter().all(by_status) {
        same("actions done twice", &journal.duplicates(ACTION), &0)?;
    }

    let early = |given: &Given| matches!(given, Given::Early | Given::Unread);
    let early = case.given.iter().any(early);
    let entries: Vec<_> = journal.api().collect();
    let alike = case.afterwards.is_empty() || matches!(case.sent.body, Sort::None);
    for entry in entries.iter().filter(|entry| entry.method == Method::POST) {
        // One that was answered before it was read has none in the journal.
        let unread = early && entry.status != 200 && entry.body.is_empty();
        if alike && entry.body != body && !unread {
            let length = entry.body.len();
            return Err(format!("{length} bytes arrived of {} sent", body.len()));
        }
    }
    repeated(&entries, then.one_connection)
}

/// Whatever is sent again, other than to where a redirect leads, is what was sent before.
fn repeated(entries: &[&Entry], one_connection: bool) -> Result<(), String> {
    let mut before: HashMap<_, &Entry> = HashMap::new();
    for entry in entries {
        let Some(first) = before.insert(entry.header(ACTION), entry) else {
            continue;
        };
        if (300..400).contains(&first.status) {
            continue;
        }
        same("the replay's head", &head(entry), &head(first))?;
        if one_connection {
            let connections = (&entry.connection, &first.connection);
            same("the replay's connection", connections.0, connections.1)?;
        }
    }
    Ok(())
}

/// All that a replay must repeat.
fn head(entry: &Entry) -> impl PartialEq + Debug + use<> {
    let mut headers = entry.headers.clone();
    for ours in ["authorization", DPOP, TENANT, BESIDE] {
        headers.remove(ours);
    }
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

fn within<T: PartialOrd + Debug>(
    what: &str,
    found: &T,
    expected: &RangeInclusive<T>,
) -> Result<(), String> {
    if expected.contains(found) {
        Ok(())
    } else {
        Err(format!("{what}: {found:?}, expected {expected:?}"))
    }
}

/// What each request to a server carried: never more than one credential, nor part of one.
fn carried(server: &Server, tokens: &mut Vec<String>, key: bool) -> Result<Vec<Carried>, String> {
    let mut nth = |token: &str| {
        let known = tokens.iter().position(|known| known == token);
        1 + known.unwrap_or_else(|| {
            tokens.push(token.to_owned());
            tokens.len() - 1
        })
    };
    let journal = server.journal();
    let mut all = Vec::new();
    for entry in journal.api() {
        if let Some(what) = proved(entry, &mut nth)? {
            all.push(what);
            continue;
        }
        let ours = ["authorization", TENANT].into_iter();
        let values = ours.flat_map(|name| entry.headers.get_all(name));
        if values.count() > 1 {
            return Err("a request carried two credentials".to_owned());
        }
        let what = match (entry.header("authorization"), entry.header(TENANT)) {
            (_, Some(OWN)) => Carried::OwnTenant,
            (_, Some(token)) => Carried::Tenant(nth(token)),
            (None, None) => Carried::Nothing,
            (Some(OWN), None) => Carried::Own,
            (Some(_), None) => entry
                .bearer()
                .map_or(Carried::Own, |token| Carried::Token(nth(token))),
        };
        let whole = key && matches!(what, Carried::Token(_));
        if entry.headers.contains_key(BESIDE) != whole {
            return Err(format!("{BESIDE} beside {what:?}, or not"));
        }
        all.push(what);
    }
    Ok(all)
}

/// What a request carried if it had a proof: one, for this token, method and URL.
fn proved(entry: &Entry, nth: &mut impl FnMut(&str) -> usize) -> Result<Option<Carried>, String> {
    let proofs = entry.headers.get_all(DPOP).iter().count();
    match (proofs, entry.bound_token(), entry.header(DPOP)) {
        (0, None, _) => return Ok(None),
        (1, None, Some(OWN_PROOF)) => return Ok(Some(Carried::OwnProof)),
        (1, Some(_), _) => {}
        (proofs, token, _) => {
            return Err(format!(
                "{proofs} proofs with {} token",
                usize::from(token.is_some())
            ));
        }
    }
    let token = entry.bound_token().unwrap_or_default();
    let proof = entry.proof().ok_or("a proof that is none")?;
    same("the proof's method", &proof.htm, &entry.method.to_string())?;
    if !proof.htu.ends_with(&entry.path) || !proof.is_for(token) {
        return Err("a proof of another request".to_owned());
    }
    let known = ["n1", "n2", "api-0", "api-2"];
    let nonce = proof.nonce.map(|nonce| {
        let known = known.into_iter().find(|known| *known == nonce);
        known.ok_or(format!("a nonce of nobody's: {nonce}"))
    });
    Ok(Some(Carried::Proved(nth(token), nonce.transpose()?)))
}

/// Whatever is sent again, by whomever: no proof came twice, and none was refused for that.
fn proofs_are_new(server: &Server) -> Result<(), String> {
    let mut seen = HashSet::new();
    for entry in server.journal().entries() {
        if entry.proof().is_some_and(|proof| !seen.insert(proof.jti)) {
            return Err("a proof came twice".to_owned());
        }
    }
    same("proofs that came twice", &server.proofs_replayed(), &0)
}

fn caller<A: Adapter>(
    adapter: &A,
    case: &Case,
    then: &Then,
    outcome: &Outcome,
    expected: &Seen,
) -> Result<(), String> {
    let (code, attempt) = match (outcome, expected) {
        (Outcome::Failed(failure), Seen::Failed(expected)) => {
            return same("error", failure, expected);
        }
        (Outcome::Answer { code, attempt }, Seen::Status(status)) => {
            same("code", code, &adapter.code(*status))?;
            let sent = &case.sent;
            let ours = sent.own.is_none() && !sent.without_credential && sent.with.is_none();
            let ours = ours && sent.key == Key::Usual;
            let told = *status == 200 || adapter.refusals_tell_the_attempt();
            if sent.to == To::Api && then.other.is_empty() && ours {
                same("whether it has an attempt", &attempt.is_some(), &told)?;
            }
            return Ok(());
        }
        (Outcome::Answer { code, attempt }, Seen::Ok { .. } | Seen::Unhindered) => (code, attempt),
        (outcome, _) => return Err(format!("{outcome:?}")),
    };
    same("code", code, &adapter.code(200))?;
    let attempt = attempt.ok_or("no attempt on the response")?;
    let (generation, waited, replayed) = match *expected {
        Seen::Ok {
            generation,
            waited,
            replayed,
        } => (generation, waited, replayed),
        _ => (attempt.generation, false, false),
    };
    same("generation", &attempt.generation, &generation)?;
    // A replacement may have landed before anybody could wait for it.
    if !replayed {
        same("waited", &attempt.waited, &waited)?;
    }
    same("replayed", &attempt.replayed, &replayed)
}
