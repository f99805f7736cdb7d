//! `hallpass doctor`: finds out why there is no token, or why the API refuses it.
//!
//! One step after the other, from the settings to a call of the API; a step that fails ends the
//! visit, because those after it could only fail as well.

mod api;
mod clock;
mod discovery;
mod exchange;
mod finding;
mod network;
mod other_ways;
mod recorder;
mod refusal;
mod secrets;
mod shape;
mod tls;

use clap::Args;
use hallpass::{CredentialSource as _, Fetch, Origin};
use http::Uri;

use self::{
    finding::{Finding, Report},
    recorder::Recorder,
};
use crate::{
    exit::{Exit, Failure},
    progress,
    target::{Target, TargetArgs, without_secrets},
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  hallpass doctor acme.toml --client-id my-client
  hallpass doctor acme --url https://api.acme.example/v2/accounts --decode
  hallpass doctor acme --json | jq '.findings[] | select(.status != \"ok\")'

It sends token requests, with the secret, to the token endpoint that you configured. If that refuses the
client, one or two more follow that send the same secret to the same place in another of the usual ways.

Exit codes: 0 nothing failed, 2 configuration, 3 the token endpoint refused, 4 unreachable,
5 the API said no.";

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Also calls this URL of the API, with GET and the token
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Also looks into the token, if it is a JWT: who issued it, for whom, until when
    #[arg(long)]
    decode: bool,
    /// Prints one object with all findings
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let mut report = Report::new(&args.target.client, args.json);
    let target = match args.target.resolve() {
        Ok(target) => target,
        Err(failure) => {
            report.add(Finding::failed(
                "configuration",
                failure.exit,
                failure.message,
            ))?;
            return report.end();
        }
    };
    let mut visit = Visit {
        report,
        args: &args,
        target: &target,
    };
    match visit.examine().await {
        Ok(()) | Err(Ended::Failed) => visit.report.end(),
        Err(Ended::Output(failure)) => Err(failure),
    }
}

/// Why the visit ends before its last step.
enum Ended {
    /// A step failed.
    Failed,
    /// What was found can't be told.
    Output(Failure),
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error.into())
    }
}

struct Visit<'a> {
    report: Report,
    args: &'a DoctorArgs,
    target: &'a Target,
}

impl Visit<'_> {
    async fn examine(&mut self) -> Result<(), Ended> {
        let endpoint = self.configuration()?;
        for finding in secrets::examine(&self.target.config) {
            self.note(finding)?;
        }
        if let Some(endpoint) = &endpoint {
            for finding in network::examine(self.target, endpoint).await {
                self.note(finding)?;
            }
        }
        if let Some(issuer) = &self.target.config.issuer
            && self.target.config.token_url.is_none()
        {
            let finding = discovery::examine(self.target, issuer).await;
            self.note(finding)?;
        }
        self.token(endpoint.is_some()).await
    }

    /// Tells a finding; a failure ends the visit.
    fn note(&mut self, finding: Finding) -> Result<(), Ended> {
        let failed = finding.is_failure();
        let finding = finding.cleaned(|text| without_secrets(&self.target.config, text));
        self.report.add(finding)?;
        if failed { Err(Ended::Failed) } else { Ok(()) }
    }

    /// Whether the settings make a source, and where that asks.
    fn configuration(&mut self) -> Result<Option<Origin>, Ended> {
        let source = self
            .target
            .transport()
            .and_then(|transport| self.target.source(transport));
        match source {
            Ok(source) => {
                let about = source.description();
                let origins = about.origins.iter().flatten().map(ToString::to_string);
                let origins: Vec<String> = origins.collect();
                let mut what = match &about.endpoint {
                    Some(endpoint) => format!("\"{}\" asks {endpoint}", about.name),
                    None => format!("\"{}\" asks no endpoint", about.name),
                };
                if !origins.is_empty() {
                    what.push_str(", for ");
                    what.push_str(&origins.join(", "));
                }
                self.note(Finding::ok("configuration", what))?;
                Ok(about.endpoint)
            }
            Err(failure) => {
                let finding = Finding::failed("configuration", failure.exit, failure.message);
                self.note(finding)?;
                Ok(None)
            }
        }
    }

    /// Asks for a token, and looks at what comes.
    async fn token(&mut self, has_endpoint: bool) -> Result<(), Ended> {
        let transport = self.target.transport().map_err(Ended::Output)?;
        let recorder = Recorder::new(transport);
        let source = self
            .target
            .source(recorder.clone())
            .map_err(Ended::Output)?;
        let fetch = Fetch::first();
        let fetched =
            progress::while_waiting("waiting for the token endpoint", source.fetch(&fetch)).await;
        let last = recorder.last();
        let credential = match fetched {
            Ok(credential) => credential,
            Err(error) => {
                let mut finding = refusal::explain(self.target, &error, last.as_ref());
                if let Some(last) = &last
                    && other_ways::may_help(&error, last)
                    && let Some(found) = other_ways::try_them(self.target).await
                {
                    finding = finding.because(found.cause, found.fix);
                }
                if let Some(skew) = last.as_ref().and_then(clock::examine) {
                    self.note(skew)?;
                }
                return self.note(finding);
            }
        };
        self.note(Finding::ok(
            "token",
            shape::summary(&credential, last.as_ref()),
        ))?;
        if has_endpoint && let Some(last) = &last {
            for finding in shape::examine(self.target, &credential, last) {
                self.note(finding)?;
            }
            if let Some(finding) = clock::examine(last) {
                self.note(finding)?;
            }
        }
        if self.args.decode {
            self.note(shape::decoded(&credential))?;
        }
        if let Some(url) = &self.args.url {
            let finding = match crate::call::url("--url", url) {
                Ok((url, ..)) => self.call(&url, &credential).await,
                Err(failure) => Finding::failed("api", failure.exit, failure.message),
            };
            self.note(finding)?;
        }
        Ok(())
    }

    async fn call(&self, url: &Uri, credential: &hallpass::Credential) -> Finding {
        progress::while_waiting(
            "waiting for the API",
            api::examine(self.target, url, credential),
        )
        .await
    }
}
