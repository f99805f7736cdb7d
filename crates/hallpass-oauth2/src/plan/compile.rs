//! The one step from [`Settings`] to a [`Plan`].

use std::time::Duration;

use hallpass_core::{Error, Origin};

use super::{
    assertion::{client_assertion, described},
    attach::Attach,
    checks::{
        RESOURCE, check_custom, check_method, check_names, check_resource, check_scope,
        check_values, origins,
    },
    inputs::{ASSERTION, CLIENT_ASSERTION, GrantInput, GrantInputs, Inputs},
    request::RequestPlan,
    settings::Settings,
};
use crate::{
    ClientAuth, Dpop, Encoding, Expiry, Grant, Param, Profile, Reissue, ResponseFormat,
    condition::Matcher,
    json_path::Path,
    renewal::Renewal,
    template::{Place, Stage, Template},
    token_place::TokenPlace,
    token_url::TokenUrl,
    value::Value,
};

const GRANT_TYPE: &str = "grant_type";

/// Everything that is settled before the first fetch.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) url: TokenUrl,
    pub(crate) request: RequestPlan,
    pub(crate) inputs: Inputs,
    pub(crate) response: ResponsePlan,
    pub(crate) attach: Attach,
    pub(crate) renewal: Renewal,
    pub(crate) origins: Option<Vec<Origin>>,
    /// What the API answers to a token that no longer works.
    pub(crate) rejected: Vec<Matcher>,
    pub(crate) attempt_deadline: Duration,
    /// Whether a second fetch beside a silent one does no harm.
    pub(crate) hedge: bool,
}

/// How an answer is read.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a knob of the profile's"
)]
pub(crate) struct ResponsePlan {
    pub(crate) format: ResponseFormat,
    pub(crate) success: Vec<Matcher>,
    pub(crate) busy: Vec<Matcher>,
    pub(crate) refused: Vec<Matcher>,
    /// Empty for the usual places.
    pub(crate) error_at: Vec<Path>,
    pub(crate) message_at: Vec<Path>,
    pub(crate) token: Vec<TokenPlace>,
    pub(crate) token_types: Vec<String>,
    pub(crate) token_type_optional: bool,
    pub(crate) lenient_token: bool,
    pub(crate) capture: Vec<(String, Path)>,
    pub(crate) expiry: Vec<Expiry>,
    pub(crate) default_lifetime: Option<Duration>,
    /// What was asked for.
    pub(crate) scope: Option<String>,
    /// Whether the answer must say which kind of token it issued (RFC 8693 §2.2.1).
    pub(crate) issued_type: bool,
    /// Whether a 401 is the answer to the client's authentication.
    pub(crate) authenticated: bool,
}

/// Checks the settings and makes a plan of them.
pub(crate) fn compile(settings: &Settings) -> Result<Plan, Error> {
    let profile = &settings.profile;
    profile.check_variables()?;
    let url = profile.expanded(&profile.token_url, Place::Url)?;
    let url = TokenUrl::parse(&url, settings.allow_http)?;
    let auth = profile.client_auth;
    check_client(settings)?;
    check_method(profile)?;

    let scope = profile.expanded_text(profile.scope.as_ref())?;
    check_scope(&scope)?;
    let (inputs, asked) = inputs(settings, &url, &scope)?;
    let params = params(profile, &asked)?;
    let query = profile.templates_of(&profile.query, Stage::Ask)?;
    check_values(&params, &query, profile)?;

    check_sent(profile, &url, &params, &query, &inputs)?;

    let request = RequestPlan::compile(profile, params, query)?;
    check_custom(auth, request.templates())?;
    let attach = Attach::compile(profile)?;
    let mut shown = request.templates().chain(inputs.claim_texts());
    if settings.id.is_none() && shown.any(Template::shows_client_id) {
        return Err(no_client());
    }
    drop(shown);
    let mut plan = Plan {
        name: match &*profile.name {
            "" => url.host().to_owned(),
            name => name.to_owned(),
        },
        response: response(profile, &scope)?,
        renewal: Renewal {
            before: profile.renew_before,
            reissue: profile.reissue,
            grace: profile.grace.unwrap_or_default(),
            interval: profile.min_interval.unwrap_or_default(),
        },
        hedge: may_hedge(profile, &inputs.grant),
        // Late, so that what is missing then is missing for them alone.
        origins: profile.expanded_origins()?.map(origins).transpose()?,
        rejected: profile.matchers(&profile.rejected)?,
        attempt_deadline: settings.attempt_deadline,
        url,
        request,
        inputs,
        attach,
    };
    plan.find_secrets(profile);
    Ok(plan)
}

/// Nothing is sent twice, and no secret where logs keep it.
fn check_sent(
    profile: &Profile,
    url: &TokenUrl,
    params: &Params,
    query: &[(String, Template)],
    inputs: &Inputs,
) -> Result<(), Error> {
    let auth = profile.client_auth;
    let mut sent: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
    sent.extend(query.iter().map(|(name, _)| name.as_str()));
    if auth == ClientAuth::Post || profile.send_client_id {
        sent.push("client_id");
    }
    if auth == ClientAuth::Post {
        sent.push("client_secret");
    }
    if inputs.signs() {
        for name in CLIENT_ASSERTION {
            sent.push(name);
        }
    }
    for name in inputs.grant.names() {
        sent.push(name);
    }
    let guarded = profile.encoding == Encoding::Query && !profile.secret_in_url;
    check_names(url, &sent, guarded)
}

fn check_client(settings: &Settings) -> Result<(), Error> {
    let auth = settings.profile.client_auth;
    let lacks_id = settings.id.is_none();
    let lacks_secret = auth.needs_secret() && settings.secret.is_none();
    let lacks = if auth.proves() {
        lacks_id || lacks_secret
    } else {
        lacks_id && !settings.profile.grant.may_go_without_client()
    };
    if lacks { Err(no_client()) } else { Ok(()) }
}

fn no_client() -> Error {
    Error::configuration("no client is set: call basic, post, private_key_jwt, mtls or public")
}

/// The inputs, and the scope as far as it goes among the parameters.
fn inputs(settings: &Settings, url: &TokenUrl, scope: &str) -> Result<(Inputs, String), Error> {
    let profile = &settings.profile;
    let assertion = client_assertion(settings)?;
    let mut grant = settings.grant.clone();
    let mut claims = Vec::new();
    if !grant.names().any(|set| set == ASSERTION)
        && let Some((jwt, templates)) = described(settings)?
    {
        grant.set(ASSERTION, GrantInput::Jwt(Box::new(jwt)));
        claims = templates;
    }
    let (needed, advice) = profile.grant.needs();
    if needed
        .iter()
        .any(|name| !grant.names().any(|set| set == *name))
    {
        return Err(Error::configuration(advice));
    }
    if let Some(stray) = grant.names().find(|name| !belongs(profile.grant, name)) {
        return Err(Error::configuration(format!(
            "\"{stray}\" is set, but the grant is {}",
            profile.grant.grant_type()
        )));
    }
    let mut asked = scope.to_owned();
    let audience = match &assertion.issuer {
        Some(issuer) => issuer.clone(),
        None => url.uri().to_string(),
    };
    for jwt in grant.jwts() {
        jwt.audience_unless_set(&audience);
        if profile.scope_in_claims && !asked.is_empty() {
            jwt.set_claim("scope", std::mem::take(&mut asked).into());
        }
    }
    let inputs = Inputs {
        dpop: dpop(settings)?,
        certificate: settings.certificate.clone(),
        auth: profile.client_auth,
        id: settings.id.clone(),
        secret: settings.secret.clone(),
        assertion: assertion.settled(profile.client_auth, url)?,
        variables: Vec::new(),
        claims,
        grant,
    };
    Ok((inputs, asked))
}

/// The key that tokens are bound to, and how, if the profile wants that.
fn dpop(settings: &Settings) -> Result<Option<Dpop>, Error> {
    let profile = &settings.profile;
    if !profile.dpop {
        return Ok(None);
    }
    let base = profile.expanded_text(profile.dpop_htu_base.as_ref())?;
    let base = Some(base.as_str()).filter(|base| !base.is_empty());
    let dpop = settings.dpop.clone().unwrap_or_default();
    let dpop = dpop.with_profile(profile.dpop_alg, base, profile.dpop_bearer_allowed)?;
    dpop.check()?;
    if !dpop.is_kept() && profile.grant == Grant::RefreshToken && !profile.client_auth.proves() {
        return Err(Error::configuration(
            "a public client's refresh token is bound to its key (RFC 9449, section 5) and would be lost with one in memory: call dpop with a key that is kept",
        ));
    }
    Ok(Some(dpop))
}

fn belongs(grant: Grant, name: &str) -> bool {
    let (needed, _) = grant.needs();
    needed.contains(&name) || (grant == Grant::TokenExchange && name == "actor_token")
}

type Params = Vec<(String, Param<Template>)>;

/// The parameters in the order in which they go out, without those that the inputs bring.
fn params(profile: &Profile, scope: &str) -> Result<Params, Error> {
    let literal = |name: &str, value: &str| {
        let value = Param::Text(Template::from(value.to_owned()));
        (name.to_owned(), value)
    };
    let optional = |name: &str, value: &Option<String>| {
        let value = value.as_ref();
        value.map(|value| literal(name, value))
    };
    let own = profile.compiled_params(&profile.params)?;
    let of_grant = [
        optional("subject_token_type", &profile.subject_token_type),
        optional("actor_token_type", &profile.actor_token_type),
        optional("requested_token_type", &profile.requested_token_type),
    ]
    .into_iter()
    .flatten();
    let named = |params: &Params| params.iter().any(|(name, _)| name == GRANT_TYPE);
    let in_query = profile.query.iter().any(|(name, _)| name == GRANT_TYPE);
    let mut params: Params = if profile.encoding == Encoding::None || in_query {
        own
    } else if named(&own) {
        own.into_iter().chain(of_grant).collect()
    } else {
        std::iter::once(literal(GRANT_TYPE, profile.grant.grant_type()))
            .chain(of_grant)
            .chain(own)
            .collect()
    };
    let scopes: Vec<&str> = scope.split(' ').filter(|one| !one.is_empty()).collect();
    params.push(literal(
        &profile.scope_param,
        &scopes.join(&profile.scope_separator),
    ));
    let audience = profile.expanded_text(profile.audience.as_ref())?;
    params.push(literal("audience", &audience));
    for resource in &profile.resource {
        let resource = profile.expanded(resource, Place::Text)?;
        check_resource(&resource)?;
        params.push(literal(RESOURCE, &resource));
    }
    params.retain(|(_, value)| !matches!(value, Param::Text(text) if text.is_empty()));
    Ok(params)
}

fn response(profile: &Profile, scope: &str) -> Result<ResponsePlan, Error> {
    let paths = |paths: &[String]| paths.iter().map(|path| Path::parse(path)).collect();
    let capture = profile.capture.iter();
    Ok(ResponsePlan {
        format: profile.answer,
        success: profile.matchers(&profile.success)?,
        busy: profile.matchers(&profile.busy)?,
        refused: profile.matchers(&profile.refused)?,
        error_at: paths(&profile.error_at),
        message_at: paths(&profile.message_at),
        token: profile.token_places()?,
        token_types: profile.token_types.clone(),
        token_type_optional: profile.token_type_optional,
        lenient_token: profile.lenient_token,
        capture: capture
            .map(|(name, path)| (name.clone(), Path::parse(path)))
            .collect(),
        expiry: profile.expiry.clone(),
        default_lifetime: profile.default_lifetime,
        scope: Some(scope.to_owned()).filter(|scope| !scope.is_empty()),
        issued_type: profile.grant == Grant::TokenExchange && !profile.issued_token_type_optional,
        authenticated: profile.client_auth.proves(),
    })
}

/// Not where fetches are counted, or one ends what the other brings, or a token is used up.
fn may_hedge(profile: &Profile, grant: &GrantInputs) -> bool {
    let harmless = match profile.grant {
        Grant::ClientCredentials => true,
        Grant::JwtBearer => grant.signs_anew(),
        _ => false,
    };
    let free = !profile.metered && profile.min_interval.is_none();
    harmless && free && profile.reissue != Reissue::KillsOld
}

impl Plan {
    /// Finds what templates name that no message may repeat.
    fn find_secrets(&mut self, profile: &Profile) {
        let mut names = Vec::new();
        let hidden = &mut self.request.hidden;
        let beside = self.attach.beside.iter().chain(&self.attach.defaults);
        let used = beside.map(|(_, text)| text);
        let used = used.chain([&self.attach.value]);
        for template in used.chain(self.inputs.claim_texts()) {
            template.secrets(hidden, &mut names);
        }
        self.request.find_secrets(&mut names);
        for name in names {
            if let Some(Value::Secret(secret)) = profile.values.get(&name) {
                self.inputs.variables.push((name, secret.clone()));
            }
        }
    }
}
