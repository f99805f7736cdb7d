//! [`Shape`]: the manners that a profile describes.

use std::time::Duration;

use hallpass_oauth2::{Condition, Expiry, Profile, Reissue as Asked, ResponseFormat};
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use crate::answer::Answer;
use crate::fields::{Fields, TokenAt};
use crate::headers::{header_name, header_value};
use crate::journal::Kind;
use crate::minting::{Reissue, TokenFormat};
use crate::pattern::Pattern;
use crate::refusal::Refusal;
use crate::system::Route;

/// A profile, read from the server's side.
pub(crate) struct Shape {
    pub(crate) profile: Profile,
}

/// How the API is to find a token.
pub(crate) enum Presented {
    /// As RFC 6750 has it.
    Bearer,
    Own(Option<String>),
}

const PATH_IF_OPEN: &str = "/token";

impl Shape {
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile }
    }

    /// The path of the token URL, with names in braces where the profile has variables.
    fn path_template(&self) -> &str {
        let url = self.profile.token_url.split('?').next().unwrap_or_default();
        let behind = match url.split_once("://") {
            Some((_, rest)) => rest,
            // A variable that is a whole URL, or its beginning.
            None => url.split_once('}').map_or(url, |(_, rest)| rest),
        };
        match behind.find('/') {
            Some(at) if behind.len() > at + 1 => &behind[at..],
            _ => PATH_IF_OPEN,
        }
    }

    /// The same, with each variable's name as its value.
    pub(crate) fn token_path(&self) -> String {
        self.path_template().replace(['{', '}'], "")
    }

    pub(crate) fn route(&self, path: &str) -> Route {
        if Pattern::read(self.path_template(), None).fits(path) {
            Route::Token
        } else {
            Route::Api
        }
    }

    pub(crate) fn lifetime(&self) -> Duration {
        let default = self.profile.default_lifetime;
        default.unwrap_or(Duration::from_secs(3600))
    }

    pub(crate) fn format(&self) -> TokenFormat {
        if self.profile.expiry.contains(&Expiry::Jwt) {
            TokenFormat::Jwt
        } else {
            TokenFormat::Opaque
        }
    }

    pub(crate) fn reissue(&self) -> Reissue {
        match self.profile.reissue {
            Asked::Sticky => Reissue::Sticky,
            Asked::KillsOld => Reissue::Replacing,
            _ => Reissue::Fresh,
        }
    }

    /// The token of a request to the API, if the profile has a place of its own for it.
    pub(crate) fn presented(&self, parts: &Parts) -> Presented {
        let Profile {
            header,
            header_value: template,
            ..
        } = &self.profile;
        if header.eq_ignore_ascii_case(AUTHORIZATION.as_str()) && template == "Bearer {token}" {
            return Presented::Bearer;
        }
        let (before, after) = template.split_once("{token}").unwrap_or((template, ""));
        let found = parts.headers.get(header.as_str()).and_then(|value| {
            let value = value.to_str().ok()?;
            let before = Pattern::read(before, None).only()?;
            let token = value.strip_prefix(&before)?;
            // What follows a token begins with something that no token holds.
            match after.chars().next() {
                None => Some(token),
                Some(end) => token.split_once(end).map(|(token, _)| token),
            }
        });
        Presented::Own(found.map(str::to_owned))
    }

    /// A header that the profile puts on every request, and this one lacks.
    pub(crate) fn missing_header(&self, headers: &HeaderMap) -> Option<&str> {
        let names = self.profile.api_headers.iter().map(|(name, _)| name);
        names
            .map(String::as_str)
            .find(|name| !headers.contains_key(*name))
    }

    /// What an answer with a token is made of, before the token is in it.
    pub(crate) fn token_at(&self) -> TokenAt {
        if self.profile.answer == ResponseFormat::Text {
            return TokenAt::Body(String::new());
        }
        let place = self.profile.token.first().map_or("", String::as_str);
        if let Some(name) = place.strip_prefix("header:") {
            return TokenAt::Header(header_name(name), String::new());
        }
        if let Some(name) = place.strip_prefix("cookie:") {
            return TokenAt::Header(SET_COOKIE, format!("{name}="));
        }
        match place {
            "" | "access_token" => TokenAt::Standard,
            place => TokenAt::Member(steps(place)),
        }
    }

    /// A refusal in the vendor's words, as far as the profile knows them.
    pub(crate) fn render(&self, refusal: Refusal, kind: Kind) -> Answer {
        let profile = &self.profile;
        let conditions = match (kind, refusal.error) {
            _ if refusal.on_purpose => &[][..],
            (Kind::Api, "invalid_token" | "unauthorized") => &profile.rejected,
            (Kind::Token, "invalid_client") => &profile.refused,
            (Kind::Token, "too_many_requests") => &profile.busy,
            _ => &[],
        };
        let mut fields = Fields::default();
        let own = |places: &[String], standard: &str| match places.first() {
            Some(place) if kind == Kind::Token => steps(place),
            _ => vec![standard.to_owned()],
        };
        fields.put(&own(&profile.error_at, "error"), refusal.error);
        if !refusal.description.is_empty() {
            let place = own(&profile.message_at, "error_description");
            fields.put(&place, &*refusal.description);
        }
        let mut status = refusal.status;
        // What only gRPC says can't be said here.
        if let Some(condition) = conditions.iter().find(|one| one.grpc.is_empty()) {
            status = condition.status.first().copied().unwrap_or(200);
            meet(condition, &mut fields);
        }
        if let Some((name, value)) = refusal.header {
            fields.headers.insert(name, value);
        }
        Answer::json(status, &fields)
    }
}

/// Makes an answer one that meets a condition.
pub(crate) fn meet(condition: &Condition, fields: &mut Fields) {
    let value = match (condition.is.first(), &condition.contains) {
        _ if condition.absent => return,
        (Some(is), _) => is.as_str(),
        (None, Some(contains)) => contains,
        (None, None) => "yes",
    };
    if let Some(name) = &condition.header {
        let name: HeaderName = header_name(name);
        fields.headers.insert(name, header_value(value));
    }
    if let Some(path) = &condition.body {
        let json = match value.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => match value {
                "true" => true.into(),
                "false" => false.into(),
                text => serde_json::Value::from(text),
            },
        };
        fields.put(&steps(path), json);
    }
}

/// The steps of a path such as `data.token` or `/data/to.ken`.
pub(crate) fn steps(path: &str) -> Vec<String> {
    match path.strip_prefix('/') {
        Some(pointer) => pointer
            .split('/')
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect(),
        None => path.split('.').map(str::to_owned).collect(),
    }
}
