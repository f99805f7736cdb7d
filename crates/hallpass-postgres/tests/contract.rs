//! A real server keeps the contract, and replicas that share it ask once.
#![cfg(feature = "real-server")]
#![allow(clippy::unwrap_used, reason = "helpers of tests: to panic is to fail")]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use hallpass_core::{Cached, Identity};
use hallpass_postgres::{PostgresStore, SCHEMA};
use hallpass_shared::{
    Key, Keys, Name, Shared, SharedStore, Store as _, contract,
    store::{Leased, Outcome, Published},
};
use hallpass_testkit::ScriptedSource;
use tokio::time::Instant;

/// A server of the test's own, which ends with it.
struct Postgres {
    child: Child,
    folder: PathBuf,
}

impl Postgres {
    async fn start() -> Self {
        static SERVERS: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "hallpass-postgres-{}-{}",
            std::process::id(),
            SERVERS.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let root = output(Command::new("id").arg("-u"))
            .stdout
            .starts_with(b"0\n");
        if root {
            // It refuses to run as root.
            output(Command::new("chown").arg("postgres").arg(&folder));
        }
        let data = folder.join("data");
        let mut init = server_command("initdb", root);
        init.args([
            "--auth",
            "trust",
            "--username",
            "fleet",
            "--no-sync",
            "--pgdata",
        ])
        .arg(&data);
        let made = output(&mut init);
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let child = server_command("postgres", root)
            .arg("-D")
            .arg(&data)
            // Without a port, which somebody else could take before it does.
            .args(["-h", "", "-F", "-k"])
            .arg(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, folder };
        server.run(SCHEMA).await;
        server.run(SCHEMA).await;
        server
    }

    fn url(&self) -> String {
        format!("host={} user=fleet dbname=postgres", self.folder.display())
    }

    fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.url()).unwrap()
    }

    /// Runs statements, once the server is there.
    async fn run(&self, sql: &str) {
        let begun = Instant::now();
        loop {
            if let Ok((client, connection)) =
                tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await
            {
                let driver = tokio::spawn(connection);
                client.batch_execute(sql).await.unwrap();
                driver.abort();
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "postgres does not start"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn signal(&self, signal: &str) {
        // The process in `child` may be `setpriv`, which becomes the server.
        let process = self.child.id().to_string();
        assert!(
            output(Command::new("kill").args([signal, &process]))
                .status
                .success()
        );
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, and its children with it.
        self.signal("-QUIT");
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Debian keeps the programs beside each version's own.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(debian)
        .map(|folder| folder.join(name))
        .find(|file| Path::is_file(file));
    found.unwrap_or_else(|| {
        panic!(
            "these tests need PostgreSQL's {name}: `cargo xtask test` installs it, or run `apt-get install postgresql`"
        )
    })
}

fn server_command(name: &str, root: bool) -> Command {
    let program = program(name);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid",
            "postgres",
            "--regid",
            "postgres",
            "--clear-groups",
            "--",
        ])
        .arg(program);
    command.current_dir("/");
    command
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_contract() {
    let server = Postgres::start().await;
    let store = server.store();
    contract::all(&store).await;
    contract::watchers_are_told(&store).await;
    let empty = server.run("TRUNCATE hallpass_shared");
    contract::fences_survive_an_emptying(&store, empty).await;
}

/// A sweep has a row locked while an operation comes, and deletes it then.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_swept_away_meanwhile_is_made_anew() {
    let server = Postgres::start().await;
    let store = server.store();
    let name = Name::of(&Identity::new("acme"));
    let (sweeper, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    let driver = tokio::spawn(connection);
    let begin_sweep = "BEGIN; SELECT name FROM hallpass_shared FOR UPDATE";
    let end_sweep = "DELETE FROM hallpass_shared; COMMIT";
    let failure = Outcome::Failure(Duration::ZERO);

    // Of a lease that ended.
    let first = contract::request(0);
    let Leased::Granted(lease) = store.lease(&name, &first).await.unwrap() else {
        panic!("nobody else has it");
    };
    store
        .publish_if_fence(&name, lease.fence, &failure)
        .await
        .unwrap();
    sweeper.batch_execute(begin_sweep).await.unwrap();
    let second = contract::request(0);
    let asking = {
        let store = store.clone();
        tokio::spawn(async move { store.lease(&name, &second).await.unwrap() })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    sweeper.batch_execute(end_sweep).await.unwrap();
    let granted = asking.await.unwrap();
    let Leased::Granted(lease) = granted else {
        panic!("nobody else has it: {granted:?}");
    };
    let other = store.lease(&name, &contract::request(0)).await.unwrap();
    assert!(matches!(other, Leased::Held(_)), "two have it: {other:?}");

    // What is published into a row that goes is not said to stand.
    sweeper.batch_execute(begin_sweep).await.unwrap();
    let outcome = contract::outcome(b"sealed", lease);
    let publishing = {
        let store = store.clone();
        tokio::spawn(async move {
            let published = store.publish_if_fence(&name, lease.fence, &outcome).await;
            published.unwrap()
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    sweeper.batch_execute(end_sweep).await.unwrap();
    let published = publishing.await.unwrap();
    assert!(matches!(published, Published::Refused(_)), "{published:?}");
    driver.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_t_be_holds_nobody_up() {
    let server = Postgres::start().await;
    let store = server.store();
    let hour = "(hallpass_now() + 3600000)";
    let most = i64::MAX;
    for (count, fields) in [
        format!("owner = 'somebody', leased_until = {hour}"),
        format!("leased_until = {hour}"),
        format!("leased_until = {most}"),
        format!("fence = {hour}"),
        format!("fence = {most}"),
        format!("refused = {hour}"),
        format!("refused = {most}"),
        format!("sealed = 's', generation = {hour}, ends = {hour}"),
        format!("sealed = 's', generation = 1, ends = {most}"),
        format!("sealed = 's', generation = {most}, ends = {hour}"),
    ]
    .iter()
    .enumerate()
    {
        let name = Name::of(&Identity::new(format!("case {count}")));
        let vandal = format!(
            "INSERT INTO hallpass_shared (name) VALUES ('\\x{name}');
             UPDATE hallpass_shared SET {fields} WHERE name = '\\x{name}'"
        );
        server.run(&vandal).await;
        let seen = store.get(&name).await.unwrap().entry;
        let seen = seen.map_or(0, |entry| entry.generation);
        let leased = store.lease(&name, &contract::request(seen)).await.unwrap();
        let Leased::Granted(lease) = leased else {
            panic!("{fields}: {leased:?}");
        };
        let outcome = contract::outcome(b"sealed", lease);
        let published = store.publish_if_fence(&name, lease.fence, &outcome).await;
        assert_eq!(published.unwrap(), Published::Done, "{fields}");
        let other = store.lease(&name, &contract::request(seen)).await.unwrap();
        assert!(matches!(other, Leased::Newer(_)), "{fields}: {other:?}");
    }
}

/// One lease in a hundred sweeps, and what it leases may look like something to be swept up.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_leaves_what_was_just_leased() {
    let server = Postgres::start().await;
    let leases = "DO $$ DECLARE which bytea; BEGIN
        FOR count IN 1..1000 LOOP
            which := sha256(count::text::bytea);
            INSERT INTO hallpass_shared (name, ends) VALUES (which, 9223372036854775807);
            PERFORM hallpass_lease(which, 'somebody', 60000, 0, 0, 0);
            ASSERT EXISTS (SELECT FROM hallpass_shared WHERE name = which), 'swept up';
        END LOOP;
    END $$";
    server.run(leases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_replicas_ask_once_and_sessions_that_end_are_replaced() {
    let server = Postgres::start().await;
    let store = server.store();
    let source = ScriptedSource::tokens(Duration::from_secs(300));
    source.latency(Duration::from_millis(300));
    let fleet: Vec<_> = (0..50)
        .map(|_| {
            let store = SharedStore::new(server.store()).deadline(Duration::from_secs(2));
            let keys = Keys::new(Key::new(&[7; 32]));
            Cached::new(Shared::named(
                source.clone(),
                Identity::new("acme"),
                store,
                keys,
            ))
        })
        .collect();
    let asking: Vec<_> = fleet.iter().map(|one| tokio::spawn(one.get())).collect();
    for one in asking {
        assert_eq!(one.await.unwrap().unwrap().token(), Some("token-1"));
    }
    assert_eq!(source.fetches(), 1);

    assert!(store.get(&Name::of(&Identity::new("acme"))).await.is_ok());
    server
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'fleet'")
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let name = Name::of(&Identity::new("acme"));
    let mut last = None;
    for _ in 0..3 {
        last = Some(store.get(&name).await);
    }
    assert!(last.unwrap().unwrap().entry.is_some());
}

#[tokio::test]
async fn without_its_schema_it_says_so() {
    let server = Postgres::start().await;
    server.run("DROP FUNCTION hallpass_get(bytea)").await;
    let name = Name::of(&Identity::new("acme"));
    let error = server.store().get(&name).await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("schema"),
        "{error}"
    );
}

#[test]
fn a_connection_string_is_not_repeated_in_an_error() {
    let error = PostgresStore::open("password=sesame port=x").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("sesame"));
}
