//! One request from arrival to answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hallpass_core::BoxError;
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::answer::{Answer, Reply, status_code};
use crate::api::{self, Seen};
use crate::challenge::Challenge;
use crate::digest::Fnv;
use crate::endpoint::{Endpoint, Plan};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::journal::{Entry, JOURNAL_BODY_LIMIT, Kind, Ticket};
use crate::lock::lock;
use crate::refusal::Refusal;
use crate::routes::PathRule;
use crate::shared::Shared;
use crate::system::Route;
use crate::token;

/// A request body as far as it was read.
struct Taken {
    kept: Bytes,
    seen: Seen,
}

pub(crate) struct Exchange {
    shared: Arc<Shared>,
    kind: Kind,
    plan: Plan,
    parts: Parts,
    connection: u64,
    serial: u64,
}

/// What becomes of a request.
pub(crate) struct Outcome<B> {
    /// An error hangs up on the caller, or resets the stream with what it says.
    pub(crate) response: Result<Response<Reply>, BoxError>,
    pub(crate) close: Close<B>,
}

/// What becomes of the connection.
pub(crate) enum Close<B> {
    No,
    AfterAnswer,
    /// Without a word, this long after the answer, with the request's body still unread.
    Abruptly(Duration, B),
}

impl Exchange {
    pub(crate) fn new(shared: Arc<Shared>, connection: u64, parts: Parts) -> Self {
        let kind = match shared.route(parts.uri.path()) {
            Route::Api => Kind::Api,
            Route::Token | Route::WrongRealm => Kind::Token,
        };
        let path = parts.uri.path();
        let (plan, serial) = match kind {
            Kind::Token => (shared.token_endpoint.plan(&parts.method, path), 0),
            Kind::Api => (shared.api.plan(&parts.method, path), shared.next_serial()),
        };
        Self {
            shared,
            kind,
            plan,
            parts,
            connection,
            serial,
        }
    }

    pub(crate) async fn run<B>(mut self, mut body: B) -> Outcome<B>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let close = match self.plan.fault {
            Some(Fault::RejectUnread(later)) => Some(later),
            _ => None,
        };
        let response = self.answer(&mut body).await;
        let close = match close {
            Some(later) => Close::Abruptly(later, body),
            None if self.plan.close => Close::AfterAnswer,
            None => Close::No,
        };
        Outcome { response, close }
    }

    async fn answer<B>(&mut self, body: &mut B) -> Result<Response<Reply>, BoxError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (taken, ticket) = if self.refuses_unread() {
            let taken = Taken {
                kept: Bytes::new(),
                seen: Seen {
                    len: 0,
                    fnv1a64: Fnv::default().0,
                },
            };
            let ticket = self.record(&taken);
            (taken, ticket)
        } else {
            let taken = read(body).await?;
            let ticket = self.record(&taken);
            (taken, ticket)
        };
        self.endpoint().wait(&self.plan).await;
        let fault = self.plan.fault.take();
        if matches!(fault, Some(Fault::HangUp)) {
            return Err("hung up on purpose".into());
        }
        if matches!(fault, Some(Fault::RefuseStream)) {
            return Err(h2::Error::from(h2::Reason::REFUSED_STREAM).into());
        }
        if matches!(fault, Some(Fault::Hang)) {
            std::future::pending::<()>().await;
        }
        let cut = matches!(fault, Some(Fault::Cut));
        let mut answer = self.decide(fault, &taken);
        if let Some(possession) = &self.shared.possession {
            lock(possession).announce(self.kind, &mut answer.headers);
        }
        self.shared.log.settle(ticket, answer.status.as_u16());
        Ok(answer.into_response(cut))
    }

    fn endpoint(&self) -> &Endpoint {
        match self.kind {
            Kind::Token => &self.shared.token_endpoint,
            Kind::Api => &self.shared.api,
        }
    }

    fn refuses_unread(&self) -> bool {
        match &self.plan.fault {
            Some(Fault::RejectUnread(_) | Fault::RefuseStream) => true,
            _ if !self.plan.early => false,
            Some(Fault::Fail(_) | Fault::Reject | Fault::Respond(_) | Fault::HangUp) => true,
            _ => {
                let refused = matches!(self.plan.rule, Some(PathRule::Refuse));
                self.kind == Kind::Api
                    && (refused || api::judge(&self.shared, &self.parts).is_err())
            }
        }
    }

    fn record(&self, taken: &Taken) -> Ticket {
        self.shared.log.record(self.entry(taken))
    }

    fn entry(&self, taken: &Taken) -> Entry {
        Entry {
            kind: self.kind,
            at: self.shared.started.elapsed(),
            method: self.parts.method.clone(),
            path: self.parts.uri.path().to_owned(),
            query: self.parts.uri.query().map(str::to_owned),
            headers: self.parts.headers.clone(),
            body: taken.kept.clone(),
            status: 0,
            connection: self.connection,
            version: self.parts.version,
            client: match self.kind {
                Kind::Token => token::client(&self.shared, &self.parts, &taken.kept),
                Kind::Api => api::client(&self.shared, &self.parts),
            },
        }
    }

    fn decide(&self, fault: Option<Fault>, taken: &Taken) -> Answer {
        match fault {
            Some(Fault::Respond(canned)) => Answer {
                status: status_code(canned.status),
                headers: canned.headers,
                body: canned.body,
                trailers: canned.trailers,
            },
            Some(Fault::Fail(status)) => self.failure(status_code(status)),
            Some(Fault::Reject | Fault::RejectUnread(_)) => self.refuse(self.rejection()),
            Some(Fault::Malformed(how)) => match self.judge(taken) {
                Ok(fields) => how.spoil(fields),
                Err(refusal) => self.refuse(refusal),
            },
            Some(Fault::Cut | Fault::HangUp | Fault::RefuseStream | Fault::Hang) | None => {
                match self.judge(taken) {
                    Ok(fields) => self.success(&fields, taken),
                    Err(refusal) => self.refuse(refusal),
                }
            }
        }
    }

    /// The refusal of what is valid.
    fn rejection(&self) -> Refusal {
        match self.kind {
            Kind::Token => token::invalid_client(self.shared.system),
            Kind::Api => api::invalid_token(),
        }
    }

    fn success(&self, fields: &Fields, taken: &Taken) -> Answer {
        let mut answer = match &self.plan.rule {
            Some(PathRule::Answer(answer)) => answer.clone().into_answer(),
            Some(PathRule::Ask(ask)) => ask(&self.entry(taken)).into_answer(),
            Some(PathRule::Redirect { status, location }) => {
                let mut answer = Answer::new(*status, "text/plain", "");
                answer.headers.insert(header::LOCATION, location.clone());
                answer
            }
            Some(PathRule::Refuse) => return self.refuse(self.rejection()),
            None => Answer::json(200, fields),
        };
        if self.kind == Kind::Token {
            // RFC 6749 §5.1 asks for both.
            let headers = &mut answer.headers;
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        }
        answer
    }

    fn judge(&self, taken: &Taken) -> Result<Fields, Refusal> {
        match self.kind {
            Kind::Token => token::judge(&self.shared, &self.parts, &taken.kept),
            Kind::Api => {
                let holder = api::judge(&self.shared, &self.parts)?;
                api::check_proof(&self.shared, &self.parts, &holder)?;
                Ok(api::echo(
                    self.shared.system,
                    &self.parts,
                    &holder,
                    &taken.seen,
                    self.serial,
                ))
            }
        }
    }

    fn failure(&self, status: StatusCode) -> Answer {
        let error = match self.kind {
            Kind::Token if status == StatusCode::UNAUTHORIZED => "invalid_client",
            _ => api::error_for(status),
        };
        let mut answer = {
            let refusal = Refusal::new(status.as_u16(), error, "failed on purpose");
            self.refuse(refusal.on_purpose())
        };
        if let Some(wait) = &self.plan.retry_after {
            answer.headers.insert(RETRY_AFTER, wait.clone());
        }
        answer
    }

    fn refuse(&self, refusal: Refusal) -> Answer {
        let mut answer = self.shared.render(refusal, self.kind);
        if answer.status == StatusCode::UNAUTHORIZED {
            self.challenge(&mut answer.headers);
        }
        answer
    }

    fn challenge(&self, headers: &mut HeaderMap) {
        let challenge = match (&self.plan.challenge, self.kind) {
            (Some(challenge), _) => challenge.clone(),
            // What refuses a proof brings its own.
            (None, Kind::Api) if headers.contains_key(WWW_AUTHENTICATE) => return,
            (None, Kind::Api) => self.shared.system.challenge(),
            // The token endpoint's own refusals bring theirs along.
            (None, Kind::Token) => return,
        };
        headers.remove(WWW_AUTHENTICATE);
        let anonymous = !self.parts.headers.contains_key(header::AUTHORIZATION);
        let value = match challenge {
            Challenge::None => return,
            Challenge::Bare => HeaderValue::from_static("Bearer"),
            Challenge::InvalidToken if anonymous => HeaderValue::from_static("Bearer"),
            Challenge::InvalidToken => HeaderValue::from_static("Bearer error=\"invalid_token\""),
            // Checked when it was set.
            Challenge::Custom(text) => match HeaderValue::try_from(text) {
                Ok(value) => value,
                Err(_) => return,
            },
        };
        headers.insert(WWW_AUTHENTICATE, value);
    }
}

async fn read<B>(body: &mut B) -> io::Result<Taken>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut kept = BytesMut::new();
    let mut digest = Fnv::default();
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        // The caller broke off; there is nobody to answer.
        let frame = frame.map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        if let Some(data) = frame.data_ref() {
            len += data.len() as u64;
            digest.update(data);
            let room = JOURNAL_BODY_LIMIT - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok(Taken {
        kept: kept.freeze(),
        seen: Seen {
            len,
            fnv1a64: digest.0,
        },
    })
}

/// Splits a request for [`Exchange::new`] and [`Exchange::run`].
pub(crate) async fn exchange<B>(
    shared: Arc<Shared>,
    connection: u64,
    request: Request<B>,
) -> Outcome<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, body) = request.into_parts();
    Exchange::new(shared, connection, parts).run(body).await
}
