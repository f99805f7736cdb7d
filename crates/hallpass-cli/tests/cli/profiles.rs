//! `hallpass profiles`.

use super::common::{Folder, hallpass};

#[tokio::test]
async fn the_list_is_that_of_the_library() {
    let run = hallpass(["profiles", "list"]).await;
    let names: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names, ::hallpass::Profile::names().collect::<Vec<_>>());
    let run = hallpass(["profiles", "list", "--json"]).await;
    assert_eq!(run.json().as_array().unwrap().len(), names.len());
}

#[tokio::test]
async fn one_is_shown_as_it_is() {
    let run = hallpass(["profiles", "show", "keycloak"]).await;
    assert!(run.stdout.contains("token_url = "));
    ::hallpass::Profile::from_toml(&run.stdout).unwrap();
    let run = hallpass(["profiles", "show", "keycloak", "--json"]).await;
    assert!(
        run.json()["variables"]
            .as_array()
            .unwrap()
            .contains(&"realm".into())
    );
    hallpass(["profiles", "show", "keycloack"])
        .await
        .refused(&["keycloack", "keycloak"]);
}

#[tokio::test]
async fn a_new_one_is_valid_and_a_wrong_one_says_where() {
    let folder = Folder::new();
    let file = folder.path("acme.toml");
    let url = "https://{tenant}.acme.example/oauth/token";
    let args = [
        "profiles",
        "new",
        "acme",
        "--token-url",
        url,
        "--client-auth",
        "post",
    ];
    let run = hallpass(args.into_iter().chain(["--output", &file])).await;
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let profile = ::hallpass::Profile::from_toml_file(&file).unwrap();
    assert_eq!(profile.origins.unwrap(), ["https://{tenant}.acme.example"]);
    assert!(profile.variables.contains_key("tenant"));
    let run = hallpass(["profiles", "validate", &file]).await;
    assert_eq!((run.code, run.stdout), (0, format!("{file}: ok\n")));
    // It is there already.
    hallpass(args.into_iter().chain(["--output", &file]))
        .await
        .refused(&[&file]);

    let run = hallpass([
        "profiles",
        "new",
        "acme",
        "--token-url",
        url,
        "--client-auth",
        "pots",
    ])
    .await;
    run.refused(&["client_auth", "pots"]);

    let wrong = folder.write(
        "wrong.toml",
        "token_url = 'https://a.example'\nclient_auth = 'pots'\n",
    );
    let run = hallpass(["profiles", "validate", &file, &wrong]).await;
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("wrong.toml:2: unknown client_auth"),
        "{}",
        run.stderr
    );
    let run = hallpass(["profiles", "validate", "--json", &file, &wrong]).await;
    let lines: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["valid"], &lines[1]["valid"]),
        (&true.into(), &false.into())
    );
}

#[tokio::test]
async fn every_profile_can_be_the_beginning_of_another() {
    for name in ::hallpass::Profile::names() {
        let text = ::hallpass::Profile::shipped_toml(name).unwrap();
        ::hallpass::Profile::from_toml(text).unwrap();
    }
    let run = hallpass([
        "profiles",
        "new",
        "x",
        "--token-url",
        "https://a.example",
        "--like",
        "zoom",
    ]);
    assert_eq!(
        run.await.stdout,
        ::hallpass::Profile::shipped_toml("zoom").unwrap()
    );
}
