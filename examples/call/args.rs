//! [`Args`]: the command line, read and checked.

use std::{ffi::OsString, time::Duration};

use bytes::Bytes;
use hallpass::{Origin, Profile};
use http::{HeaderName, HeaderValue, Method, Uri};
use lexopt::{Arg, Parser};

/// Everything that the command line says.
pub(crate) struct Args {
    pub(crate) profile: String,
    pub(crate) token_url: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_secret_env: String,
    pub(crate) vars: Vec<(String, String)>,
    pub(crate) origins: Vec<String>,
    pub(crate) method: Method,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) repeat: usize,
    pub(crate) concurrency: usize,
    pub(crate) interval: Duration,
    pub(crate) url: Uri,
}

/// What the command line asks for.
pub(crate) enum Asked {
    Calls(Box<Args>),
    Help,
}

/// The help, with the profiles that there are.
pub(crate) fn help() -> String {
    let profiles: Vec<&str> = Profile::names().collect();
    include_str!("usage.txt").replace("PROFILES", &profiles.join(", "))
}

/// The part of the help that shows the form of a command.
pub(crate) fn usage() -> &'static str {
    let help = include_str!("usage.txt");
    help.split("\n\n").nth(1).unwrap_or(help)
}

/// One sentence for whoever typed the command. Values are not repeated: one may be a secret.
type Result<T> = std::result::Result<T, String>;

impl Args {
    pub(crate) fn parse(mut parser: Parser) -> Result<Asked> {
        let (mut profile, mut token_url, mut url) = (None, None, None);
        let (mut client_id, mut client_secret_env) = (None, None);
        let (mut vars, mut origins, mut headers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut method, mut body) = (None, None);
        let (mut repeat, mut concurrency, mut interval) = (1, 1, Duration::ZERO);

        while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
            match arg {
                Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Help),
                Arg::Long("profile") => profile = Some(text(&mut parser, "--profile")?),
                Arg::Long("token-url") => token_url = Some(text(&mut parser, "--token-url")?),
                Arg::Long("client-id") => client_id = Some(text(&mut parser, "--client-id")?),
                Arg::Long("client-secret-env") => {
                    client_secret_env = Some(text(&mut parser, "--client-secret-env")?);
                }
                Arg::Long("client-secret") => {
                    return Err(
                        "a secret is no argument, because others can see those: put it \
                                into an environment variable and name that with \
                                --client-secret-env"
                            .to_owned(),
                    );
                }
                Arg::Long("var") => vars.push(var(&text(&mut parser, "--var")?)?),
                Arg::Long("origin") => origins.push(origin(text(&mut parser, "--origin")?)?),
                Arg::Short('X') | Arg::Long("request") => {
                    method = Some(method_of(&text(&mut parser, "-X")?)?);
                }
                Arg::Short('d') | Arg::Long("data") => body = Some(text(&mut parser, "-d")?),
                Arg::Short('H') | Arg::Long("header") => {
                    headers.push(header(&text(&mut parser, "-H")?)?);
                }
                Arg::Long("repeat") => repeat = number(&mut parser, "--repeat", 1)?,
                Arg::Long("concurrency") => {
                    concurrency = number(&mut parser, "--concurrency", 1)?;
                }
                Arg::Long("interval-ms") => {
                    let millis = number(&mut parser, "--interval-ms", 0)?;
                    interval = Duration::from_millis(millis as u64);
                }
                Arg::Value(value) if url.is_none() => url = Some(url_of(value)?),
                Arg::Value(_) => return Err("one URL is enough, there are two".to_owned()),
                Arg::Short(name) => return Err(format!("there is no option -{name}")),
                Arg::Long(name) => return Err(format!("there is no option --{name}")),
            }
        }

        let default_method = if body.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        Ok(Asked::Calls(Box::new(Self {
            profile: profile.ok_or("--profile is missing")?,
            token_url,
            client_id: client_id.ok_or("--client-id is missing")?,
            client_secret_env: client_secret_env.ok_or("--client-secret-env is missing")?,
            vars,
            origins,
            method: method.unwrap_or(default_method),
            body: body.unwrap_or_default().into(),
            headers,
            repeat,
            concurrency,
            interval,
            url: url.ok_or("the URL to call is missing")?,
        })))
    }
}

fn text(parser: &mut Parser, option: &str) -> Result<String> {
    let value = parser
        .value()
        .map_err(|_| format!("{option} takes a value"))?;
    value
        .into_string()
        .map_err(|_| format!("the value of {option} is not UTF-8"))
}

fn number(parser: &mut Parser, option: &str, least: usize) -> Result<usize> {
    let number = text(parser, option)?.parse().ok();
    number
        .filter(|number| *number >= least)
        .ok_or_else(|| format!("{option} takes a whole number from {least} on"))
}

fn var(text: &str) -> Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .ok_or("--var takes NAME=VALUE, such as --var realm=acme")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn origin(text: String) -> Result<String> {
    match text.parse::<Origin>() {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("--origin: {error}")),
    }
}

fn method_of(text: &str) -> Result<Method> {
    text.parse()
        .map_err(|_| "-X takes a method, such as PUT".to_owned())
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let malformed = "-H takes 'NAME: VALUE'";
    let (name, value) = text.split_once(':').ok_or(malformed)?;
    let name = name.trim().parse().map_err(|_| malformed)?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| malformed)?;
    Ok((name, value))
}

fn url_of(value: OsString) -> Result<Uri> {
    let absolute = "the URL to call is not an absolute one: write https://host/path";
    let url: Uri = value
        .into_string()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(absolute)?;
    match (url.scheme_str(), url.authority()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => Err(absolute.to_owned()),
    }
}
