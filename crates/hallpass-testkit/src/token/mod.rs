//! The token endpoint: one file per documented request.

#[cfg(feature = "oauth2")]
mod assertion;
mod atlar;
mod atomic;
mod generic;
mod keycloak;
#[cfg(feature = "oauth2")]
mod profile;
mod unnamed;

use std::borrow::Cow;

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method};
use tokio::time::Instant;

use crate::client::Client;
use crate::credentials::Authorization;
use crate::fields::Fields;
use crate::form::Form;
use crate::journal::Kind;
use crate::lock::lock;
use crate::minting::ExpiresIn;
use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::store::Issued;
use crate::system::{Route, System};

/// What a system's own check lets through.
struct Grant {
    client: Client,
    scope: Option<String>,
}

impl Grant {
    fn to(client: Client) -> Self {
        Self {
            client,
            scope: None,
        }
    }
}

/// One token request, with the state to judge it by.
struct Ask<'a> {
    shared: &'a Shared,
    parts: &'a Parts,
    body: &'a [u8],
}

pub(crate) fn judge(shared: &Shared, parts: &Parts, body: &[u8]) -> Result<Fields, Refusal> {
    if shared.route(parts.uri.path()) == Route::WrongRealm {
        return Err(Refusal::new(404, "Realm does not exist", ""));
    }
    if let Some(limit) = &mut *lock(&shared.rate_limit) {
        limit.admit(Instant::now()).map_err(|wait| {
            let seconds = wait.as_secs_f64().ceil() as u64;
            Refusal::new(429, "too_many_requests", "token requests come too fast")
                .with_header(RETRY_AFTER, HeaderValue::from(seconds))
        })?;
    }
    let ask = Ask {
        shared,
        parts,
        body,
    };
    let grant = check(&ask)?;
    let bound = match &shared.possession {
        None => None,
        Some(possession) => {
            let url = format!("{}{}", shared.issuer, parts.uri.path());
            let proof = lock(possession).check(Kind::Token, parts, &url, None)?;
            Some(proof.thumbprint)
        }
    };
    let mut store = lock(&shared.store);
    let scope = grant.scope.as_deref();
    let issued = store.issue(&shared.issuer, &grant.client, scope, bound.as_deref());
    let stated = store.minting.expires_in.clone();
    drop(store);
    let mut fields = write(shared, issued, &stated, grant.scope);
    if bound.is_some() {
        fields.set("token_type", "DPoP");
    }
    Ok(fields)
}

/// Whose request it is, if it is as its vendor documents.
pub(crate) fn client(shared: &Shared, parts: &Parts, body: &[u8]) -> Option<String> {
    let ask = Ask {
        shared,
        parts,
        body,
    };
    Some(check(&ask).ok()?.client.id)
}

/// Holds a request against what its vendor documents.
fn check(ask: &Ask<'_>) -> Result<Grant, Refusal> {
    #[cfg(feature = "oauth2")]
    if let Some(shape) = &ask.shared.shape {
        return profile::check(ask, shape);
    }
    if ask.parts.method != Method::POST {
        let refusal = Refusal::new(405, "invalid_request", "the token endpoint takes POST only");
        return Err(refusal.with_header(ALLOW, HeaderValue::from_static("POST")));
    }
    match ask.shared.system {
        System::Generic => generic::check(ask),
        System::Atlar => atlar::check(ask),
        System::Is2 => keycloak::check_basic(ask),
        System::Ataccama => keycloak::check_form(ask),
        System::Atomic => atomic::check(ask),
        System::Unnamed => unnamed::check(ask),
    }
}

/// The refusal of wrong credentials, each vendor's own.
pub(crate) fn invalid_client(system: System) -> Refusal {
    match system {
        System::Atlar => Refusal::new(401, "invalid_client", "Invalid client credentials"),
        System::Is2 | System::Ataccama => Refusal::new(
            401,
            "unauthorized_client",
            "Invalid client or Invalid client credentials",
        ),
        System::Atomic => Refusal::new(400, "invalid_client", ""),
        System::Generic | System::Unnamed => {
            Refusal::new(401, "invalid_client", "Client authentication failed")
        }
    }
}

fn write(shared: &Shared, issued: Issued, stated: &ExpiresIn, scope: Option<String>) -> Fields {
    #[cfg(feature = "oauth2")]
    if let Some(shape) = &shared.shape {
        return profile::write(shape, &issued, stated, scope);
    }
    let expires_in = stated.write(issued.left);
    let fields = Fields::default();
    match shared.system {
        System::Unnamed => fields
            .with("token_type", "Bearer")
            .maybe("expires_in", expires_in)
            .with("access_token", issued.token),
        System::Is2 | System::Ataccama => fields
            .with("access_token", issued.token)
            .maybe("expires_in", expires_in)
            .with("refresh_expires_in", 0)
            .with("token_type", "Bearer")
            .with("not-before-policy", 0)
            .with("scope", "profile email"),
        System::Generic | System::Atlar | System::Atomic => fields
            .with("access_token", issued.token)
            .with("token_type", "Bearer")
            .maybe("expires_in", expires_in)
            .maybe("scope", scope.map(Into::into)),
    }
}

impl Ask<'_> {
    fn authorization(&self) -> Authorization {
        Authorization::read(self.parts, self.shared.basic)
    }

    fn invalid_client(&self) -> Refusal {
        invalid_client(self.shared.system)
    }

    /// The client named by a Basic header, for the systems that accept nothing else.
    fn basic_client(&self) -> Result<Client, Refusal> {
        match self.authorization() {
            Authorization::Basic { id, secret } => self.client(&id, &secret),
            _ => Err(self.invalid_client()),
        }
    }

    fn client(&self, id: &str, secret: &str) -> Result<Client, Refusal> {
        self.shared
            .authenticate(id, secret)
            .ok_or_else(|| self.invalid_client())
    }

    fn is_form(&self) -> bool {
        let content_type = self
            .parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        content_type
            .and_then(|value| value.split(';').next())
            .is_some_and(|essence| {
                essence
                    .trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            })
    }

    fn form(&self) -> Result<Form, Refusal> {
        if !self.is_form() {
            return Err(invalid_request(
                "the content type must be application/x-www-form-urlencoded",
            ));
        }
        Form::parse(self.body)
            .ok_or_else(|| invalid_request("a parameter is repeated or not UTF-8"))
    }
}

fn invalid_request(description: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(400, "invalid_request", description)
}

fn client_credentials(form: &mut Form) -> Result<(), Refusal> {
    match form.take("grant_type").as_deref() {
        Some("client_credentials") => Ok(()),
        Some(_) => Err(Refusal::new(
            400,
            "unsupported_grant_type",
            "only client_credentials is served",
        )),
        None => Err(invalid_request("grant_type is missing")),
    }
}
