//! One try at a token: a request, its answer, and what a failure says about another try.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use hallpass_core::{Credential, Error, Fetch, Reason, adapter::FreshConnection};
use http::{HeaderValue, Request, Response, StatusCode};
use tokio::time::{Instant, timeout};

use super::unanswered::unanswered;
use crate::{
    assertion::Skew,
    body::TokenResponse,
    dpop::{DPOP, INVALID_PROOF, USE_NONCE, is_new_nonce},
    plan::{Plan, ResolvedInputs},
    response::{Answer, Asked, Redactor, Verdict, classify, error, issue},
    rotation::Turn,
    transport::{BODY_LIMIT, DynTransport, Phase, TransportError},
};

/// What a transport gets beyond its limit to say itself in which phase time ran out.
const GRACE: Duration = Duration::from_millis(100);

/// A try that brought no credential.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about one answer, any of which may be true of it"
)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) again: Again,
    /// Whether the server may have acted on the request all the same.
    pub(super) uncertain: bool,
    /// Whether the server refused what it was sent.
    pub(super) refused: bool,
    /// Whether it took a credential in it for invalid.
    pub(super) unauthorized: bool,
    /// Whether it wants a nonce in the proof of possession, and has sent one.
    pub(super) wants_nonce: bool,
    /// How far the server's clock is from ours, if that may be why.
    pub(super) skew: Option<Skew>,
    /// How long was waited in vain, and for what, if time ran out.
    pub(super) waited: Option<(Duration, Option<&'static str>)>,
}

/// Whether another try makes sense within the same fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    No,
    /// After a moment.
    Soon,
    /// There has been a wait already.
    AtOnce,
}

impl Failure {
    pub(super) fn last(error: Error) -> Self {
        Self {
            error,
            again: Again::No,
            uncertain: false,
            refused: false,
            unauthorized: false,
            wants_nonce: false,
            skew: None,
            waited: None,
        }
    }
}

/// Sends one request and reads its answer. `fresh` asks for a new connection.
pub(super) async fn attempt(
    plan: &Arc<Plan>,
    transport: &Arc<dyn DynTransport>,
    inputs: &ResolvedInputs,
    turn: Option<&Turn>,
    why: &Fetch,
    fresh: bool,
) -> Result<(Credential, Instant), Failure> {
    let left = why.deadline().saturating_duration_since(Instant::now());
    let limit = plan.attempt_deadline.min(left);
    if limit.is_zero() {
        return Err(out_of_time(plan, why.limit(), None));
    }
    let prepared = plan
        .request
        .prepare(&plan.url, inputs)
        .map_err(Failure::last)?;
    let mut request = prepared.request;
    let proof = request.headers().get(DPOP).cloned();
    if fresh {
        request.extensions_mut().insert(FreshConnection);
    }
    why.sending().map_err(Failure::last)?;
    let start = Instant::now();
    let sent = exchange(plan, transport, request, limit, inputs, turn);
    let answer = match sent.await.map_err(Failure::last)? {
        None => return Err(out_of_time(plan, limit, None)),
        Some(Err(failed)) => return Err(no_answer(plan, failed, limit, proof.is_some())),
        Some(Ok(answer)) => answer,
    };
    tracing::debug!(
        target: "hallpass",
        source = plan.name,
        origin = %plan.url.origin(),
        status = answer.status.as_u16(),
        "token endpoint answered"
    );
    if let Some(dpop) = plan.inputs.dpop() {
        dpop.learn_from_server(plan.url.origin(), &answer.headers);
    }
    let id = inputs.id.as_deref().map_or("", String::as_str);
    let secret = inputs.secret.as_deref().map(String::as_str);
    let redactor = Redactor::of(&prepared.secrets, id, secret);
    let asked = Asked {
        plan,
        inputs,
        redactor: &redactor,
    };
    match classify(&plan.response, &answer) {
        Verdict::Issued => match issue(&asked, &answer) {
            Ok(credential) => Ok((credential, start)),
            Err(error) => Err(Failure::last(error)),
        },
        verdict => {
            let gateway = matches!(answer.status.as_u16(), 502..=504);
            let refused = matches!(verdict, Verdict::Refused { .. });
            let error = error(&asked, &answer, verdict);
            let invalid =
                answer.status == StatusCode::UNAUTHORIZED || error.code() == Some("invalid_token");
            // Nobody waits for a renewal ahead: the engine's gap is soon enough.
            let hurried = why.reason() != Reason::Ahead;
            let quick = hurried && gateway && !refused && error.retry_after().is_none();
            let skew = || Skew::told_by(&answer.headers, SystemTime::now());
            let proved = proof.is_some() && error.code() == Some(INVALID_PROOF);
            let signed = refused && (inputs.sign() || proved);
            let asks = matches!(answer.status.as_u16(), 400 | 401);
            let asks = asks && error.code() == Some(USE_NONCE);
            let is_new = |proof: &HeaderValue| is_new_nonce(proof, &answer.headers);
            Err(Failure {
                wants_nonce: asks && proof.as_ref().is_some_and(is_new),
                again: if quick { Again::Soon } else { Again::No },
                uncertain: gateway,
                refused,
                unauthorized: refused && invalid,
                skew: signed.then(skew).flatten(),
                ..Failure::last(error)
            })
        }
    }
}

type Exchanged = Option<Result<Answer, TransportError>>;

/// None if time ran out without a word from the transport.
///
/// With a refresh token it is read to its end even if the fetch is not there to see it: an answer
/// may bring the next token, or say that this one is spent.
async fn exchange(
    plan: &Arc<Plan>,
    transport: &Arc<dyn DynTransport>,
    request: Request<Bytes>,
    limit: Duration,
    inputs: &ResolvedInputs,
    turn: Option<&Turn>,
) -> Result<Exchanged, Error> {
    let (Some(turn), Some(used)) = (turn, inputs.refresh_token()) else {
        return Ok(send(plan, &**transport, request, limit).await);
    };
    let used = zeroize::Zeroizing::new(used.to_owned());
    let (plan, transport, turn) = (plan.clone(), transport.clone(), turn.clone());
    let exchange = tokio::spawn(async move {
        let sent = send(&plan, &*transport, request, limit).await;
        if let (Some(Ok(answer)), Some(rotation)) = (&sent, plan.inputs.rotation()) {
            let is_spent = |verdict| matches!(verdict, Verdict::Refused { code: Some(code), .. } if code == "invalid_grant");
            let successor = answer.members().and_then(TokenResponse::successor);
            if let Some(successor) = successor.filter(|_| answer.status.is_success()) {
                rotation.replaced_by(&successor);
            } else if is_spent(classify(&plan.response, answer)) {
                rotation.spend(&used);
            }
        }
        drop(turn);
        sent
    });
    exchange
        .await
        .map_err(|error| Error::transient(error).context("the token request was interrupted"))
}

async fn send(
    plan: &Plan,
    transport: &dyn DynTransport,
    request: Request<Bytes>,
    limit: Duration,
) -> Exchanged {
    let sent = timeout(limit + GRACE, transport.send(request, limit))
        .await
        .ok()?;
    Some(sent.and_then(|response| read(plan, &response)))
}

fn read(plan: &Plan, response: &Response<Bytes>) -> Result<Answer, TransportError> {
    // A transport stops reading there; one that forgets to gains nothing.
    if response.body().len() > BODY_LIMIT {
        return Err(TransportError::new(Phase::TooLarge));
    }
    Ok(Answer::read(&plan.response, response))
}

/// `once` tells that the transport may not have tried another connection.
fn no_answer(plan: &Plan, failed: TransportError, limit: Duration, once: bool) -> Failure {
    let phase = failed.phase();
    match phase {
        Phase::ConnectTimeout => return out_of_time(plan, limit, Some("connect")),
        Phase::ExchangeTimeout => return out_of_time(plan, limit, Some("answer")),
        _ => {}
    }
    let error = unanswered(plan.url.origin(), failed);
    let quick = phase != Phase::TooLarge && error.retry_after().is_none();
    Failure {
        again: match phase {
            _ if !quick => Again::No,
            Phase::Exchange if once => Again::AtOnce,
            _ => Again::Soon,
        },
        uncertain: phase != Phase::Connect,
        ..Failure::last(error)
    }
}

fn out_of_time(plan: &Plan, limit: Duration, phase: Option<&'static str>) -> Failure {
    Failure {
        again: Again::AtOnce,
        uncertain: phase != Some("connect"),
        waited: Some((limit, phase)),
        ..Failure::last(too_late(plan, limit, phase))
    }
}

pub(super) fn too_late(plan: &Plan, waited: Duration, phase: Option<&str>) -> Error {
    let seconds = waited.as_secs_f64();
    let seconds = match seconds {
        1.0.. => seconds.round(),
        _ => (seconds * 100.0).round() / 100.0,
    };
    let phase = phase.map_or_else(String::new, |phase| format!(" ({phase})"));
    let origin = plan.url.origin();
    Error::timeout(format!("no token from {origin} within {seconds} s{phase}"))
}
