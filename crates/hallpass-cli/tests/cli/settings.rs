//! Where clients are found: a settings file, the environment, profiles.

use std::fs;

use hallpass_testkit::Server;

use super::common::{Folder, Run, SECRET, command, finished, generic, hallpass};

#[tokio::test]
async fn a_client_of_the_settings_file() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let text = format!(
        "[clients.acme]\ntoken_url = \"{}\"\nid = \"client\"\nsecret = \"env:SECRET\"\n",
        server.token_url()
    );
    let file = folder.write("clients.toml", &text);
    assert_eq!(hallpass(["token", "acme", "--config", &file]).await.code, 0);
    let mut asked = command(["token", "acme"]);
    asked.env("HALLPASS_CONFIG", &file);
    assert_eq!(finished(asked).await.code, 0);

    fs::create_dir_all(folder.path(".config/hallpass")).unwrap();
    folder.write(".config/hallpass/clients.toml", &text);
    let mut asked = command(["token", "acme"]);
    asked.env("HOME", folder.as_path());
    assert_eq!(finished(asked).await.code, 0);
    assert_eq!(server.journal().token_requests(), 3);

    let run = hallpass(["token", "acmee", "--config", &file]).await;
    run.refused(&[
        "no client",
        "did you mean \"acme\"?",
        "your clients are acme",
    ]);
    let wrong = folder.write("wrong.toml", "[clients.acme]\nsecret = 'hunter2hunter2'");
    let run = hallpass(["token", "acme", "--config", &wrong]).await;
    run.refused(&["wrong.toml", "clients.acme.secret"]);
    assert!(!run.stderr.contains("hunter2"));
}

#[tokio::test]
async fn the_working_folder_is_not_trusted() {
    let folder = Folder::new();
    folder.write(
        "clients.toml",
        "[clients.acme]\ntoken_url = 'https://evil.example'",
    );
    folder.write(
        "hallpass.toml",
        "[clients.acme]\ntoken_url = 'https://evil.example'",
    );
    let mut asked = command(["token", "acme"]);
    asked.current_dir(folder.as_path());
    finished(asked).await.refused(&["acme"]);
}

#[tokio::test]
async fn a_client_of_the_environment() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let mut asked = command(["token", "my-bank"]);
    asked
        .env("HALLPASS_CLIENT_MY_BANK_PROFILE", "generic")
        .env("HALLPASS_CLIENT_MY_BANK_VAR_TOKEN_URL", server.token_url())
        .env("HALLPASS_CLIENT_MY_BANK_ID", "client")
        .env(
            "HALLPASS_CLIENT_MY_BANK_SECRET_FILE",
            folder.write("secret", SECRET),
        );
    let run = finished(asked).await;
    assert_eq!(run.code, 0, "{}", run.stderr);

    for (variable, value, parts) in [
        (
            "HALLPASS_CLIENT_X_SECRT",
            "hunter2hunter2",
            &["HALLPASS_CLIENT_X_SECRT", "did you mean \"secret\""][..],
        ),
        (
            "HALLPASS_CLIENT_X_PROFILE",
            "atlr",
            &["HALLPASS_CLIENT_X_PROFILE", "did you mean \"atlar\""],
        ),
        (
            "HALLPASS_CLIENT_X_BASIC",
            "hunter2hunter2",
            &["HALLPASS_CLIENT_X_BASIC", "neither true nor false"],
        ),
    ] {
        let mut asked = command(["token", "x"]);
        asked.env(variable, value);
        let run = finished(asked).await;
        run.refused(parts);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
}

/// A vendor that wants a key of its own among the parameters, with this variable for it.
async fn with_key(command_name: &str, server: &Server, folder: &Folder, key: &str) -> Run {
    let profile = format!(
        "token_url = '{}'\nparams = {{ api_key = '{{api_key}}' }}\n",
        server.token_url()
    );
    let mut asked = command([command_name, "acme"]);
    asked
        .env(
            "HALLPASS_CLIENT_ACME_PROFILE",
            folder.write("acme.toml", &profile),
        )
        .env("HALLPASS_CLIENT_ACME_ID", "client")
        .env("HALLPASS_CLIENT_ACME_SECRET", SECRET)
        .env("HALLPASS_CLIENT_ACME_VAR_API_KEY", key)
        .env("ACME_API_KEY", "hunter2hunter2");
    finished(asked).await
}

#[tokio::test]
async fn a_variable_of_the_environment_may_be_a_secret() {
    let (server, _) = generic().await;
    let folder = Folder::new();
    let run = with_key("token", &server, &folder, "env:ACME_API_KEY").await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    let journal = server.journal();
    let asked = journal
        .entries()
        .iter()
        .find(|entry| entry.path == "/token");
    let form = String::from_utf8_lossy(&asked.unwrap().body).into_owned();
    assert!(form.contains("api_key=hunter2hunter2"), "{form}");
    // Neither is one shown that stands there as a text under such a name.
    let body = r#"{"error":"weird","error_description":"not hunter2hunter2","hunter2hunter2":1}"#;
    server.token_endpoint().respond_next(99, 400, &[], body);
    for key in ["env:ACME_API_KEY", "hunter2hunter2"] {
        for command_name in ["token", "doctor"] {
            let run = with_key(command_name, &server, &folder, key).await;
            assert_ne!(run.code, 0);
            for text in [&run.stdout, &run.stderr] {
                assert!(!text.contains("hunter2"), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn a_word_that_names_nothing() {
    let nowhere = "no settings file was found at /nonexistent/.config/hallpass/clients.toml";
    for (word, meant) in [("atlr", Some("did you mean \"atlar\"?")), ("acmee", None)] {
        let run = hallpass(["token", word]).await;
        run.refused(&[
            &format!("no profile \"{word}\""),
            nowhere,
            "hallpass profiles list",
        ]);
        run.refused(meant.as_slice());
        assert_eq!(run.stderr.contains("did you mean"), meant.is_some());
        // The list would be longer than a screen.
        assert!(!run.stderr.contains("zoominfo"), "{}", run.stderr);
    }
}

#[tokio::test]
async fn a_client_without_an_id_is_told_in_words_of_the_command_line() {
    let (server, _) = generic().await;
    let url = server.token_url();
    let generic = ["token", "generic", "--token-url", &url];
    let message = "no client id is set: give --client-id, or set GENERIC_CLIENT_ID";
    hallpass(generic).await.refused(&[message]);
    let with_secret = generic.into_iter().chain(["--secret", "env:SECRET"]);
    hallpass(with_secret).await.refused(&[message]);

    let mut asked = command(["token", "acme"]);
    asked.env("HALLPASS_CLIENT_ACME_TOKEN_URL", &url);
    let message = "give --client-id, or set HALLPASS_CLIENT_ACME_ID";
    finished(asked).await.refused(&[message]);

    let folder = Folder::new();
    let text = format!("[clients.acme]\ntoken_url = \"{url}\"\n");
    let file = folder.write("clients.toml", &text);
    let message = format!("give --client-id, or set its id in {file}");
    let run = hallpass(["token", "acme", "--config", &file]).await;
    run.refused(&[&message]);
    assert_eq!(server.journal().token_requests(), 0);
}

#[tokio::test]
async fn a_variable_that_holds_a_place_is_warned_of() {
    let server = Server::builder()
        .client("client", "env:MY_SECRET")
        .start()
        .await;
    let named = |asked: &mut std::process::Command| {
        asked
            .env("HALLPASS_CLIENT_ACME_TOKEN_URL", server.token_url())
            .env("HALLPASS_CLIENT_ACME_ID", "client");
    };
    let mut asked = command(["token", "acme"]);
    named(&mut asked);
    asked.env("HALLPASS_CLIENT_ACME_SECRET", "env:MY_SECRET");
    let run = finished(asked).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    for part in [
        "HALLPASS_CLIENT_ACME_SECRET begins with \"env:\"",
        "HALLPASS_CLIENT_ACME_SECRET_FILE takes the path",
    ] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
    assert!(!run.stderr.contains("MY_SECRET"), "{}", run.stderr);

    // One that is replaced is not used at all.
    let mut asked = command(["token", "acme", "--secret", "env:OTHER"]);
    named(&mut asked);
    asked
        .env("HALLPASS_CLIENT_ACME_SECRET", "env:MY_SECRET")
        .env("OTHER", "no place");
    let run = finished(asked).await;
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
}
