//! `hallpass call`: one request, or many, with a credential that is kept fresh.

mod many;
mod once;
mod report;
mod request;

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use hallpass::{
    BearerLayer, BearerService, Cached, Origin,
    config::ClientConfig,
    tower::{Peek, ReplayBody},
};
use http::HeaderMap;
use http_body_util::Full;
use tower::Layer as _;

use crate::{
    duration,
    exit::{Exit, Failure},
    target::{Target, TargetArgs},
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  hallpass call atlar https://api.atlar.com/financial-data/v2/accounts
  hallpass call acme -i -X PUT -H 'content-type: application/json' -d @order.json https://api.acme.example/orders/7
  hallpass call acme --fail -d 'a=1' https://api.acme.example/items || echo \"it said no: $?\"
  hallpass call acme --json --repeat 100 --concurrency 10 https://api.acme.example/health

With --json the body is left out and each call is a line, in the order in which they end:
  {\"call\":0,\"status\":200,\"ms\":1.2,\"generation\":1,\"waited\":false,\"replayed\":false,\"error\":null}
and the last line counts them:
  {\"calls\":N,\"statuses\":{\"200\":N},\"token_requests\":T,\"rejections\":R,\"waits\":W,\"replays\":P,\"failures\":F}
A failure is a call without a whole response; any status is a response.

Exit codes: 0 done, 2 configuration, 3 the token endpoint refused, 4 no token or no whole response,
5 with --fail: a status of 400 or more.";

/// Longer than any API should take, short enough for a script not to hang for ever.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// What to call; https, or plain http on this machine
    url: String,
    /// The method; GET unless set, POST if there is data
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<String>,
    /// The body, or @FILE, or @- for standard input
    #[arg(short, long, value_name = "DATA")]
    data: Option<String>,
    /// A header; no secret belongs here, others can see arguments
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Prints the head of the response too
    #[arg(short, long)]
    include: bool,
    /// Prints no body of a status of 400 or more, and ends with code 5
    #[arg(short, long)]
    fail: bool,
    /// Prints what came of each call, and not the body
    #[arg(long)]
    json: bool,
    /// So many calls; implies --json if there is more than one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    repeat: u64,
    /// So many of them at the same time, at most
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=65536))]
    concurrency: u64,
    /// From the start of one call to that of the next
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = duration::parse)]
    interval: Duration,
    /// How long until the head of the response has to be there
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

pub(crate) use self::request::url;

type Client = BearerService<Peek<hallpass::hyper::Client<ReplayBody<Full<Bytes>>>>>;

/// A client with its credential.
struct Stack {
    client: Client,
    cached: Cached,
    /// For what must not be printed, whoever says it.
    config: ClientConfig,
}

pub(crate) async fn run(args: CallArgs) -> Result<Exit, Failure> {
    if args.target.reads_stdin() && args.data.as_deref() == Some("@-") {
        return Err(Failure::configuration(
            "--data @- and a secret from - both want standard input",
        ));
    }
    let target = args.target.resolve()?;
    let request = request::of(&args)?;
    let stack = stack(&args, target).await?;
    check_destination(&stack.cached, request.uri(), request.headers())?;
    if args.json || args.repeat > 1 {
        many::run(&args, &stack, &request).await
    } else {
        once::run(&args, &stack, request).await
    }
}

async fn stack(args: &CallArgs, target: Target) -> Result<Stack, Failure> {
    let cached = target.cached().await?;
    let http = target.api()?;
    let mut layer = BearerLayer::new(cached.clone()).report_attempts();
    if let Some(thumbprint) = http.certificate_thumbprint() {
        layer = layer.client_certificate(thumbprint);
    }
    if target.config.dangerously_allow_http {
        layer = layer.dangerously_allow_http();
    }
    let client = http
        .request_timeout(args.timeout.unwrap_or(REQUEST_TIMEOUT))
        .client()
        .map_err(Failure::configuration)?;
    Ok(Stack {
        client: layer.looking_at_bodies().layer(client),
        cached,
        config: target.config,
    })
}

/// The layer lets requests to other origins pass without the credential, which is right for a
/// redirect to a storage host and not what somebody means who types a command.
pub(crate) fn check_destination(
    cached: &Cached,
    url: &http::Uri,
    headers: &HeaderMap,
) -> Result<(), Failure> {
    let origin = Origin::of(url).map_err(Failure::configuration)?;
    let about = cached.description();
    if let Some(origins) = &about.origins
        && !origins.contains(&origin)
    {
        let bound: Vec<String> = origins.iter().map(ToString::to_string).collect();
        return Err(Failure::configuration(format!(
            "the credential of \"{}\" is for {} and would not go to {origin}: add --origin {origin} if it should",
            about.name,
            bound.join(", ")
        )));
    }
    if headers.contains_key(&about.header) {
        return Err(Failure::configuration(format!(
            "-H sets {}, which is where the credential goes: leave it out",
            about.header
        )));
    }
    Ok(())
}
