//! Where the client comes from that one word names: settings, the environment, or a profile.

use std::{
    env,
    path::{self, Path, PathBuf},
};

use hallpass::{
    Clients, Profile,
    config::{ClientConfig, Reference},
    oauth2::ClientAuth,
};

use crate::{
    exit::{Failure, chain},
    output,
    target::TargetArgs,
};

/// The prefix of clients in the environment.
const ENVIRONMENT: &str = "HALLPASS_CLIENT";

/// How many letters of a name may be wrong for another to be what was meant: of few, fewer.
const fn slips(name: &str) -> usize {
    if name.len() < 5 { 1 } else { 2 }
}

/// A client before any option.
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) config: ClientConfig,
    /// Where its id belongs if no option gives it.
    pub(crate) place_of_id: String,
}

impl TargetArgs {
    pub(crate) fn find(&self) -> Result<Found, Failure> {
        let word = &self.client;
        let is_toml = Path::new(word).extension().is_some_and(|end| end == "toml");
        if is_toml || word.contains(path::is_separator) {
            let profile = Profile::from_toml_file(word)
                .map_err(|error| Failure::configuration(chain(&error)))?;
            return Ok(self.of_profile(profile));
        }
        let mut known = Vec::new();
        let file = self.settings_file();
        if let Some(file) = file.as_ref().filter(|file| self.is_to_be_read(file)) {
            let clients = Clients::from_path(file).map_err(Failure::configuration)?;
            if let Ok(config) = clients.config(word) {
                return Ok(Found {
                    name: word.clone(),
                    config: config.clone(),
                    place_of_id: format!("its id in {}", file.display()),
                });
            }
            known.extend(clients.names().map(str::to_owned));
        }
        let clients = Clients::from_env(ENVIRONMENT).map_err(Failure::configuration)?;
        if let Ok(config) = clients.config(word) {
            return Ok(Found {
                name: word.clone(),
                config: config.clone(),
                place_of_id: format!("{ENVIRONMENT}_{}_ID", as_variable(word)),
            });
        }
        known.extend(clients.names().map(str::to_owned));
        if Profile::shipped_toml(word).is_none() {
            let message = self.unknown(&known, file.as_deref());
            return Err(Failure::configuration(message));
        }
        let profile = Profile::named(word).map_err(Failure::configuration)?;
        Ok(self.of_profile(profile))
    }

    /// The one that was named, or the one in the home folder. Never one of the working directory: a
    /// folder from elsewhere could name a token endpoint of its own.
    fn settings_file(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| {
            let folder = env::var_os("XDG_CONFIG_HOME")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))?;
            Some(folder.join("hallpass/clients.toml"))
        })
    }

    /// One that was named has to be there.
    fn is_to_be_read(&self, file: &Path) -> bool {
        self.config.is_some() || file.is_file()
    }

    /// The sentence for a word that names nothing.
    fn unknown(&self, known: &[String], file: Option<&Path>) -> String {
        let word = &self.client;
        let shown: String = word.chars().filter(|char| !char.is_control()).collect();
        let mut near = known.to_vec();
        near.extend(Profile::names().map(str::to_owned));
        near.retain(|name| strsim::levenshtein(word, name) <= slips(word));
        let near: Vec<String> = near.iter().map(|name| format!("\"{name}\"")).collect();
        let meant = if near.is_empty() {
            String::new()
        } else {
            format!("; did you mean {}?", near.join(" or "))
        };
        let clients = match file {
            _ if !known.is_empty() => format!("your clients are {}", known.join(", ")),
            Some(file) if self.is_to_be_read(file) => format!("{} has none", file.display()),
            Some(file) => format!("no settings file was found at {}", file.display()),
            None => "no settings file was named, and there is no HOME to look for one".to_owned(),
        };
        format!(
            "there is no client and no profile \"{shown}\"{meant} ({clients}; `hallpass profiles list` lists the profiles)"
        )
    }

    /// A client that nothing but its profile describes: its id and secret are where one expects
    /// them.
    fn of_profile(&self, profile: Profile) -> Found {
        let name = profile.name.clone();
        let variable = |end| format!("{}_{end}", as_variable(&name));
        let mut config = ClientConfig::default();
        let (id, secret) = (variable("CLIENT_ID"), variable("SECRET"));
        if env::var_os(&id).is_some() {
            config.id = Some(Reference::Env(id.clone()));
        }
        let keyless = matches!(
            profile.client_auth,
            ClientAuth::None | ClientAuth::PrivateKeyJwt | ClientAuth::Tls
        );
        let has_id = config.id.is_some() || self.client_id.is_some();
        if !keyless && has_id && self.certificate.is_none() {
            config.secret = Some(Reference::Env(secret));
        }
        config.profile = profile;
        Found {
            name,
            config,
            place_of_id: id,
        }
    }
}

fn as_variable(name: &str) -> String {
    name.to_uppercase()
        .replace(|char: char| !char.is_ascii_alphanumeric(), "_")
}

/// Says which variables hold what would be a place in the settings file, and is sent as it stands.
pub(crate) fn warn_of_places(config: &ClientConfig) {
    for (_, reference) in config.references() {
        let Reference::Env(variable) = reference else {
            continue;
        };
        let begins = match reference.read().as_deref().map(Reference::parse) {
            Ok(Ok(Reference::Env(..))) => "env:",
            Ok(Ok(Reference::File(..))) => "file:",
            _ => continue,
        };
        let file = if variable.starts_with(ENVIRONMENT) {
            format!("; {variable}_FILE takes the path of a file that does")
        } else {
            String::new()
        };
        output::note(&format!(
            "hallpass: warning: {variable} begins with \"{begins}\" and is used as it stands, because a variable has to hold the value itself{file}"
        ));
    }
}
