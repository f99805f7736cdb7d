//! `hallpass token`: a token for a script, and nothing else.

mod exec_credential;
mod life;

use std::time::{Duration, SystemTime};

use clap::Args;
use hallpass::{Cached, Credential};
use serde::Serialize;
use tokio::time::{Instant, timeout};

use self::life::Life;
use crate::{
    duration,
    exit::{Exit, Failure},
    output, progress,
    target::TargetArgs,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ACME_SECRET=… hallpass token acme.toml --client-id my-client
  hallpass token atlar --header | curl -H @- https://api.atlar.com/financial-data/v2/accounts
  hallpass token acme --cache --min-life 5m          # at most one token request while it lives
  pass show acme | hallpass token acme --secret -
  kubectl, in the user's exec section: command: hallpass, args: [token, cluster, --cache, --exec-credential]

Exit codes: 0 done, 2 configuration, 3 refused, 4 no token for now.";

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Prints an object with the token, its type, its end, its scope and its generation
    #[arg(long, conflicts_with_all = ["header", "exec_credential"])]
    json: bool,
    /// Prints the whole header, such as "authorization: Bearer …"
    #[arg(long, conflicts_with = "exec_credential")]
    header: bool,
    /// Prints an ExecCredential, as kubectl's credential plugins do
    #[arg(long)]
    exec_credential: bool,
    /// How much longer the token has to live at least, such as 5m; a shorter one is renewed first
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    min_life: Option<Duration>,
    /// How long to wait for a token, with all further attempts; until the attempt that is under way
    /// ends, and 5 s of further ones, unless set
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    token: Option<&'a str>,
    #[serde(rename = "type")]
    scheme: Option<&'a str>,
    header: &'a str,
    value: &'a str,
    expires_at: Option<String>,
    expires_in: Option<u64>,
    scope: Option<&'a str>,
    generation: u64,
}

pub(crate) async fn run(args: TokenArgs) -> Result<Exit, Failure> {
    let target = args.target.resolve()?;
    let cached = target.cached().await?;
    let what = format!("waiting for a token of {}", target.name);
    let (credential, life) = progress::while_waiting(&what, fresh(&cached, &args)).await?;
    print(&args, &credential, &life)?;
    Ok(Exit::Done)
}

/// A token that lives long enough.
async fn fresh(cached: &Cached, args: &TokenArgs) -> Result<(Credential, Life), Failure> {
    let begun = Instant::now();
    let asked = SystemTime::now();
    let got = match args.timeout {
        Some(limit) => cached.get_within(limit).await,
        None => cached.get().await,
    };
    let credential = got.map_err(|error| Failure::of_fetch(&error))?;
    let life = Life::of(&credential, asked);
    let Some(least) = args.min_life else {
        return Ok((credential, life));
    };
    if life.lasts(least) {
        return Ok((credential, life));
    }
    let asked = SystemTime::now();
    let renewed = match args.timeout {
        Some(limit) => {
            let left = limit.saturating_sub(begun.elapsed());
            timeout(left, cached.renew()).await.map_err(|_| {
                let limit = duration::shown(limit);
                let message = format!("--timeout: no new token within {limit}");
                Failure::new(Exit::Unreachable, message)
            })?
        }
        None => cached.renew().await,
    };
    let credential = renewed.map_err(|error| Failure::of_fetch(&error))?;
    let life = Life::of(&credential, asked);
    match life.left() {
        Some(left) if !life.lasts(least) => Err(Failure::new(
            Exit::Refused,
            format!(
                "--min-life: a new token lives {} and not {}",
                duration::shown(left),
                duration::shown(least)
            ),
        )),
        _ => Ok((credential, life)),
    }
}

fn print(args: &TokenArgs, credential: &Credential, life: &Life) -> Result<(), Failure> {
    let value = credential
        .header_value()
        .to_str()
        .map_err(|_| Failure::new(Exit::Other, "the credential is a header that is no text"))?;
    if args.exec_credential {
        return Ok(output::json(&exec_credential::of(credential, life)?)?);
    }
    if args.header {
        return Ok(output::line(&format!(
            "{}: {value}",
            credential.header_name()
        ))?);
    }
    let token = credential.token();
    if args.json {
        let scheme = token.and(value.split_once(' ')).map(|(scheme, _)| scheme);
        return Ok(output::json(&Shown {
            token,
            scheme,
            header: credential.header_name().as_str(),
            value,
            expires_at: life.end_as_text(),
            expires_in: life.left().map(|left| left.as_secs()),
            scope: credential.scope(),
            generation: credential.generation(),
        })?);
    }
    // A key that is a header of its own is all there is to print.
    let is_token = token.is_some() || !value.contains(' ');
    if !is_token {
        return Err(Failure::configuration(
            "this credential is a header and no token: print it with --header",
        ));
    }
    Ok(output::line(token.unwrap_or(value))?)
}
