//! Reading the settings of clients from TOML.

use std::{
    collections::BTreeMap,
    path::{self, Path},
};

use hallpass_core::Error;
use hallpass_oauth2::Profile;
use toml::{Table, Value};

use super::{ClientConfig, fields::Fields, suggest};

/// The settings of a client, as files name them.
pub(super) const SETTINGS: [&str; 27] = [
    "profile",
    "token_url",
    "issuer",
    "id",
    "secret",
    "private_key",
    "key_id",
    "vars",
    "scope",
    "audience",
    "resource",
    "origins",
    "refresh_token",
    "assertion",
    "subject_token",
    "subject_token_type",
    "username",
    "password",
    "token",
    "basic",
    "dpop",
    "dpop_key",
    "ca",
    "certificate",
    "certificate_key",
    "proxy",
    "dangerously_allow_http",
];

/// All clients of a file.
pub(super) fn clients(text: &str, folder: &Path) -> Result<BTreeMap<String, ClientConfig>, Error> {
    let mut table: Table = text.parse().map_err(|error| not_toml(text, &error))?;
    let clients = match table.remove("clients") {
        Some(Value::Table(clients)) => clients,
        Some(_) => return Err(Error::configuration("clients: is not a table")),
        None => Table::new(),
    };
    if let Some(name) = table.keys().next() {
        let mut message = suggest::unknown("table", name, &["clients"]);
        if table.contains_key("token_url") {
            message.push_str(". This looks like a profile: name its file in a client's profile");
        }
        return Err(Error::configuration(message));
    }
    if clients.is_empty() {
        return Err(Error::configuration(
            "clients: there are none; each is a table such as [clients.acme]",
        ));
    }
    let mut read = BTreeMap::new();
    for (name, settings) in clients {
        let config = match settings {
            Value::Table(table) => {
                client(Fields::new(format!("clients.{name}"), table, folder), &name)?
            }
            _ => {
                return Err(Error::configuration(format!(
                    "clients.{name}: is not a table"
                )));
            }
        };
        read.insert(name, config);
    }
    Ok(read)
}

fn not_toml(text: &str, error: &toml::de::Error) -> Error {
    let message = error.message().replace('\n', "; ");
    Error::configuration(match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or(text);
            let line = 1 + before.matches('\n').count();
            format!("line {line}: {message}")
        }
        None => message,
    })
}

fn client(mut fields: Fields<'_>, name: &str) -> Result<ClientConfig, Error> {
    let profile = match fields.take("profile") {
        None => Profile::default(),
        Some(value) => profile(&fields, value, name)?,
    };
    let mut vars = fields.within("vars")?;
    let mut values = BTreeMap::new();
    for variable in vars.names() {
        if let Some(value) = vars.text_or_secret(&variable)? {
            values.insert(variable, value);
        }
    }
    let config = ClientConfig {
        profile,
        token_url: fields.text("token_url")?,
        issuer: fields.text("issuer")?,
        id: fields.text_or_secret("id")?,
        secret: fields.secret("secret")?,
        private_key: fields.secret("private_key")?,
        key_id: fields.text("key_id")?,
        vars: values,
        scope: fields.text("scope")?,
        audience: fields.text("audience")?,
        resource: fields.texts("resource")?,
        origins: fields.texts("origins")?,
        refresh_token: fields.secret("refresh_token")?,
        assertion: fields.secret("assertion")?,
        subject_token: fields.secret("subject_token")?,
        subject_token_type: fields.text("subject_token_type")?,
        username: fields.text_or_secret("username")?,
        password: fields.secret("password")?,
        token: fields.secret("token")?,
        basic: fields.flag("basic")?,
        dpop: fields.flag("dpop")?,
        dpop_key: fields.secret("dpop_key")?,
        ca: fields.path("ca")?,
        certificate: fields.path("certificate")?,
        certificate_key: fields.path("certificate_key")?,
        proxy: fields.text("proxy")?,
        dangerously_allow_http: fields.flag("dangerously_allow_http")?,
    };
    fields.finish(&SETTINGS)?;
    Ok(config)
}

/// The name of a profile that ships, the path of a file, or a table with its fields.
fn profile(fields: &Fields<'_>, value: Value, name: &str) -> Result<Profile, Error> {
    match value {
        Value::String(text) => named(&text, fields.folder()).map_err(|error| {
            let message = format!("{error}");
            error.context(fields.wrong("profile", &message).to_string())
        }),
        Value::Table(mut table) => {
            table
                .entry("name")
                .or_insert_with(|| Value::String(name.to_owned()));
            let text = toml::to_string(&table)
                .map_err(|_| fields.wrong("profile", "is a table that can't be read"))?;
            Profile::from_toml(&text).map_err(|error| {
                let message = error.to_string();
                // The line is one of the table as it was written out here.
                let message = message.strip_prefix("profile").unwrap_or(&message);
                let message = message.trim_start_matches([':', ' ']);
                let message = message.trim_start_matches(|char: char| char.is_ascii_digit());
                fields.wrong("profile", message.trim_start_matches([':', ' ']))
            })
        }
        _ => Err(fields.wrong("profile", "is neither a name, a path nor a table")),
    }
}

/// The profile of this name, or of the file with this path.
pub(super) fn named(text: &str, folder: &Path) -> Result<Profile, Error> {
    let is_toml = Path::new(text).extension().is_some_and(|end| end == "toml");
    if is_toml || text.contains(path::is_separator) {
        return Profile::from_toml_file(folder.join(text));
    }
    let names: Vec<&str> = Profile::names().collect();
    if names.contains(&text) {
        Profile::named(text)
    } else {
        Err(Error::configuration(suggest::unknown(
            "profile", text, &names,
        )))
    }
}
