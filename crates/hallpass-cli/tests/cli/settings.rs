//! Where clients are found: a settings file, the environment, profiles.

use std::fs;

use super::common::{Folder, SECRET, command, finished, generic, hallpass};

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
    run.refused(&["no client", "acme"]);
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
