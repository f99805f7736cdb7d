//! `hallpass profiles`: vendors as data.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use hallpass::Profile;
use serde::Serialize;

use crate::{
    exit::{Exit, Failure, chain},
    output::{self, Paint},
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  hallpass profiles list
  hallpass profiles show keycloak
  hallpass profiles new acme --token-url 'https://{tenant}.acme.example/oauth/token' > acme.toml
  hallpass profiles validate acme.toml && hallpass doctor acme.toml --var tenant=blue --client-id my-client

Exit codes: 0 done, 2 a profile is wrong or there is none of that name.";

#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// Lists the profiles that ship with Hallpass
    List {
        /// Prints a list of objects
        #[arg(long)]
        json: bool,
    },
    /// Prints a profile as TOML
    Show {
        /// A name of the list
        name: String,
        /// Prints an object with its name, its text and its variables
        #[arg(long)]
        json: bool,
    },
    /// Checks profiles that you wrote
    Validate {
        /// TOML files
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Prints an object for each
        #[arg(long)]
        json: bool,
    },
    /// Prints the beginning of a profile, with what is most often needed as comments
    New {
        /// The vendor's name
        name: String,
        /// The token endpoint; variables stand in braces
        #[arg(long, value_name = "URL")]
        token_url: String,
        /// Where the tokens are for; that of the token endpoint unless set
        #[arg(long, value_name = "ORIGIN")]
        origin: Vec<String>,
        /// How the client authenticates: basic, post, private-key-jwt, …
        #[arg(long, value_name = "WAY", default_value = "basic")]
        client_auth: String,
        /// Begins with a profile that ships instead
        #[arg(long, value_name = "NAME", conflicts_with = "origin")]
        like: Option<String>,
        /// Writes a new file instead of printing
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    documentation: Option<&'a str>,
    variables: Vec<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    toml: Option<&'a str>,
}

impl<'a> Listed<'a> {
    fn of(profile: &'a Profile, toml: Option<&'a str>) -> Self {
        Self {
            name: &profile.name,
            documentation: profile.documentation.as_deref(),
            variables: profile.variables.keys().collect(),
            toml,
        }
    }
}

#[derive(Serialize)]
struct Validated {
    file: String,
    valid: bool,
    error: Option<String>,
}

pub(crate) fn run(command: &ProfilesCommand) -> Result<Exit, Failure> {
    match command {
        ProfilesCommand::List { json } => list(*json),
        ProfilesCommand::Show { name, json } => show(name, *json),
        ProfilesCommand::Validate { files, json } => validate(files, *json),
        ProfilesCommand::New {
            name,
            token_url,
            origin,
            client_auth,
            like,
            output,
        } => {
            let text = match like {
                Some(like) => text_of(like)?.to_owned(),
                None => template(name, token_url, origin, client_auth)?,
            };
            new(&text, output.as_deref())
        }
    }
}

fn list(json: bool) -> Result<Exit, Failure> {
    let profiles: Vec<Profile> = Profile::names()
        .map(Profile::named)
        .collect::<Result<_, _>>()
        .map_err(Failure::configuration)?;
    if json {
        let listed: Vec<_> = profiles
            .iter()
            .map(|profile| Listed::of(profile, None))
            .collect();
        output::json(&listed)?;
        return Ok(Exit::Done);
    }
    let paint = Paint::of_stdout();
    let mut text = String::new();
    for profile in &profiles {
        let where_to = profile.documentation.as_deref().unwrap_or_default();
        let line = format!("{:<26} {}", profile.name, paint.dim(where_to));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    output::text(&text)?;
    Ok(Exit::Done)
}

fn show(name: &str, json: bool) -> Result<Exit, Failure> {
    let text = text_of(name)?;
    if json {
        let profile = Profile::named(name).map_err(Failure::configuration)?;
        output::json(&Listed::of(&profile, Some(text)))?;
    } else {
        output::text(text)?;
    }
    Ok(Exit::Done)
}

fn text_of(name: &str) -> Result<&'static str, Failure> {
    // The error lists the names that there are.
    Profile::named(name).map_err(Failure::configuration)?;
    Profile::shipped_toml(name).ok_or_else(|| Failure::configuration("there is no such profile"))
}

fn validate(files: &[PathBuf], json: bool) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for file in files {
        let error = Profile::from_toml_file(file).err();
        if error.is_some() {
            exit = Exit::Configuration;
        }
        let error = error.map(|error| chain(&error));
        if json {
            output::json(&Validated {
                file: file.display().to_string(),
                valid: error.is_none(),
                error,
            })?;
        } else {
            match error {
                None => output::line(&format!("{}: ok", file.display()))?,
                Some(error) => output::note(&format!("hallpass: {error}")),
            }
        }
    }
    Ok(exit)
}

fn new(text: &str, output: Option<&Path>) -> Result<Exit, Failure> {
    let Some(path) = output else {
        output::text(text)?;
        return Ok(Exit::Done);
    };
    let failed = |error| Failure::configuration(format!("{}: {error}", path.display()));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(Exit::Done)
}

fn template(
    name: &str,
    token_url: &str,
    origins: &[String],
    client_auth: &str,
) -> Result<String, Failure> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let origins: Vec<String> = if origins.is_empty() {
        origin_of(token_url).into_iter().collect()
    } else {
        origins.to_vec()
    };
    let origins: Vec<String> = origins.iter().map(|origin| quoted(origin)).collect();
    let lines: Vec<String> = variables_of(token_url)
        .iter()
        .map(|name| format!("{name} = \"what {name} is, and where to find it\"\n"))
        .collect();
    let variables = if lines.is_empty() {
        "# [variables]\n# tenant = \"what it is, and where to find it\"\n".to_owned()
    } else {
        format!("[variables]\n{}", lines.concat())
    };
    let text = include_str!("profiles/new.toml")
        .replace("NAME", &quoted(name))
        .replace("TOKEN_URL", &quoted(token_url))
        .replace("CLIENT_AUTH", &quoted(client_auth))
        .replace("ORIGINS", &origins.join(", "))
        .replace("VARIABLES\n", &variables);
    Profile::from_toml(&text).map_err(Failure::configuration)?;
    Ok(text)
}

fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{host}"))
}

/// The names in braces.
fn variables_of(template: &str) -> Vec<&str> {
    let parts = template.split('{').skip(1);
    parts
        .filter_map(|part| Some(part.split_once('}')?.0))
        .collect()
}
