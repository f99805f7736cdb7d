//! [`Target`]: the client that a command is for, from the settings file, a profile, and options.

use std::{
    io::{self, Read as _},
    path::PathBuf,
};

use clap::Args;
use hallpass::{
    Cached, Origin,
    config::{ClientConfig, ClientSource, Reference},
    hyper::{Builder, HyperTransport, Proxy},
    oauth2::Transport,
};

use crate::{
    cache::CacheArgs,
    exit::Failure,
    find::{self, Found},
};

/// Which client, and what is different from what its settings or its profile say.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// A client of the settings file, a profile's name, or the path of a profile (acme.toml)
    #[arg(value_name = "CLIENT")]
    pub(crate) client: String,
    /// The settings file; ~/.config/hallpass/clients.toml unless set
    #[arg(
        long,
        env = "HALLPASS_CONFIG",
        value_name = "FILE",
        help_heading = "Client"
    )]
    pub(crate) config: Option<PathBuf>,
    /// The client id. It replaces the one of the settings. Unless set, a profile's is in the
    /// variable NAME_CLIENT_ID
    #[arg(long, value_name = "ID", help_heading = "Client")]
    pub(crate) client_id: Option<String>,
    /// Where the client secret is: env:NAME, file:PATH, or - for standard input. It replaces the
    /// one of the settings. Unless set, a profile's is in the variable NAME_SECRET
    #[arg(
        long,
        alias = "client-secret",
        value_name = "PLACE",
        help_heading = "Client"
    )]
    secret: Option<String>,
    /// Where the private key is that signs assertions: env:NAME, file:PATH, or -
    #[arg(long, value_name = "PLACE", help_heading = "Client")]
    private_key: Option<String>,
    /// The private key's id
    #[arg(long, value_name = "KID", help_heading = "Client")]
    key_id: Option<String>,
    /// A variable of the profile, such as realm=acme
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Client")]
    var: Vec<String>,
    /// Another token endpoint than the profile's
    #[arg(long, value_name = "URL", help_heading = "Client")]
    token_url: Option<String>,
    /// The server's issuer; without --token-url its metadata names the token endpoint
    #[arg(long, value_name = "URL", help_heading = "Client")]
    issuer: Option<String>,
    /// The scopes to ask for
    #[arg(long, value_name = "SCOPES", help_heading = "Client")]
    scope: Option<String>,
    /// The parameter audience
    #[arg(long, value_name = "AUDIENCE", help_heading = "Client")]
    audience: Option<String>,
    /// Where the token may go, in place of the profile's origins
    #[arg(long, value_name = "ORIGIN", help_heading = "Client")]
    origin: Vec<String>,
    /// Binds tokens to a key, so that one that leaks is of no use (DPoP)
    #[arg(long, help_heading = "Client")]
    dpop: bool,
    /// A PEM file with authorities to trust besides the system's
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    ca: Option<PathBuf>,
    /// A PEM file with the certificate to present
    #[arg(
        long,
        value_name = "FILE",
        requires = "certificate_key",
        help_heading = "Network"
    )]
    pub(crate) certificate: Option<PathBuf>,
    /// A PEM file with that certificate's key
    #[arg(
        long,
        value_name = "FILE",
        requires = "certificate",
        help_heading = "Network"
    )]
    certificate_key: Option<PathBuf>,
    /// The proxy on the way to the token endpoint: a URL, or env for HTTPS_PROXY and the like
    #[arg(long, value_name = "URL", help_heading = "Network")]
    token_proxy: Option<String>,
    /// The proxy on the way to the API
    #[arg(long, value_name = "URL", help_heading = "Network")]
    api_proxy: Option<String>,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
}

/// The client that a command is for.
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) config: ClientConfig,
    /// Where its id belongs if no option gives it, for messages.
    place_of_id: String,
    token_proxy: Option<String>,
    api_proxy: Option<String>,
    cache: CacheArgs,
}

impl TargetArgs {
    /// Whether its secrets come from standard input, which then can't bring anything else.
    pub(crate) fn reads_stdin(&self) -> bool {
        [&self.secret, &self.private_key]
            .into_iter()
            .any(|place| place.as_deref() == Some("-"))
    }

    /// Finds the client and reads what standard input has to say.
    pub(crate) fn resolve(&self) -> Result<Target, Failure> {
        let Found {
            name,
            mut config,
            place_of_id,
        } = self.find()?;
        if let Some(id) = &self.client_id {
            config.id = Some(Reference::text(id));
        }
        if self.reads_stdin() && self.secret == self.private_key {
            return Err(Failure::configuration(
                "--secret - and --private-key - both want standard input",
            ));
        }
        if let Some(place) = &self.secret {
            config.secret = Some(reference("--secret", place)?);
            config.private_key = None;
        }
        if let Some(place) = &self.private_key {
            config.private_key = Some(reference("--private-key", place)?);
            config.secret = None;
        }
        for var in &self.var {
            let (name, value) = var.split_once('=').ok_or_else(|| {
                Failure::configuration("--var takes NAME=VALUE, such as --var realm=acme")
            })?;
            config.vars.insert(name.to_owned(), Reference::text(value));
        }
        for origin in &self.origin {
            origin
                .parse::<Origin>()
                .map_err(|error| Failure::configuration(format!("--origin: {error}")))?;
        }
        if !self.origin.is_empty() {
            config.origins.clone_from(&self.origin);
        }
        if self.token_url.is_some() {
            config.token_url.clone_from(&self.token_url);
        }
        if self.issuer.is_some() {
            config.issuer.clone_from(&self.issuer);
            config.token_url.clone_from(&self.token_url);
        }
        let options = [
            (&self.key_id, &mut config.key_id),
            (&self.scope, &mut config.scope),
            (&self.audience, &mut config.audience),
        ];
        for (option, setting) in options {
            if option.is_some() {
                setting.clone_from(option);
            }
        }
        let paths = [
            (&self.ca, &mut config.ca),
            (&self.certificate, &mut config.certificate),
            (&self.certificate_key, &mut config.certificate_key),
        ];
        for (option, setting) in paths {
            if option.is_some() {
                setting.clone_from(option);
            }
        }
        config.dpop |= self.dpop;
        for (option, proxy) in [
            ("--token-proxy", &self.token_proxy),
            ("--api-proxy", &self.api_proxy),
        ] {
            if proxy.as_deref().is_some_and(has_user) {
                return Err(Failure::configuration(format!(
                    "{option}: a name and a password don't belong into arguments, which others can see: put this URL into HTTPS_PROXY and say {option} env, or into the setting proxy"
                )));
            }
        }
        find::warn_of_places(&config);
        Ok(Target {
            token_proxy: self.token_proxy.clone().or_else(|| config.proxy.clone()),
            api_proxy: self.api_proxy.clone().or_else(|| config.proxy.clone()),
            cache: self.cache.clone(),
            name,
            config,
            place_of_id,
        })
    }
}

/// Whether a URL names a user in front of its host.
fn has_user(url: &str) -> bool {
    let (_, after) = url.split_once("://").unwrap_or(("", url));
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    authority.contains('@')
}

/// Reads `env:NAME`, `file:PATH`, or standard input.
fn reference(option: &str, place: &str) -> Result<Reference, Failure> {
    if place != "-" {
        return Reference::parse(place)
            .map_err(|error| Failure::configuration(format!("{option}: {error}")));
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| {
        Failure::configuration(format!("{option}: standard input can't be read: {error}"))
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Failure::configuration(format!(
            "{option}: standard input is empty"
        )));
    }
    Ok(Reference::value(text))
}

impl Target {
    /// Finds secrets that are missing before anything is sent.
    pub(crate) fn check_secrets(&self) -> Result<(), Failure> {
        for (key, reference) in self.config.references() {
            let value = reference.read().map_err(|error| {
                Failure::configuration(format!("{}: {key}: {error}", self.name))
            })?;
            if value.is_empty() {
                return Err(Failure::configuration(format!(
                    "{}: {key}: {reference} is empty",
                    self.name
                )));
            }
        }
        Ok(())
    }

    /// Whether token requests go through a proxy.
    pub(crate) fn has_token_proxy(&self) -> bool {
        self.token_proxy.is_some()
    }

    pub(crate) fn transport(&self) -> Result<HyperTransport, Failure> {
        let builder = self.through(self.token_proxy.as_deref())?;
        builder.transport().map_err(|error| self.wrong(&error))
    }

    /// What makes clients for the API.
    pub(crate) fn api(&self) -> Result<Builder, Failure> {
        self.through(self.api_proxy.as_deref())
    }

    fn through(&self, proxy: Option<&str>) -> Result<Builder, Failure> {
        let builder = self.config.http().map_err(|error| self.wrong(&error))?;
        Ok(builder.proxy(match proxy {
            None => Proxy::none(),
            Some("env") => Proxy::from_env(),
            Some(url) => Proxy::all(url),
        }))
    }

    pub(crate) fn source(&self, transport: impl Transport) -> Result<ClientSource, Failure> {
        self.config
            .source(&self.name, transport)
            .map_err(|error| self.wrong(&error))
    }

    /// The credential, through the cache if there is to be one.
    pub(crate) async fn cached(&self) -> Result<Cached, Failure> {
        self.check_secrets()?;
        let source = self.source(self.transport()?)?;
        self.cache.wrap(source).await
    }

    fn wrong(&self, error: &hallpass::Error) -> Failure {
        let mut message = format!("{}: {}", self.name, crate::exit::chain(error));
        if ["no client is set", "it says which client this is"]
            .iter()
            .any(|what| message.contains(what))
        {
            // What the library says names methods of its own. A secret that is missing is not meant.
            let (name, place) = (&self.name, &self.place_of_id);
            message = format!("{name}: no client id is set: give --client-id, or set {place}");
        }
        if message.contains("needs the variable") || message.contains("has no value") {
            message.push_str("; --var NAME=VALUE gives it one");
            if message.contains("for its origins alone") {
                message.push_str(", --origin replaces them");
            }
        }
        Failure::configuration(message)
    }
}

/// What a text must not show: every secret that is read now, in the length that is one.
pub(crate) fn without_secrets(config: &ClientConfig, text: &str) -> String {
    // Anything shorter is no secret, and would garble the sentences that it happens to stand in.
    const SHORTEST: usize = 8;
    let mut clean = text.to_owned();
    for (_, reference) in config.secrets() {
        if let Ok(value) = reference.read()
            && value.len() >= SHORTEST
        {
            clean = clean.replace(&value, "[secret]");
        }
    }
    clean
}
