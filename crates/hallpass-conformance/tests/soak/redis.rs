//! [`Redis`]: a `redis-server` of the test's own, where there is one, on a socket that is a file.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::net::UnixStream;

pub(crate) struct Redis {
    child: Child,
    folder: PathBuf,
}

impl Redis {
    /// None without the program.
    pub(crate) async fn start() -> Option<Self> {
        let name = format!("hallpass-soak-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let Ok(child) = spawn(&folder) else {
            std::fs::remove_dir_all(&folder).unwrap();
            return None;
        };
        let redis = Self { child, folder };
        redis.ready().await;
        Some(redis)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", socket(&self.folder).display())
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Empty, as it saves nothing.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(&self.folder).unwrap();
        self.ready().await;
    }

    async fn ready(&self) {
        let connects = async {
            while UnixStream::connect(socket(&self.folder)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, connects)
            .await
            .expect("redis-server starts");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn socket(folder: &std::path::Path) -> PathBuf {
    folder.join("socket")
}

fn spawn(folder: &std::path::Path) -> std::io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no"])
        .arg("--unixsocket")
        .arg(socket(folder))
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
