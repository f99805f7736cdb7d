//! The proxies, each a process with one worker thread.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::time::{Instant, sleep};

use crate::{
    Outcome,
    api::{Api, ID, SECRET},
    caller::Caller,
};

/// Where a program lies, by the option that names it.
pub(crate) type Program<'a> = dyn Fn(&str) -> Option<PathBuf> + 'a;
pub(crate) type Start = fn(&Api, &Program<'_>) -> Outcome<Contender>;

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    address: SocketAddr,
    /// What callers send themselves.
    token: Option<String>,
    process: Option<Running>,
}

/// A process and its files, which end together.
struct Running {
    child: Child,
    folder: PathBuf,
}

impl Contender {
    /// A caller with a connection of its own.
    pub(crate) fn caller(&self) -> Caller {
        Caller::new(self.address, self.token.clone())
    }

    /// No proxy: the caller has a token.
    pub(crate) fn direct(api: &Api) -> Self {
        Self {
            name: "none, a token at hand",
            address: api.address,
            token: Some(api.issue()),
            process: None,
        }
    }

    pub(crate) fn hallpass(api: &Api, program: &Program<'_>) -> Outcome<Self> {
        let config = format!(
            "[clients.api]\ntoken_url = \"{}\"\nid = \"{ID}\"\nsecret = {{ value = \"{SECRET}\" }}\n\
             origins = \"http://{}\"\ndangerously_allow_http = true\n",
            api.token_url(),
            api.address
        );
        Self::start(
            "`hallpass proxy`",
            "--hallpass",
            program,
            |listen, folder, command| {
                let file = folder.join("clients.toml");
                fs::write(&file, config)?;
                command
                    .args(["proxy", "api", "--config"])
                    .arg(file)
                    .args(["--listen", &listen.to_string()])
                    .arg(format!("http://{}", api.address))
                    .env("TOKIO_WORKER_THREADS", "1");
                Ok(())
            },
        )
    }

    pub(crate) fn envoy(api: &Api, program: &Program<'_>) -> Outcome<Self> {
        let upstream = api.address.port();
        let token_url = api.token_url();
        Self::start(
            "Envoy 1.40, credential injector",
            "--envoy",
            program,
            |listen, folder, command| {
                let config = include_str!("envoy.yaml")
                    .replace("@LISTEN@", &listen.port().to_string())
                    .replace("@UPSTREAM@", &upstream.to_string())
                    .replace("@TOKEN_URL@", &token_url)
                    .replace("@ID@", ID)
                    .replace("@SECRET@", SECRET);
                let file = folder.join("envoy.yaml");
                fs::write(&file, config)?;
                command
                    .arg("-c")
                    .arg(file)
                    .args(["--concurrency", "1", "-l", "error"]);
                command.args(["--use-dynamic-base-id", "--disable-hot-restart"]);
                Ok(())
            },
        )
    }

    pub(crate) fn nginx(api: &Api, program: &Program<'_>) -> Outcome<Self> {
        let (upstream, token) = (api.address, api.issue());
        Self::start(
            "nginx, a fixed header",
            "--nginx",
            program,
            |listen, folder, command| {
                let config = include_str!("nginx.conf")
                    .replace("@FOLDER@", &folder.display().to_string())
                    .replace("@LISTEN@", &listen.to_string())
                    .replace("@UPSTREAM@", &upstream.to_string())
                    .replace("@TOKEN@", &token);
                let file = folder.join("nginx.conf");
                fs::write(&file, config)?;
                command.arg("-c").arg(file).arg("-p").arg(folder);
                Ok(())
            },
        )
    }

    fn start(
        name: &'static str,
        option: &str,
        program: &Program<'_>,
        configure: impl FnOnce(SocketAddr, &Path, &mut Command) -> Outcome<()>,
    ) -> Outcome<Self> {
        let program = program(option).ok_or_else(|| format!("{option} must name the program"))?;
        let address = free_address()?;
        let folder = own_folder()?;
        let mut command = Command::new(program);
        let child = configure(address, &folder, &mut command).and_then(|()| {
            let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
            Ok(quiet.stderr(Stdio::null()).spawn()?)
        });
        match child {
            Ok(child) => Ok(Self {
                name,
                address,
                token: None,
                process: Some(Running { child, folder }),
            }),
            Err(error) => {
                fs::remove_dir_all(folder)?;
                Err(error)
            }
        }
    }

    /// Waits until a call comes through.
    pub(crate) async fn is_ready(&self) -> Outcome<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.caller().call(Method::GET, Bytes::new()).await;
            if matches!(answer, Ok(StatusCode::OK)) {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("{}: no call comes through: {answer:?}", self.name).into());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The resident memory of the process and of its children, in MiB.
    pub(crate) fn resident(&self) -> Option<f64> {
        let id = self.process.as_ref()?.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        let ids = children.split_whitespace().filter_map(|id| id.parse().ok());
        let kib: f64 = ids.chain([id]).filter_map(resident_kib).sum();
        Some(kib / 1024.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM, with which nginx takes its workers along.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn resident_kib(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The proxies can't be asked for the port that the system chose.
fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn own_folder() -> Outcome<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Relaxed);
    let folder = env::temp_dir().join(format!("hallpass-proxy-{}-{number}", process::id()));
    fs::create_dir(&folder)?;
    Ok(folder)
}
