//! Reading the settings of clients from environment variables.

use std::{collections::BTreeMap, path::Path};

use hallpass_core::Error;

use super::{ClientConfig, Reference, read, suggest};

/// The settings that hold what may be a secret: there the variable is the place of the value, and
/// one that ends in `_FILE` names a file.
const REFERENCES: [&str; 10] = [
    "id",
    "secret",
    "private_key",
    "refresh_token",
    "assertion",
    "subject_token",
    "username",
    "password",
    "token",
    "dpop_key",
];

/// All clients among these variables.
pub(super) fn clients(
    prefix: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, ClientConfig>, Error> {
    let prefix = format!("{}_", prefix.trim_end_matches('_'));
    let mut clients: BTreeMap<String, ClientConfig> = BTreeMap::new();
    for (variable, value) in variables {
        let Some(rest) = variable.strip_prefix(&prefix) else {
            continue;
        };
        let (name, setting) = split(rest).ok_or_else(|| {
            let last = rest.rsplit('_').next().unwrap_or(rest).to_lowercase();
            let known = suggest::unknown("setting", &last, &read::SETTINGS);
            Error::configuration(format!("{variable}: {known}"))
        })?;
        let config = clients.entry(name).or_default();
        set(config, &setting, &variable, value).map_err(|error| {
            let message = format!("{variable}: {error}");
            error.context(message)
        })?;
    }
    Ok(clients)
}

/// A setting that a variable names.
enum Setting {
    Of(&'static str),
    File(&'static str),
    Variable(String),
}

/// `ATLAR_SECRET_FILE` as `atlar` and the setting; the longest name of a setting counts.
fn split(rest: &str) -> Option<(String, Setting)> {
    let name = |name: &str| name.to_lowercase().replace('_', "-");
    if let Some((client, variable)) = rest.split_once("_VAR_")
        && !client.is_empty()
        && !variable.is_empty()
    {
        return Some((name(client), Setting::Variable(variable.to_lowercase())));
    }
    let ends = |setting: &str, file: &str| {
        let tail = format!("_{}{file}", setting.to_uppercase());
        let client = rest.strip_suffix(&tail)?;
        (!client.is_empty()).then(|| name(client))
    };
    let files = REFERENCES.iter().map(|setting| {
        let client = ends(setting, "_FILE")?;
        Some((client, Setting::File(setting)))
    });
    let settings = read::SETTINGS
        .iter()
        .filter(|setting| **setting != "vars")
        .map(|setting| Some((ends(setting, "")?, Setting::Of(setting))));
    files
        .chain(settings)
        .flatten()
        .min_by_key(|(client, _)| client.len())
}

fn set(
    config: &mut ClientConfig,
    setting: &Setting,
    variable: &str,
    value: String,
) -> Result<(), Error> {
    let (name, reference) = match setting {
        Setting::Variable(name) => {
            config.vars.insert(name.clone(), Reference::text(&value));
            return Ok(());
        }
        Setting::File(name) => (*name, Reference::File(value.clone().into())),
        Setting::Of(name) => (*name, Reference::Env(variable.to_owned())),
    };
    let place = match name {
        "id" => &mut config.id,
        "secret" => &mut config.secret,
        "private_key" => &mut config.private_key,
        "refresh_token" => &mut config.refresh_token,
        "assertion" => &mut config.assertion,
        "subject_token" => &mut config.subject_token,
        "username" => &mut config.username,
        "password" => &mut config.password,
        "token" => &mut config.token,
        "dpop_key" => &mut config.dpop_key,
        _ => return set_plain(config, name, value),
    };
    if place.is_some() {
        return Err(Error::configuration("says what another variable says too"));
    }
    *place = Some(reference);
    Ok(())
}

fn set_plain(config: &mut ClientConfig, name: &str, value: String) -> Result<(), Error> {
    let list = |value: &str| {
        let parts = value.split([',', ' ']).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let flag = |value: &str| match value {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err(Error::configuration("is neither true nor false")),
    };
    match name {
        "profile" => config.profile = read::named(&value, Path::new(""))?,
        "token_url" => config.token_url = Some(value),
        "issuer" => config.issuer = Some(value),
        "key_id" => config.key_id = Some(value),
        "scope" => config.scope = Some(value),
        "audience" => config.audience = Some(value),
        "resource" => config.resource = list(&value),
        "origins" => config.origins = list(&value),
        "subject_token_type" => config.subject_token_type = Some(value),
        "basic" => config.basic = flag(&value)?,
        "dpop" => config.dpop = flag(&value)?,
        "ca" => config.ca = Some(value.into()),
        "certificate" => config.certificate = Some(value.into()),
        "certificate_key" => config.certificate_key = Some(value.into()),
        "proxy" => config.proxy = Some(value),
        "dangerously_allow_http" => config.dangerously_allow_http = flag(&value)?,
        _ => return Err(Error::configuration("names no setting")),
    }
    Ok(())
}
