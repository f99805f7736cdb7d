//! [`Answer`]: a token endpoint's answer, parsed once.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use super::decode::decode;
use crate::{
    Expiry, ResponseFormat,
    body::{Fault, TokenResponse},
    condition::Matcher,
    json_path::Path,
    plan::ResponsePlan,
    token_place::TokenPlace,
};

/// Where servers put their code for a refusal, the standard's place first.
const ERROR_AT: [&str; 9] = [
    "error",
    "error.code",
    "error.status",
    "errorCode",
    "error_code",
    "errcode",
    "code",
    "errors.0.code",
    "errors.0.errorCode",
];

/// Where servers put their words for a refusal, the standard's place first.
const MESSAGE_AT: [&str; 14] = [
    "error_description",
    "error.message",
    "message",
    "errorMessage",
    "error_message",
    "errorSummary",
    "errors.0.message",
    "errors.0.detail",
    "errors.0",
    "msg",
    "errmsg",
    "detail",
    "title",
    "Message",
];

/// An answer of any status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Result<TokenResponse, Fault>,
    /// The whole body, where that is the token.
    text: Option<Result<WholeText, Fault>>,
}

struct WholeText(Value);

impl Drop for WholeText {
    fn drop(&mut self) {
        if let Value::String(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

impl Answer {
    pub(crate) fn read(plan: &ResponsePlan, response: &Response<Bytes>) -> Self {
        let status = response.status();
        let decoded = decode(response.headers(), response.body());
        let text = (plan.format == ResponseFormat::Text && status.is_success()).then(|| {
            let text = decoded.as_ref().map_err(Clone::clone)?;
            token_text(text).map(WholeText)
        });
        Self {
            status,
            headers: response.headers().clone(),
            json: decoded.and_then(|text| TokenResponse::parse(&text, wanted(plan))),
            text,
        }
    }

    /// The members of its JSON object, if it is one.
    pub(crate) fn members(&self) -> Option<&TokenResponse> {
        self.json.as_ref().ok()
    }

    /// Why it says nothing, where it should bring a token.
    pub(super) fn fault(&self, plan: &ResponsePlan) -> Option<&Fault> {
        match &self.text {
            Some(text) => text.as_ref().err(),
            // Then a body need not be there at all.
            None if self.found(plan).is_some() => None,
            None => self.json.as_ref().err(),
        }
    }

    pub(super) fn meets(&self, matcher: &Matcher) -> bool {
        matcher.holds(self.status, &self.headers, |name| match &self.text {
            Some(Ok(WholeText(text))) if name.is_empty() => Some(text),
            _ => self.members()?.top(name),
        })
    }

    /// The token, if it has one where the plan says.
    pub(super) fn token<'a>(&'a self, plan: &'a ResponsePlan) -> Option<&'a str> {
        if let Some(text) = &self.text {
            return text.as_ref().ok()?.0.as_str().map(bare);
        }
        self.found(plan).map(|(_, token)| token)
    }

    /// The first place that has a token, and the token.
    fn found<'a>(&'a self, plan: &'a ResponsePlan) -> Option<(&'a TokenPlace, &'a str)> {
        plan.token.iter().find_map(|place| {
            let value = match place.member() {
                Some(path) => self.members()?.at(path)?.as_str(),
                None => place.among(&self.headers),
            };
            let token = bare(value?);
            (!token.is_empty()).then_some((place, token))
        })
    }

    /// Whether there may be members beside the token.
    pub(super) fn has_members(&self) -> bool {
        self.text.is_none()
    }

    /// Whether the token is a member, which others beside it say more about.
    pub(super) fn token_is_member(&self, plan: &ResponsePlan) -> bool {
        let found = self.found(plan);
        self.has_members() && found.is_some_and(|(place, _)| place.member().is_some())
    }

    /// The server's code for a refusal.
    pub(crate) fn code(&self, plan: &ResponsePlan) -> Option<String> {
        let members = self.members()?;
        let said = if plan.error_at.is_empty() {
            members.said_at(&ERROR_AT.map(Path::parse))
        } else {
            members.said_at(&plan.error_at)
        };
        // That a refusal is a refusal is no code.
        let told = |said: &str| said != self.status.as_str() && said != "true" && said != "0";
        said.filter(|said| told(said)).map(Into::into)
    }

    /// The server's words for a refusal, which may repeat what it was sent.
    pub(super) fn message(&self, plan: &ResponsePlan) -> Option<Zeroizing<String>> {
        let members = self.members()?;
        let said = if plan.message_at.is_empty() {
            members.said_at(&MESSAGE_AT.map(Path::parse))
        } else {
            members.said_at(&plan.message_at)
        };
        said.map(|said| Zeroizing::new(said.into_owned()))
    }

    /// Whether it says by a member that it refuses, whatever its status.
    pub(super) fn says_error(&self, plan: &ResponsePlan) -> bool {
        let Some(members) = self.members() else {
            return false;
        };
        // An empty member beside a token is no refusal.
        let full = |value: &Value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            _ => true,
        };
        members.top("error").is_some_and(full)
            || (plan.success.is_empty() && !plan.error_at.is_empty() && self.code(plan).is_some())
    }
}

/// A token without its scheme, which some servers put before it: no token holds a space.
fn bare(token: &str) -> &str {
    let token = token.trim();
    let (scheme, rest) = token.split_once(' ').unwrap_or((token, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim_start()
    } else {
        token
    }
}

/// The names at the top of an answer that anything looks into.
fn wanted(plan: &ResponsePlan) -> Vec<String> {
    let conditions = [&plan.success, &plan.busy, &plan.refused]
        .into_iter()
        .flatten();
    let own = plan
        .token
        .iter()
        .filter_map(TokenPlace::member)
        .chain(&plan.error_at)
        .chain(&plan.message_at)
        .chain(plan.capture.iter().map(|(_, path)| path))
        .chain(conditions.filter_map(Matcher::path))
        .map(|path| path.top().to_owned());
    let usual = ERROR_AT.iter().chain(&MESSAGE_AT);
    own.chain(usual.map(|path| Path::parse(path).top().to_owned()))
        .chain(plan.expiry.iter().filter_map(Expiry::top))
        .collect()
}

/// The whole body, in quotation marks or not.
fn token_text(body: &str) -> Result<Value, Fault> {
    let body = body.trim();
    match body.as_bytes() {
        [] => Err(Fault::Empty),
        [b'<', ..] => Err(Fault::Html),
        [b'{' | b'[', ..] => Err(Fault::NoToken),
        [b'"', .., b'"'] => {
            let text: Result<Zeroizing<String>, _> = serde_json::from_str(body);
            let text = text.map_err(|_| Fault::NoToken)?;
            Ok(Value::String(text.as_str().to_owned()))
        }
        _ => Ok(Value::String(body.to_owned())),
    }
}
