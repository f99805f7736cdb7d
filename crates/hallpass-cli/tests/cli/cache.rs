//! `--cache`: a token for later commands, sealed.

use std::{fs, time::Duration};

use hallpass_testkit::Server;

use super::common::{
    Folder, Run, SECRET, client_args, command, finished, generic, hallpass, with_client,
};

/// A `token` command that uses this cache.
async fn token(server: &Server, folder: &str, more: &[&str]) -> Run {
    let args = ["--cache", "--cache-dir", folder];
    let args: Vec<&str> = args.into_iter().chain(more.iter().copied()).collect();
    with_client("token", server, &args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_commands_at_once_ask_once() {
    let (server, _) = generic().await;
    server.token_endpoint().delay(Duration::from_millis(200));
    let folder = Folder::new();
    let cache = folder.path("cache");
    let mut tokens = Vec::new();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let args: Vec<String> = ["token"]
            .into_iter()
            .map(str::to_owned)
            .chain(client_args(&server))
            .chain(["--cache", "--cache-dir", &cache].map(str::to_owned))
            .collect();
        tasks.spawn(async move { finished(command(args.iter().map(String::as_str))).await });
    }
    while let Some(run) = tasks.join_next().await {
        let run = run.unwrap();
        assert_eq!(run.code, 0, "{}", run.stderr);
        tokens.push(run.stdout);
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(server.journal().token_requests(), 1);
}

#[tokio::test]
async fn a_command_that_is_stopped_holds_nobody_up() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    token(&server, &cache, &[]).await;
    let lock = fs::File::open(folder.as_path().join("cache/key.lock")).unwrap();
    lock.lock().unwrap();
    let run = token(&server, &cache, &[]).await;
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(
        run.stderr.contains("another command holds "),
        "{}",
        run.stderr
    );
}

#[tokio::test]
async fn what_is_kept_is_sealed_and_for_its_owner_alone() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    let run = token(&server, &cache, &[]).await;
    let shown = run.stdout.trim().to_owned();
    let mut files = 0;
    for entry in fs::read_dir(&cache).unwrap() {
        let entry = entry.unwrap();
        let content = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
        assert!(!content.contains(&shown) && !content.contains(SECRET));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
        }
        files += 1;
    }
    // The key, its lock, the token, its lock.
    assert_eq!(files, 4);
}

#[tokio::test]
async fn another_scope_is_another_token_and_a_damaged_file_is_none() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    let first = token(&server, &cache, &[]).await.stdout;
    let other = token(&server, &cache, &["--scope", "b"]).await.stdout;
    assert_ne!(first, other);
    assert_eq!(token(&server, &cache, &[]).await.stdout, first);
    assert_eq!(server.journal().token_requests(), 2);
    for entry in fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "token") {
            fs::write(path, "nonsense").unwrap();
        }
    }
    assert_eq!(token(&server, &cache, &[]).await.code, 0);
    assert_eq!(server.journal().token_requests(), 3);
}

#[tokio::test]
async fn one_that_is_too_short_is_renewed() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    server.set_token_lifetime(Duration::from_secs(120));
    let first = token(&server, &cache, &[]).await.stdout;
    server.set_token_lifetime(Duration::from_secs(1200));
    assert_eq!(
        token(&server, &cache, &["--min-life", "1m"]).await.stdout,
        first
    );
    let run = token(&server, &cache, &["--min-life", "5m"]).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_ne!(run.stdout, first);
    assert_eq!(server.journal().token_requests(), 2);
}

#[tokio::test]
async fn the_time_limit_holds_for_the_renewal_too() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    server.set_token_lifetime(Duration::from_secs(120));
    token(&server, &cache, &[]).await;
    server.token_endpoint().delay(Duration::from_secs(20));
    let run = token(&server, &cache, &["--min-life", "5m", "--timeout", "1s"]).await;
    assert_eq!((run.code, run.stdout.as_str()), (4, ""), "{}", run.stderr);
    assert!(
        run.stderr.contains("no new token within 1 s"),
        "{}",
        run.stderr
    );
}

#[tokio::test]
async fn what_could_be_the_token_of_another_is_not_kept() {
    let folder = Folder::new();
    let certified = rcgen::generate_simple_self_signed(["acme".to_owned()]).unwrap();
    let certificate = folder.write("certificate.pem", &certified.cert.pem());
    let key = folder.write("key.pem", &certified.signing_key.serialize_pem());
    let args = "token generic --client-id a --token-url https://127.0.0.1:1/token --cache";
    let files = ["--certificate", &certificate, "--certificate-key", &key];
    let cache = ["--cache-dir", &folder.path("cache")];
    let args = args.split(' ').chain(files).chain(cache);
    let run = hallpass(args).await;
    run.refused(&["--cache: ", "whose token", "leave --cache out"]);
}

#[tokio::test]
async fn a_renewed_certificate_is_another_client() {
    let server = Server::builder()
        .client("client", SECRET)
        .tls()
        .start()
        .await;
    let (issuer, token_url) = (server.url(), server.token_url());
    let metadata = format!(r#"{{"issuer": "{issuer}", "token_endpoint": "{token_url}"}}"#);
    let json = [("content-type", "application/json")];
    server.api().respond_next(9, 200, &json, metadata);
    let folder = Folder::new();
    let ca = folder.write("ca.pem", server.certificate_pem().unwrap());
    for endpoint in [
        format!("issuer = '{issuer}'"),
        format!("token_url = '{token_url}'"),
    ] {
        let settings = format!(
            "{endpoint}\nid = 'client'\nsecret = 'env:SECRET'\nca = '{ca}'\n\
         certificate = 'certificate.pem'\ncertificate_key = 'key.pem'"
        );
        let mut tokens = Vec::new();
        for _ in 0..2 {
            let certified = rcgen::generate_simple_self_signed(["acme".to_owned()]).unwrap();
            folder.write("certificate.pem", &certified.cert.pem());
            folder.write("key.pem", &certified.signing_key.serialize_pem());
            for _ in 0..2 {
                tokens.push(configured(&folder, &settings, "").await.stdout);
            }
        }
        assert_eq!(tokens[0], tokens[1]);
        assert_ne!(tokens[1], tokens[2]);
    }
    assert_eq!(server.journal().token_requests(), 4);
}

#[tokio::test]
async fn the_key_may_be_in_the_environment() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    let args = client_args(&server);
    let all = ["token", "--cache", "--cache-dir", &cache];
    let all: Vec<&str> = all
        .into_iter()
        .chain(args.iter().map(String::as_str))
        .collect();
    let mut asked = command(all.iter().copied());
    asked.env(
        "HALLPASS_CACHE_KEY",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    );
    let run = finished(asked).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!folder.as_path().join("cache/key").exists());
    // With another key it can't be read, and is fetched anew.
    assert_eq!(token(&server, &cache, &[]).await.code, 0);
    assert_eq!(server.journal().token_requests(), 2);
    let mut asked = command(all.iter().copied());
    asked.env("HALLPASS_CACHE_KEY", "hunter2hunter2");
    let run = finished(asked).await;
    run.refused(&["HALLPASS_CACHE_KEY"]);
    assert!(!run.stderr.contains("hunter2"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_others_may_change_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    token(&server, &cache, &[])
        .await
        .refused(&["--cache", "chmod 700"]);
}

#[cfg(unix)]
#[tokio::test]
async fn what_belongs_to_another_is_refused() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    let belongs = if rustix::process::geteuid().is_root() {
        fs::create_dir(&cache).unwrap();
        std::os::unix::fs::chown(&cache, Some(65_534), None).unwrap();
        cache
    } else {
        "/".to_owned()
    };
    token(&server, &belongs, &[]).await.refused(&[
        "--cache",
        "belongs to another user",
        "--cache-dir",
    ]);
    assert_eq!(server.journal().token_requests(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (server, _) = generic().await;
    let folder = Folder::new();
    let cache = folder.path("cache");
    token(&server, &cache, &[]).await;
    let key = folder.as_path().join("cache/key");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    token(&server, &cache, &[])
        .await
        .refused(&["--cache", "cache/key", "chmod 600"]);
}

/// Runs `token --cache` for a client of these settings.
async fn configured(folder: &Folder, settings: &str, key: &str) -> Run {
    let file = folder.write("clients.toml", &format!("[clients.acme]\n{settings}\n"));
    let cache = folder.path("cache");
    let args = ["token", "acme", "--header", "--config", &file, "--cache"];
    let mut asked = command(args.into_iter().chain(["--cache-dir", &cache]));
    asked.env("KEY", key);
    let run = finished(asked).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

#[tokio::test]
async fn nobody_gets_the_token_of_another() {
    let folder = Folder::new();
    for (settings, key, expected) in [
        ("token = { value = 'of-alice' }", "", "of-alice"),
        ("token = { value = 'of-bob' }", "", "of-bob"),
        ("token = 'env:KEY'", "first", "first"),
        // The place is the same, and what is there is not.
        ("token = 'env:KEY'", "second", "second"),
        ("token = 'env:KEY'", "first", "first"),
    ] {
        let header = configured(&folder, settings, key).await.stdout;
        assert_eq!(header.trim(), format!("authorization: Bearer {expected}"));
    }
    let basic = |id: &str, secret: &str| {
        format!("basic = true\nid = '{id}'\nsecret = {{ value = '{secret}' }}")
    };
    let mut seen = std::collections::HashSet::new();
    for settings in [basic("a", "one"), basic("a", "two"), basic("b", "two")] {
        assert!(seen.insert(configured(&folder, &settings, "").await.stdout));
    }
}
