//! A real `redis-server` for each test, and a proxy before it that delays and cuts.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::unwrap_used,
    reason = "helpers of tests: each file uses its part, and to panic is to fail"
)]

use std::{
    net::TcpListener as StdListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use hallpass_core::CredentialSource;
use hallpass_redis::RedisStore;
pub use hallpass_shared::contract::{Replica, identity, keys};
use hallpass_shared::{SharedStore, contract};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, sleep},
};

pub const SECOND: Duration = Duration::from_secs(1);

/// A server of the test's own, which ends with it.
pub struct Redis {
    child: Child,
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Redis {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Somebody else may take a free port before the server does: then there is another.
    pub async fn start_with(arguments: &[&str]) -> Self {
        for _ in 0..5 {
            let mut server = Self::spawned(arguments);
            if server.is_up().await {
                return server;
            }
        }
        panic!("redis-server ends with {arguments:?}");
    }

    fn spawned(arguments: &[&str]) -> Self {
        let port = free_port();
        let folder =
            std::env::temp_dir().join(format!("hallpass-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let arguments: Vec<_> = arguments.iter().map(|one| (*one).to_owned()).collect();
        let child = spawn(port, &folder, &arguments);
        Self {
            child,
            port,
            folder,
            arguments,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn store(&self) -> RedisStore {
        RedisStore::open(self.url()).unwrap()
    }

    pub async fn command(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query_async(&mut connection).await
    }

    pub async fn run(&self, words: &[&str]) {
        self.command(words).await.unwrap();
    }

    /// Waits until it answers; false if it has ended instead.
    async fn is_up(&mut self) -> bool {
        let begun = Instant::now();
        while self.command(&["PING"]).await.is_err() || !self.answers_itself().await {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(begun.elapsed() < 20 * SECOND, "redis-server does not start");
            sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Whether it is this process that answers on its port.
    async fn answers_itself(&self) -> bool {
        let about = self.command(&["INFO", "server"]).await.ok();
        let about: Option<String> = about.and_then(|value| redis::from_redis_value(value).ok());
        let own = format!("process_id:{}\r", self.child.id());
        about.is_some_and(|about| about.contains(&own))
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it anew, on the same port, with what it has saved.
    pub fn spawn_again(&mut self, more: &[&str]) {
        let mut arguments = self.arguments.clone();
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        self.child = spawn(self.port, &self.folder, &arguments);
    }

    pub async fn restart(&mut self) {
        self.spawn_again(&[]);
        assert!(self.is_up().await);
    }

    pub fn signal(&self, signal: &str) {
        send_signal(self.child.id(), signal);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A process that ends with the test.
pub struct Ends(pub Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn send_signal(process: u32, signal: &str) {
    let process = process.to_string();
    let status = Command::new("kill").args([signal, &process]).status();
    assert!(status.unwrap().success());
}

fn spawn(port: u16, folder: &PathBuf, arguments: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .arg("--dir")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "these tests need a redis-server on the path ({error}): `cargo xtask test` installs one, or run `apt-get install redis-server`"
            )
        })
}

pub fn free_port() -> u16 {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A way to a server that can be delayed, cut, and made to swallow everything.
pub struct Proxy {
    pub port: u16,
    delay: Arc<AtomicU64>,
    /// Closes what there is, and whatever comes.
    cut: watch::Sender<bool>,
    silent: Arc<AtomicBool>,
}

impl Proxy {
    pub async fn to(server: &Redis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self {
            port,
            delay: Arc::default(),
            cut: watch::Sender::new(false),
            silent: Arc::default(),
        };
        let target = server.port();
        let (delay, silent) = (Arc::clone(&proxy.delay), Arc::clone(&proxy.silent));
        let cut = proxy.cut.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (delay, silent, mut cut) =
                    (Arc::clone(&delay), Arc::clone(&silent), cut.clone());
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = cut.wait_for(|cut| *cut) => {}
                        () = carry(client, server, delay, silent) => {}
                    }
                });
            }
        });
        proxy
    }

    pub fn store(&self) -> RedisStore {
        RedisStore::open(format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }

    pub fn delay(&self, delay: Duration) {
        self.delay
            .store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    pub fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }

    pub fn silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }
}

/// Carries bytes both ways; each piece waits for the delay, and for silence to end.
async fn carry(
    client: TcpStream,
    server: TcpStream,
    delay: Arc<AtomicU64>,
    silent: Arc<AtomicBool>,
) {
    let (mut near, mut far) = tokio::io::duplex(64 * 1024);
    let mut client = client;
    let mut server = server;
    let pump = async {
        let _ = copy_bidirectional(&mut far, &mut server).await;
    };
    let inbound = async {
        let mut buffer = vec![0; 64 * 1024];
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = tokio::io::split(&mut near);
        let up = piece_by_piece(&mut from_client, &mut to_server, &delay, &silent);
        let mut other = vec![0; 64 * 1024];
        let down = async {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            while let Ok(length) = from_server.read(&mut other).await {
                if length == 0 || to_client.write_all(&other[..length]).await.is_err() {
                    return;
                }
            }
        };
        buffer.clear();
        tokio::select! { () = up => {}, () = down => {} }
    };
    tokio::select! { () = pump => {}, () = inbound => {} }
}

async fn piece_by_piece(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    delay: &AtomicU64,
    silent: &AtomicBool,
) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        if length == 0 {
            return;
        }
        sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
        while silent.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(10)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// A replica with connections of its own. The machine that tests run on may be busy, so that a store
/// has more time than by default.
pub fn replica<S: CredentialSource>(store: RedisStore, source: S) -> Replica<S> {
    Replica::new(patient(store), source)
}

pub fn patient(store: RedisStore) -> SharedStore {
    SharedStore::new(store).deadline(SECOND)
}

pub async fn common_token<S: CredentialSource>(fleet: &[Replica<S>]) -> String {
    contract::common_token(fleet.iter().map(|replica| &replica.cached)).await
}

/// For so long every replica has a request each fifth of a second, and each of them gets a credential.
pub async fn run_for<S: CredentialSource>(fleet: &[Replica<S>], time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        for replica in fleet {
            if let Err(error) = replica.cached.get_within(10 * SECOND).await {
                panic!("a call failed: {error}");
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
}
