//! [`Exec`]: a program that prints a credential, by the protocol of Kubernetes' exec plugins.

use std::{
    ffi::OsString,
    fmt, io,
    process::Stdio,
    time::{Duration, SystemTime},
};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};
use serde::Deserialize;
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
    time::timeout_at,
};
use zeroize::Zeroizing;

use super::header::Placed;
use crate::{calendar::read_rfc3339, text::printable};

/// What is read of a program's output: more than any credential needs.
const OUTPUT_LIMIT: usize = 1024 * 1024;

const API_GROUP: &str = "client.authentication.k8s.io/";
const KIND: &str = "ExecCredential";

/// What the program gets in `KUBERNETES_EXEC_INFO`, as client-go writes it.
const EXEC_INFO: &str = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}"#;

/// A program that prints an `ExecCredential`, as `kubectl`'s plugins do.
///
/// It is started without a shell, with these arguments and no input, at each fetch, and ended at the
/// fetch's deadline or when the fetch is dropped. What it writes is never shown: neither in an
/// error nor in an event; its standard error goes nowhere. A client certificate in its answer is not
/// used.
///
/// ```
/// use hallpass_oauth2::Exec;
///
/// let source = Exec::program("/usr/local/bin/aws")
///     .args(["eks", "get-token", "--cluster-name", "blue"])
///     .origins(["https://blue.eks.example"])?;
/// # let _ = source;
/// # Ok::<(), hallpass_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Exec {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    placed: Placed,
}

#[derive(Deserialize)]
struct ExecCredential {
    #[serde(rename = "apiVersion", default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    token: Option<Zeroizing<String>>,
    #[serde(rename = "expirationTimestamp")]
    expires: Option<String>,
}

impl Exec {
    /// Runs this program: a path, or a name to look for in `PATH`.
    pub fn program(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            placed: Placed::bearer("exec"),
        }
    }

    /// Its arguments, each as it is.
    #[must_use]
    pub fn args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item: Into<OsString>>,
    {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable of its environment, beside those of this process.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How it is called in events and messages; `exec` unless set.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.placed.description.name = name.into();
        self
    }

    /// The origins that it is for.
    ///
    /// # Errors
    /// If one is not an origin, such as `https://api.example.com`.
    pub fn origins<I>(mut self, origins: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.placed.origins(origins)?;
        Ok(self)
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", EXEC_INFO)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }

    async fn run(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut child = self.start().map_err(|error| {
            let gone = matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
            );
            let message = format!("{} can't be started", self.shown());
            let error = if gone {
                Error::permanent(error)
            } else {
                Error::transient(error)
            };
            error.context(message)
        })?;
        let read = output(&mut child).await;
        let ended = |error| {
            Error::transient(error).context(format!("{} ended without an answer", self.shown()))
        };
        let out = read.map_err(ended)?;
        if out.len() > OUTPUT_LIMIT {
            return Err(self.unusable("more than 1 MiB"));
        }
        let status = child.wait().await.map_err(ended)?;
        if !status.success() {
            return Err(Error::transient(status.to_string())
                .context(format!("{} failed with {status}", self.shown())));
        }
        Ok(out)
    }

    fn read(&self, out: &[u8]) -> Result<Credential, Error> {
        // The parser's own message may quote the output.
        let answer: ExecCredential =
            serde_json::from_slice(out).map_err(|_| self.unusable("no JSON of that kind"))?;
        if answer.kind != KIND || !answer.api_version.starts_with(API_GROUP) {
            return Err(self.unusable("another kind of object"));
        }
        let status = answer.status.ok_or_else(|| self.unusable("no status"))?;
        let token = status.token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| self.unusable("no token"))?;
        let credential = self.placed.credential(&token).map_err(|error| {
            let message = format!("{} printed a token that no header can carry", self.shown());
            Error::transient(error).context(message)
        })?;
        let Some(expires) = status.expires else {
            // client-go keeps it until the server refuses it or the process ends.
            return Ok(credential.never_expires());
        };
        let end = read_rfc3339(&expires)
            .and_then(|at| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at)))
            .ok_or_else(|| self.unusable("an expirationTimestamp that is not RFC 3339"))?;
        Ok(credential.expires_at(end))
    }

    fn unusable(&self, what: &str) -> Error {
        Error::transient(format!("no usable {KIND}"))
            .context(format!("{} printed {what} and no {KIND}", self.shown()))
    }

    fn shown(&self) -> String {
        printable(&self.program.to_string_lossy())
    }
}

/// What the program prints, in a buffer that leaves no copies behind unless it is uncommonly long.
async fn output(child: &mut Child) -> io::Result<Zeroizing<Vec<u8>>> {
    const USUAL: usize = 64 * 1024;
    let mut out = Zeroizing::new(Vec::with_capacity(USUAL));
    if let Some(stdout) = child.stdout.take() {
        let limit = OUTPUT_LIMIT as u64 + 1;
        stdout.take(limit).read_to_end(&mut out).await?;
    }
    Ok(out)
}

impl CredentialSource for Exec {
    /// # Cancel safety
    /// Dropping the future ends the program.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        why.sending();
        let run = timeout_at(why.deadline(), self.run()).await;
        let out = run.map_err(|_| {
            let seconds = why.limit().as_secs();
            Error::timeout(format!("no token from {} within {seconds} s", self.shown()))
        })??;
        self.read(&out)
    }

    fn description(&self) -> Description {
        self.placed.description.clone()
    }
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and variables may hold keys.
        f.debug_struct("Exec")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}
