//! Tokens: each profile gets one, and a lost one is replaced.

use std::io::{BufRead as _, BufReader};

use hallpass_testkit::{Server, System, fnv1a64};

use super::common::{Run, SECRET, call, call_generic, generic, spawn_call};

async fn served(system: System, args: &[&str]) {
    let server = Server::builder()
        .system(system)
        .client("client", SECRET)
        .start()
        .await;
    let (base, token_url) = (server.url(), server.token_url());
    let url = format!("{base}/v1/things");
    let base_url = format!("base_url={base}");
    let token_variable = format!("token_url={token_url}");
    let filled = args.iter().map(|arg| match *arg {
        "BASE" => base.as_str(),
        "BASE_URL" => base_url.as_str(),
        "TOKEN_URL" => token_url.as_str(),
        "TOKEN_VARIABLE" => token_variable.as_str(),
        arg => arg,
    });
    let fixed = ["--client-id", "client", "--secret", "env:SECRET"];
    let run = call(filled.chain(fixed).chain([url.as_str()])).await;
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.calls.len(), 1);
    assert_eq!(
        run.totals,
        r#"{"calls":1,"statuses":{"200":1},"token_requests":1,"rejections":0,"waits":1,"replays":0,"failures":0}"#
    );
    let ms = run.calls[0]["ms"].as_f64().unwrap();
    assert!(ms > 0.0);
    assert_eq!(
        run.stdout.lines().next().unwrap(),
        format!(
            r#"{{"call":0,"status":200,"ms":{ms:?},"generation":1,"waited":true,"replayed":false,"error":null}}"#
        )
    );
    let journal = server.journal();
    assert_eq!(journal.token_requests(), 1);
    assert_eq!(journal.api_requests(), 1);
}

#[tokio::test]
async fn atlar() {
    let args = ["atlar", "--token-url", "TOKEN_URL", "--origin", "BASE"];
    served(System::Atlar, &args).await;
}

#[tokio::test]
async fn is2() {
    let args = ["is2", "--token-url", "TOKEN_URL", "--origin", "BASE"];
    served(System::Is2, &args).await;
}

#[tokio::test]
async fn ataccama() {
    let args = ["ataccama", "--token-url", "TOKEN_URL", "--origin", "BASE"];
    served(System::Ataccama, &args).await;
}

#[tokio::test]
async fn atomic() {
    let args = ["atomic", "--var", "TOKEN_VARIABLE", "--origin", "BASE"];
    served(System::Atomic, &args).await;
}

#[tokio::test]
async fn oauth_v2() {
    served(System::Unnamed, &["oauth-v2", "--var", "BASE_URL"]).await;
}

#[tokio::test]
async fn generic_by_its_variable() {
    served(System::Generic, &["generic", "--var", "TOKEN_VARIABLE"]).await;
}

#[tokio::test]
async fn a_file_is_a_profile() {
    let dir = std::env::temp_dir().join(format!("hallpass-call-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("acme.toml");
    let text = "token_url = \"{base}/token\"\nclient_auth = \"post\"\norigins = [\"{base}\"]\n";
    std::fs::write(&file, text).unwrap();
    let server = Server::builder().client("client", SECRET).start().await;
    let (file, base) = (file.display().to_string(), format!("base={}", server.url()));
    let url = format!("{}/items", server.url());
    let fixed = ["--client-id", "client", "--secret", "env:SECRET"];
    let args = [file.as_str(), "--var", &base, &url];
    let run = call(fixed.into_iter().chain(args)).await;
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let journal = server.journal();
    let asked = journal.tokens().next().unwrap();
    assert_eq!(asked.form("client_secret").as_deref(), Some(SECRET));
    std::fs::remove_dir_all(&dir).unwrap();
}

#[tokio::test]
async fn a_client_id_may_hold_anything() {
    let server = Server::builder()
        .system(System::Unnamed)
        .client("kasse:münchen 1", SECRET)
        .start()
        .await;
    let (var, url) = (format!("base_url={}", server.url()), server.url());
    let fixed = ["oauth-v2", "--secret", "env:SECRET"];
    let args = ["--client-id", "kasse:münchen 1", "--var", &var, &url];
    let run = call(fixed.into_iter().chain(args)).await;
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[tokio::test]
async fn method_body_and_headers_arrive() {
    let (server, args) = generic().await;
    let more = [
        "-d",
        "a=ä",
        "-H",
        "x-one: 1",
        "-H",
        "x-two:2: b",
        "-H",
        "x-one: 3",
    ];
    let run = call_generic(&args, &more).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = call_generic(&args, &["-X", "PATCH", "--data", "b"]).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    let journal = server.journal();
    let [post, patch] = &journal.api().collect::<Vec<_>>()[..] else {
        panic!("two calls");
    };
    assert_eq!(
        (post.method.as_str(), &post.body[..]),
        ("POST", "a=ä".as_bytes())
    );
    assert_eq!(post.header("x-two"), Some("2: b"));
    assert_eq!(post.headers.get_all("x-one").iter().count(), 2);
    assert_eq!(
        (patch.method.as_str(), &patch.body[..]),
        ("PATCH", &b"b"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_revoked_in_mid_run_is_replaced() {
    let (server, args) = generic().await;
    let more = ["-d", "order", "--repeat", "20", "--interval", "20ms"];
    let mut child = spawn_call(&args, &more);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stdout = String::new();
    for n in 0.. {
        let Some(line) = lines.next() else { break };
        stdout.push_str(&line.unwrap());
        stdout.push('\n');
        if n == 4 {
            server.revoke_all();
        }
    }
    let mut output = child.wait_with_output().unwrap();
    output.stdout = stdout.into_bytes();
    let run = Run::of(output);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let totals = run.totals();
    for (name, expected) in [
        ("calls", 20),
        ("token_requests", 2),
        ("rejections", 1),
        ("replays", 1),
        ("failures", 0),
    ] {
        assert_eq!(totals[name], expected, "{name}: {}", run.totals);
    }
    assert_eq!(totals["statuses"]["200"], 20);
    let replayed: Vec<_> = run
        .calls
        .iter()
        .filter(|call| call["replayed"] == true)
        .collect();
    assert_eq!(replayed.len(), 1);
    assert_eq!(replayed[0]["generation"], 2);
    let journal = server.journal();
    assert_eq!(journal.api_with_status(401), 1);
    let order = fnv1a64(b"order");
    assert!(journal.api().all(|entry| fnv1a64(&entry.body) == order));
}
