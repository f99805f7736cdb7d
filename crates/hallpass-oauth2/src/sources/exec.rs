//! [`Exec`]: a program that prints a credential, by the protocol of Kubernetes' exec plugins.

use std::{
    env,
    ffi::OsString,
    fmt,
    future::{Future as _, poll_fn},
    io,
    pin::pin,
    process::{ExitStatus, Stdio},
    task::Poll,
    time::{Duration, SystemTime},
};

use hallpass_core::{Credential, CredentialSource, Description, Error, Fetch};
use serde::{Deserialize, de::IgnoredAny};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
    time::{timeout, timeout_at},
};
use zeroize::Zeroizing;

use super::header::{Placed, described};
use crate::{calendar::read_rfc3339, text::printable};

/// What is read of a program's output: more than any credential needs.
const OUTPUT_LIMIT: usize = 1024 * 1024;

const API_GROUP: &str = "client.authentication.k8s.io/";
const KIND: &str = "ExecCredential";

const EXEC_INFO: &str = "KUBERNETES_EXEC_INFO";

/// What the program gets in that variable, as client-go writes it.
const WITHOUT_CLUSTER: &str = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}"#;

/// What Go writes for a time that was never set.
const GO_ZERO_TIME: Duration = Duration::from_secs(62_135_596_800);

/// How long the pipe of a program that has ended may stay silent before its answer is taken for
/// whole.
const SILENCE: Duration = Duration::from_millis(50);

/// A program that prints an `ExecCredential`, as `kubectl`'s plugins do.
///
/// It is started without a shell, with these arguments and no input, at each fetch, and ended at the
/// fetch's deadline or when the fetch is dropped. What it writes is never shown: neither in an
/// error nor in an event; its standard error goes nowhere. A client certificate in its answer is not
/// used. `KUBERNETES_EXEC_INFO` speaks of no cluster, unless the environment has one already.
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

described!(Exec, placed.description, "exec");

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

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        if env::var_os(EXEC_INFO).is_none() {
            command.env(EXEC_INFO, WITHOUT_CLUSTER);
        }
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
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
        let (out, status) = output(&mut child).await.map_err(|error| {
            Error::transient(error).context(format!("{} ended without an answer", self.shown()))
        })?;
        if out.len() > OUTPUT_LIMIT {
            return Err(self.unusable("more than 1 MiB"));
        }
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
            .ok_or_else(|| self.unusable("an expirationTimestamp that is not RFC 3339"))?;
        let unset = SystemTime::UNIX_EPOCH.checked_sub(GO_ZERO_TIME);
        Ok(if Some(end) == unset {
            credential.never_expires()
        } else {
            credential.expires_at(end)
        })
    }

    fn unusable(&self, what: &str) -> Error {
        Error::transient(format!("no usable {KIND}"))
            .context(format!("{} printed {what} and no {KIND}", self.shown()))
    }

    fn shown(&self) -> String {
        printable(&self.program.to_string_lossy())
    }
}

/// What the program prints and how it ends, in a buffer that leaves no copies behind unless the
/// answer is uncommonly long. At most one byte more than the limit is kept.
///
/// A child of the program may hold its output open for ever: what a program that has ended wrote
/// itself is in the pipe by then, so an answer that is whole is not waited for any longer.
async fn output(child: &mut Child) -> io::Result<(Zeroizing<Vec<u8>>, ExitStatus)> {
    const USUAL: usize = 64 * 1024;
    let mut out = Zeroizing::new(Vec::with_capacity(USUAL));
    let mut pipe = child
        .stdout
        .take()
        .map(|pipe| pipe.take(OUTPUT_LIMIT as u64 + 1));
    let mut status = None;
    while let Some(stdout) = &mut pipe {
        let ended = if status.is_some() {
            match timeout(SILENCE, stdout.read_buf(&mut *out)).await {
                Ok(read) => read? == 0,
                Err(_) if serde_json::from_slice::<IgnoredAny>(&out).is_ok() => true,
                Err(_) => stdout.read_buf(&mut *out).await? == 0,
            }
        } else {
            let mut exit = pin!(child.wait());
            let mut read = pin!(stdout.read_buf(&mut *out));
            let read = poll_fn(|context| match exit.as_mut().poll(context) {
                Poll::Ready(exited) => {
                    Poll::Ready(exited.map(|exited| status = Some(exited)).map(|()| None))
                }
                Poll::Pending => read.as_mut().poll(context).map_ok(Some),
            });
            read.await? == Some(0)
        };
        if ended {
            pipe = None;
        }
    }
    if out.len() > OUTPUT_LIMIT {
        // It would wait for ever for somebody to read the rest.
        child.start_kill()?;
    }
    let status = match status {
        Some(status) => status,
        None => child.wait().await?,
    };
    Ok((out, status))
}

impl CredentialSource for Exec {
    /// # Cancel safety
    /// Dropping the future ends the program.
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        why.sending()?;
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
