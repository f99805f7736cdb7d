//! From the settings of a client to a source, and to what carries its requests.

use std::{fs, path::Path};

use hallpass_core::{Error, Identity};
use hallpass_hyper::Proxy;
use hallpass_oauth2::{
    Basic, ClientAuth, Discovery, Dpop, Key, Profile, Token, TokenRequest, Transport, token_type,
};

use super::{
    ClientConfig, ClientSource, Reference,
    source::{CERTIFICATE, Kind},
};

/// A mistake in a setting: its name, and what is wrong.
fn wrong(key: &str, why: &str) -> Error {
    Error::configuration(format!("{key}: {why}"))
}

impl ClientConfig {
    /// The source of this client's credential, asking over `transport`. Messages call it `name`.
    ///
    /// # Errors
    /// If a setting is missing, or contradicts another; the message begins with its name. And what
    /// [`TokenRequest::build`] has to say of the rest.
    pub fn source(&self, name: &str, transport: impl Transport) -> Result<ClientSource, Error> {
        let kind = if let Some(token) = &self.token {
            let token = Token::new(token.secret()).name(name);
            Kind::Token(self.bound(token, |token, origins| token.origins(origins))?)
        } else if self.basic {
            let (Some(id), Some(secret)) = (&self.id, &self.secret) else {
                let missing = if self.id.is_none() { "id" } else { "secret" };
                return Err(wrong(missing, "is missing, which basic = true needs"));
            };
            let basic = Basic::new(id.secret(), secret.secret()).name(name);
            Kind::Basic(self.bound(basic, |basic, origins| basic.origins(origins))?)
        } else {
            self.check()?;
            let issuer = self.issuer.as_ref().filter(|_| self.token_url.is_none());
            if let Some(issuer) = issuer {
                let (config, name) = (self.clone(), name.to_owned());
                let found = Discovery::anywhere(issuer).source(transport, move |found| {
                    let url = match &config.certificate {
                        Some(_) => found.mtls_token_endpoint(),
                        None => found.token_endpoint(),
                    };
                    config.request(&name, config.profile.clone().token_url(literal(url)))
                });
                Kind::Discovered(found.map_err(|error| {
                    let message = format!("issuer: {error}");
                    error.context(message)
                })?)
            } else {
                let mut profile = self.profile.clone();
                if let Some(url) = &self.token_url {
                    profile = profile.token_url(url);
                }
                Kind::Endpoint(self.request(name, profile).build(transport)?)
            }
        };
        let references = self.references().into_iter();
        let references = references.map(|(key, reference)| (key, reference.clone()));
        // A token may be bound to it, and one of the same name may be renewed.
        let certificate = self.certificate.clone().map(Reference::File);
        let certificate = certificate.map(|file| (CERTIFICATE.to_owned(), file));
        Ok(ClientSource::new(
            kind,
            self.identity(),
            self.profile.clone(),
            references.chain(certificate).collect(),
        ))
    }

    /// What carries this client's requests, to the token endpoint and to the API: its authorities,
    /// its certificate and its proxy.
    ///
    /// # Errors
    /// If a file can't be read; the message begins with the setting that names it.
    pub fn http(&self) -> Result<hallpass_hyper::Builder, Error> {
        let mut builder = hallpass_hyper::Builder::new();
        if let Some(path) = &self.ca {
            builder = builder.add_roots_pem(file("ca", path)?);
        }
        match (&self.certificate, &self.certificate_key) {
            (Some(certificate), Some(key)) => {
                let certificate = file("certificate", certificate)?;
                let key = file("certificate_key", key)?;
                builder = builder.client_certificate_pem(certificate, key);
            }
            (Some(_), None) => {
                return Err(wrong(
                    "certificate_key",
                    "is missing, which certificate needs",
                ));
            }
            (None, Some(_)) => {
                return Err(wrong(
                    "certificate",
                    "is missing, which certificate_key needs",
                ));
            }
            (None, None) => {}
        }
        Ok(match self.proxy.as_deref() {
            None => builder,
            Some("env") => builder.proxy(Proxy::from_env()),
            Some(url) => builder.proxy(Proxy::all(url)),
        })
    }

    fn bound<S>(
        &self,
        source: S,
        origins: impl FnOnce(S, &[String]) -> Result<S, Error>,
    ) -> Result<S, Error> {
        let named = match &self.origins[..] {
            [] => self.profile.origins.as_deref().unwrap_or_default(),
            named => named,
        };
        if named.is_empty() {
            return Ok(source);
        }
        origins(source, named).map_err(|error| wrong("origins", &error.to_string()))
    }

    fn check(&self) -> Result<(), Error> {
        let auth = self.profile.client_auth;
        let has_url = self.token_url.is_some() || !self.profile.token_url.is_empty();
        if !has_url && self.issuer.is_none() {
            return Err(wrong(
                "profile",
                "is missing, and so are token_url and issuer: one of them says where tokens come from",
            ));
        }
        if self.secret.is_some() && self.private_key.is_some() {
            return Err(wrong(
                "private_key",
                "is set beside secret, and a client authenticates in one way",
            ));
        }
        let is_for_somebody = self.issuer.is_some()
            || self.profile.issuer.is_some()
            || self.profile.assertion_for_token_url;
        if self.private_key.is_some() && !is_for_somebody {
            return Err(wrong(
                "issuer",
                "is missing: it says for whom the assertions are that private_key signs",
            ));
        }
        let proves = self.secret.is_some() || self.private_key.is_some();
        if proves && self.id.is_none() {
            return Err(wrong("id", "is missing: it says which client this is"));
        }
        let by_secret = matches!(
            auth,
            ClientAuth::Basic
                | ClientAuth::BasicRaw
                | ClientAuth::BasicBase64
                | ClientAuth::Post
                | ClientAuth::ClientSecretJwt
        );
        if self.id.is_some() && !proves && by_secret && self.certificate.is_none() {
            return Err(wrong(
                "secret",
                "is missing: write env:NAME or file:PATH, or set private_key",
            ));
        }
        if self.password.is_some() != self.username.is_some() {
            let missing = if self.password.is_some() {
                "username"
            } else {
                "password"
            };
            return Err(wrong(missing, "is missing beside the other half"));
        }
        Ok(())
    }

    /// The token request of this profile, for settings that were checked.
    fn request(&self, name: &str, profile: Profile) -> TokenRequest {
        let auth = profile.client_auth;
        let id = self.id.as_ref().map(Reference::secret);
        let mut request = match (id, &self.secret, &self.private_key) {
            (Some(id), _, Some(key)) => {
                let mut key = Key::read(key.secret());
                if let Some(kid) = &self.key_id {
                    key = key.kid(kid);
                }
                TokenRequest::from(profile).private_key_jwt(id, key)
            }
            (Some(id), Some(secret), None) => profile.client(id, secret.secret()),
            (Some(id), None, None) if self.certificate.is_some() => {
                TokenRequest::from(profile).mtls(id)
            }
            (Some(id), None, None) if auth == ClientAuth::None => {
                TokenRequest::from(profile).public(id)
            }
            (Some(id), None, None) => profile.client(id, ""),
            (None, ..) => TokenRequest::from(profile),
        };
        for (variable, value) in &self.vars {
            request = request.var(variable, value.variable());
        }
        request = request.name(name);
        if let Some(issuer) = &self.issuer {
            request = request.issuer(issuer);
        }
        if let Some(scope) = &self.scope {
            request = request.scope(scope);
        }
        if let Some(audience) = &self.audience {
            request = request.audience(audience);
        }
        for resource in &self.resource {
            request = request.resource(resource);
        }
        if !self.origins.is_empty() {
            request = request.origins(&self.origins);
        }
        self.with_grant(request)
    }

    fn with_grant(&self, mut request: TokenRequest) -> TokenRequest {
        if let Some(token) = &self.refresh_token {
            request = request.refresh_token(token.secret());
        }
        if let Some(assertion) = &self.assertion {
            request = request.assertion(assertion.secret());
        }
        if let Some(token) = &self.subject_token {
            let kind = self.subject_token_type.as_deref();
            request =
                request.subject_token(token.secret(), kind.unwrap_or(token_type::ACCESS_TOKEN));
        }
        if let (Some(name), Some(password)) = (&self.username, &self.password) {
            request = request.user(name.secret(), password.secret());
        }
        if let Some(key) = &self.dpop_key {
            request = request.dpop(Dpop::key(Key::read(key.secret())));
        } else if self.dpop {
            request = request.dpop(Dpop::new());
        }
        if self.dangerously_allow_http {
            request = request.dangerously_allow_http();
        }
        request
    }

    /// The settings that make for another credential. What the references hold is added when it is
    /// asked for.
    fn identity(&self) -> Identity {
        Identity::new("configured client")
            .optional("token url of the settings", self.token_url.as_deref())
            .optional("issuer", self.issuer.as_deref())
            .optional("scope", self.scope.as_deref())
            .optional("audience", self.audience.as_deref())
            .list("resource", &self.resource)
            .optional("subject token type", self.subject_token_type.as_deref())
            .part("basic", [u8::from(self.basic)])
    }
}

/// A template that stands for this text.
fn literal(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

fn file(key: &str, path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path)
        .map_err(|error| wrong(key, &format!("{} can't be read: {error}", path.display())))
}
