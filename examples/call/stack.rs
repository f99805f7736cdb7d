//! [`Stack`]: from a profile to a client that always has a token.

use std::{
    env,
    path::{self, Path},
    time::Duration,
};

use bytes::Bytes;
use hallpass::{
    BearerLayer, BearerService, Cached, Error, Origin, Profile, Secret, tower::ReplayBody,
};
use http_body_util::Full;
use tower::Layer as _;

use crate::args::Args;

/// Longer than any API should take, short enough for a script not to hang for ever.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) type Client = BearerService<hallpass::hyper::Client<ReplayBody<Full<Bytes>>>>;

/// A client with its credential.
pub(crate) struct Stack {
    pub(crate) client: Client,
    pub(crate) cached: Cached,
    /// What must not be printed, whoever says it.
    pub(crate) secret: String,
}

impl Stack {
    /// Nothing is sent yet. What is wrong with the arguments is said in one sentence.
    pub(crate) fn new(args: &Args) -> Result<Self, String> {
        let variable = &args.client_secret_env;
        let secret = env::var(variable).map_err(|_| {
            format!(
                "--client-secret-env: the environment variable {variable} is not set, or not UTF-8"
            )
        })?;
        let profile = profile(args)?;
        let build = || -> Result<(Cached, Client), Error> {
            let source = profile
                .client(args.client_id.as_str(), Secret::env(variable))
                .build(hallpass::hyper::transport()?)?;
            let cached = Cached::new(source);
            let client = hallpass::hyper::Builder::new()
                .request_timeout(REQUEST_TIMEOUT)
                .client()?;
            let layer = BearerLayer::new(cached.clone()).report_attempts();
            Ok((cached, layer.layer(client)))
        };
        let (cached, client) = build().map_err(|error| hinted(&error))?;
        check_destination(args, &cached)?;
        Ok(Self {
            client,
            cached,
            secret,
        })
    }
}

fn profile(args: &Args) -> Result<Profile, String> {
    let name = &args.profile;
    let is_toml = Path::new(name).extension().is_some_and(|end| end == "toml");
    let is_file = is_toml || name.contains(path::is_separator);
    let profile = if is_file {
        Profile::from_toml_file(name)
    } else {
        Profile::named(name)
    };
    let mut profile =
        profile.map_err(|error| format!("--profile: {}", crate::run::chain(&error)))?;
    for (name, value) in &args.vars {
        profile = profile.var(name, value);
    }
    if let Some(url) = &args.token_url {
        profile = profile.token_url(url);
    }
    if !args.origins.is_empty() {
        profile = profile.origins(&args.origins);
    }
    Ok(profile)
}

/// The library's sentence, with the option that helps.
fn hinted(error: &Error) -> String {
    let mut sentence = crate::run::chain(error);
    if sentence.contains("needs the variable") {
        sentence.push_str("; --var NAME=VALUE gives it one");
        if sentence.contains("for its origins alone") {
            sentence.push_str(", --origin replaces them");
        }
    }
    sentence
}

/// The layer lets requests to other origins pass without the credential, which is right for a
/// redirect to a storage host and not what somebody means who types a command.
fn check_destination(args: &Args, cached: &Cached) -> Result<(), String> {
    let origin = Origin::of(&args.url).map_err(|error| error.to_string())?;
    let about = cached.description();
    if let Some(origins) = &about.origins
        && !origins.contains(&origin)
    {
        let bound: Vec<String> = origins.iter().map(ToString::to_string).collect();
        return Err(format!(
            "the credential of \"{}\" is for {} and would not go to {origin}: add --origin {origin} if it should",
            about.name,
            bound.join(", ")
        ));
    }
    if args.headers.iter().any(|(name, _)| *name == about.header) {
        return Err(format!(
            "-H sets {}, which is where the credential goes: leave it out",
            about.header
        ));
    }
    Ok(())
}
