//! [`RequestPlan`]: how one token request is put together, and what of it no message may repeat.

use bytes::Bytes;
use hallpass_core::{Error, adapter::SendOnce};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT},
    uri::PathAndQuery,
};
use zeroize::Zeroizing;

use super::{
    checks::{headers, own_header, unfit_value},
    inputs::{ResolvedInputs, unfilled},
};
use crate::{
    ClientAuth, Encoding, Param, Profile, basic,
    dpop::DPOP,
    json,
    param::{FilledParams, form_pairs},
    percent,
    template::{EXPANSION_LIMIT, Stage, Template, TemplateContext},
    token_url::TokenUrl,
    value::sounds_secret,
};

/// How a token request is put together.
pub(crate) struct RequestPlan {
    pub(crate) auth: ClientAuth,
    method: Method,
    encoding: Encoding,
    send_client_id: bool,
    params: Vec<(String, Param<Template>)>,
    /// Goes into the URL whatever the encoding.
    query: Vec<(String, Template)>,
    headers: HeaderMap,
    /// Headers that each call fills anew.
    filled_headers: Vec<(HeaderName, Template)>,
    /// Values of plain variables that are secret by their names.
    pub(super) hidden: Vec<String>,
}

/// A request, and the secrets that it tells the server.
pub(crate) struct Prepared {
    pub(crate) request: Request<Bytes>,
    pub(crate) secrets: Vec<Zeroizing<String>>,
}

impl RequestPlan {
    pub(super) fn compile(
        profile: &Profile,
        params: Vec<(String, Param<Template>)>,
        query: Vec<(String, Template)>,
    ) -> Result<Self, Error> {
        let auth = profile.client_auth;
        let filled_headers = profile.templates_of(&profile.token_headers, Stage::Ask)?;
        let filled_headers = headers(filled_headers, |name| own_header(name, auth))?;
        if profile.dpop && filled_headers.iter().any(|(name, _)| *name == DPOP) {
            return Err(Error::configuration(
                "the header dpop is for the proof of each token request: leave it out",
            ));
        }
        let content_type = profile.encoding.content_type();
        let plan = Self {
            auth,
            method: profile.method.clone(),
            encoding: profile.encoding,
            send_client_id: profile.send_client_id,
            params,
            query,
            headers: default_headers(content_type.filter(|_| profile.method != Method::GET)),
            filled_headers,
            hidden: Vec::new(),
        };
        let fixed = plan.templates().flat_map(Template::literals);
        if fixed.map(str::len).sum::<usize>() > EXPANSION_LIMIT {
            return Err(too_long());
        }
        Ok(plan)
    }

    /// Every template in it.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        let params = self.params.iter().flat_map(|(_, param)| param.texts());
        let query = self.query.iter().map(|(_, text)| text);
        let headers = self.filled_headers.iter().map(|(_, text)| text);
        params.chain(query).chain(headers)
    }

    pub(super) fn find_secrets(&mut self, names: &mut Vec<String>) {
        let mut hidden = std::mem::take(&mut self.hidden);
        for template in self.templates() {
            template.secrets(&mut hidden, names);
        }
        self.hidden = hidden;
    }

    /// The request for one try.
    pub(crate) fn prepare(
        &self,
        url: &TokenUrl,
        inputs: &ResolvedInputs,
    ) -> Result<Prepared, Error> {
        let context = inputs.context();
        let mut secrets: Vec<Zeroizing<String>> = Vec::new();
        secrets.extend(inputs.secret.clone());
        secrets.extend(inputs.variables.iter().map(|(_, value)| value.clone()));
        secrets.extend(self.hidden.iter().cloned().map(Zeroizing::new));

        let mut filling = Filling::of(&context);
        let params = self.filled_params(inputs, &mut filling, &mut secrets)?;
        let mut query = Zeroizing::new(String::new());
        let mut body = Zeroizing::new(Vec::new());
        match self.encoding {
            Encoding::Form => {
                let mut form = form(&form_pairs(&params));
                *body = std::mem::take(&mut *form).into_bytes();
            }
            Encoding::Json => body = json::object(&params),
            Encoding::Query => query = form(&form_pairs(&params)),
            Encoding::None => {}
        }
        if !self.query.is_empty() {
            let mut own = Vec::with_capacity(self.query.len());
            for (name, text) in &self.query {
                let value = filling.fill(text)?;
                keep_if_secret(&mut secrets, name, &value, text.shows_secret());
                own.push((name.as_str(), value));
            }
            let separator = if query.is_empty() { "" } else { "&" };
            query = Zeroizing::new([&form(&own), separator, &query].concat());
        }

        let length = body.len();
        let mut request = Request::new(Bytes::from_owner(body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = with_query(url.uri(), &query)?;
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        for (name, text) in &self.filled_headers {
            let value = filling.fill(text)?;
            keep_if_secret(&mut secrets, name.as_str(), &value, text.shows_secret());
            headers.insert(name, header_value(name, &value)?);
        }
        if length == 0 && self.method != Method::GET {
            // Strict servers want to hear that there is no body (RFC 9110 §8.6).
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        if let Some((dpop, prover)) = &inputs.dpop {
            // It names the URL without its query, so that it can be made before that is settled.
            let proof = dpop.prove_to_server(prover, &self.method, url.uri(), inputs.skew())?;
            headers.insert(DPOP, proof);
            // A proof that was sent is worth nothing; a new request has a new one.
            request.extensions_mut().insert(SendOnce);
        }
        let headers = request.headers_mut();
        let basic = match self.auth {
            ClientAuth::Basic => basic::basic(context.id, context.secret),
            ClientAuth::BasicRaw => basic::basic_raw(context.id, context.secret),
            ClientAuth::BasicBase64 => basic::basic_base64(context.id, context.secret),
            _ => return Ok(Prepared { request, secrets }),
        };
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(basic))
            .map_err(|_| Error::configuration("a Basic header that can't be sent"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(Prepared { request, secrets })
    }

    /// The parameters with what this call knows, the client's own last.
    fn filled_params(
        &self,
        inputs: &ResolvedInputs,
        filling: &mut Filling<'_>,
        secrets: &mut Vec<Zeroizing<String>>,
    ) -> Result<FilledParams, Error> {
        let post = self.auth == ClientAuth::Post;
        let mut params = Vec::with_capacity(self.params.len() + 2);
        for (name, param) in &self.params {
            let filled = param.map(&mut |text: &Template| filling.fill(text))?;
            let shown = param.texts().iter().any(|text| text.shows_secret());
            keep_secrets(secrets, name, &filled, shown);
            params.push((name.clone(), filled));
        }
        let own = |name: &str, value: &str| {
            let value = Param::Text(Zeroizing::new(value.to_owned()));
            (name.to_owned(), value)
        };
        if post || self.send_client_id {
            params.push(own("client_id", filling.context.id));
        }
        if post {
            params.push(own("client_secret", filling.context.secret));
        }
        for (name, value) in inputs.signed()? {
            params.push(own(name, &value));
            if name != "client_assertion_type" && name != "token_type_hint" {
                secrets.push(value);
            }
        }
        Ok(params)
    }
}

/// Fills the templates of one request, which together make no more than a single one may.
struct Filling<'a> {
    context: &'a TemplateContext<'a>,
    room: usize,
}

impl<'a> Filling<'a> {
    fn of(context: &'a TemplateContext<'a>) -> Self {
        Self {
            context,
            room: EXPANSION_LIMIT,
        }
    }

    fn fill(&mut self, text: &Template) -> Result<Zeroizing<String>, Error> {
        let filled = text.fill(self.context).map_err(unfilled)?;
        self.room = self.room.checked_sub(filled.len()).ok_or_else(too_long)?;
        Ok(filled)
    }
}

fn too_long() -> Error {
    Error::configuration("the token request grows beyond 1 MiB: its variables are too long for it")
}

fn keep_secrets(
    secrets: &mut Vec<Zeroizing<String>>,
    name: &str,
    param: &Param<Zeroizing<String>>,
    shown: bool,
) {
    match param {
        Param::Text(value) => keep_if_secret(secrets, name, value, shown),
        Param::Bool(_) | Param::Integer(_) => {}
        Param::List(items) => {
            for item in items {
                keep_secrets(secrets, name, item, shown);
            }
        }
        Param::Table(members) => {
            for (name, item) in members {
                keep_secrets(secrets, name, item, shown);
            }
        }
    }
}

fn keep_if_secret(
    secrets: &mut Vec<Zeroizing<String>>,
    name: &str,
    value: &Zeroizing<String>,
    shown: bool,
) {
    if shown || sounds_secret(name) {
        secrets.push(value.clone());
    }
}

fn with_query(uri: &Uri, encoded: &str) -> Result<Uri, Error> {
    if encoded.is_empty() {
        return Ok(uri.clone());
    }
    let target = match uri.query() {
        Some(own) if !own.is_empty() => format!("{}?{own}&{encoded}", uri.path()),
        _ => format!("{}?{encoded}", uri.path()),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_maybe_shared(target).map_err(refused_query)?);
    Uri::from_parts(parts).map_err(refused_query)
}

fn form(pairs: &[(&str, Zeroizing<String>)]) -> Zeroizing<String> {
    percent::form(pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

/// A sensitive header's value.
pub(crate) fn header_value(name: &HeaderName, value: &str) -> Result<HeaderValue, Error> {
    let bytes = Zeroizing::new(value.as_bytes().to_vec());
    let mut value =
        HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).map_err(|_| unfit_value(name))?;
    value.set_sensitive(true);
    Ok(value)
}

fn refused_query<E>(_: E) -> Error {
    Error::configuration("the parameters are too long for the query of a URL: send them as a form")
}

/// The headers of every token request, before those that the user sets.
fn default_headers(content_type: Option<HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    // A coding would have to be undone before a refusal can be read, within the same bounds.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("hallpass/", env!("CARGO_PKG_VERSION"))),
    );
    headers
}
