//! Starts a server as a child process, and sees to it that nothing of it is left.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::Value;

/// How long a server may take to start: the slowest takes two seconds on an idle machine.
const READY: Duration = Duration::from_secs(60);

/// How long a server lives at most, in seconds, whatever becomes of the test.
const LIFETIME: &str = "300";

/// Where `cargo xtask interop` has installed the servers.
pub(crate) fn installed() -> PathBuf {
    env::var_os("HALLPASS_INTEROP_DIR")
        .expect(
            "these tests need servers: run them with `cargo xtask interop`, which installs them",
        )
        .into()
}

pub(crate) fn script(name: &str) -> OsString {
    installed().join("servers").join(name).into()
}

pub(crate) fn python(program: &str) -> OsString {
    installed().join("venv/bin").join(program).into()
}

/// A folder of one server's own, gone with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = installed()
            .join("run")
            .join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A server that runs.
pub(crate) struct Server {
    keeper: Child,
    /// The keeper ends the server when this closes, which it does even if this process is killed.
    stdin: Option<ChildStdin>,
    folder: Folder,
    /// What it said when it was ready.
    ready: Value,
}

impl Server {
    /// Starts it and waits until it says that it is ready, by one line of JSON.
    pub(crate) fn start(
        folder: Folder,
        command: Vec<OsString>,
        environment: &[(&str, &str)],
    ) -> Self {
        let log = File::create(folder.path().join("log")).unwrap();
        let mut keeper = Command::new("python3")
            .arg(script("keep.py"))
            .arg(LIFETIME)
            .args(command)
            .current_dir(installed().join("servers"))
            .env("PYTHONPATH", installed().join("servers"))
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().unwrap())
            .process_group(0)
            .spawn()
            .expect("python3 does not start");
        let stdin = keeper.stdin.take();
        let line = first_line(keeper.stdout.take().unwrap(), log);
        let mut server = Self {
            keeper,
            stdin,
            folder,
            ready: Value::Null,
        };
        let Ok(line) = line.recv_timeout(READY) else {
            panic!("a server did not start:\n{}", server.log());
        };
        server.ready = serde_json::from_str(&line).expect(&line);
        server
    }

    pub(crate) fn port(&self, name: &str) -> u64 {
        self.ready[name].as_u64().unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    fn log(&self) -> String {
        self.file("log")
    }

    fn stop(&mut self) {
        drop(self.stdin.take());
        for _ in 0..500 {
            if self.keeper.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let group = format!("-{}", self.keeper.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).status());
        drop(self.keeper.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first line goes back, the others to the log.
fn first_line(
    stdout: impl std::io::Read + Send + 'static,
    mut log: File,
) -> mpsc::Receiver<String> {
    let (ready, line) = mpsc::channel();
    thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        if let Some(first) = lines.next() {
            drop(ready.send(first));
        }
        drop(ready);
        for line in lines {
            drop(writeln!(log, "{line}"));
        }
    });
    line
}

/// One server for all tests that use it at the same time; the last one ends it.
pub(crate) struct Shared(Mutex<Weak<Server>>);

impl Shared {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    pub(crate) fn get(&self, start: impl FnOnce() -> Server) -> Held {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let server = running.upgrade().unwrap_or_else(|| {
            let server = Arc::new(start());
            *running = Arc::downgrade(&server);
            server
        });
        Held(server)
    }
}

/// One test's hold on a server. A test that fails shows the server's log.
pub(crate) struct Held(Arc<Server>);

impl From<Server> for Held {
    fn from(server: Server) -> Self {
        Self(Arc::new(server))
    }
}

impl std::ops::Deref for Held {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}
