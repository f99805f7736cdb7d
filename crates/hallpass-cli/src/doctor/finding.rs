//! [`Finding`]: what a step has found, why, and what to change. [`Report`]: all of them.

use std::io;

use serde::Serialize;

use crate::{
    exit::{Exit, Failure},
    output::{self, Paint},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Failed,
}

/// What one step has found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    step: &'static str,
    status: Status,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Finding {
    fn new(step: &'static str, status: Status, exit: Exit, message: String) -> Self {
        Self {
            step,
            status,
            message,
            cause: None,
            fix: None,
            exit,
        }
    }

    pub(super) fn ok(step: &'static str, message: impl Into<String>) -> Self {
        Self::new(step, Status::Ok, Exit::Done, message.into())
    }

    pub(super) fn warning(step: &'static str, message: impl Into<String>) -> Self {
        Self::new(step, Status::Warning, Exit::Done, message.into())
    }

    pub(super) fn failed(step: &'static str, exit: Exit, message: impl Into<String>) -> Self {
        Self::new(step, Status::Failed, exit, message.into())
    }

    /// The likely cause, and what to change.
    pub(super) fn because(mut self, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn is_failure(&self) -> bool {
        self.status == Status::Failed
    }

    /// The same without what its texts must not show.
    pub(super) fn cleaned(mut self, clean: impl Fn(&str) -> String) -> Self {
        self.message = clean(&self.message);
        self.cause = self.cause.as_deref().map(&clean);
        self.fix = self.fix.as_deref().map(&clean);
        self
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    client: &'a str,
    ok: bool,
    findings: &'a [Finding],
}

/// All findings, told as they come or as one object.
pub(super) struct Report {
    client: String,
    json: bool,
    findings: Vec<Finding>,
    paint: Paint,
}

impl Report {
    pub(super) fn new(client: &str, json: bool) -> Self {
        Self {
            client: client.to_owned(),
            json,
            findings: Vec::new(),
            paint: Paint::of_stdout(),
        }
    }

    pub(super) fn add(&mut self, finding: Finding) -> io::Result<()> {
        if !self.json {
            let mark = match finding.status {
                Status::Ok => self.paint.green("ok     "),
                Status::Warning => self.paint.yellow("warning"),
                Status::Failed => self.paint.red("failed "),
            };
            output::line(&format!("{mark} {:<13} {}", finding.step, finding.message))?;
            for (label, text) in [("cause", &finding.cause), ("to do", &finding.fix)] {
                if let Some(text) = text {
                    output::line(&format!("        {} {text}", self.paint.dim(label)))?;
                }
            }
        }
        self.findings.push(finding);
        Ok(())
    }

    /// Ends with the code of what failed.
    pub(super) fn end(&self) -> Result<Exit, Failure> {
        let failed = self.findings.iter().find(|finding| finding.is_failure());
        if self.json {
            output::json(&Summary {
                client: &self.client,
                ok: failed.is_none(),
                findings: &self.findings,
            })?;
        }
        Ok(failed.map_or(Exit::Done, |finding| finding.exit))
    }
}
