//! Every profile that ships, with the variables, the answer and the headers of its golden file.

use std::{fs, path::Path};

use hallpass_testkit::{Entry, Kind, Server};

use super::common::{SECRET, call};

/// What one golden file says, as far as a call shows it.
struct Vendor {
    name: String,
    variables: Vec<String>,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    attached: Vec<(String, String)>,
}

fn pairs<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl Vendor {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (variables, rest) = text.split_once("--- request\n").unwrap();
        let (_, rest) = rest.split_once("--- answer\nHTTP ").unwrap();
        let (answer, outcome) = rest.split_once("--- credential\n").unwrap();
        let (head, body) = answer.split_once("\n\n").unwrap();
        let mut head = head.lines();
        let mut attached = pairs(outcome.lines());
        // Of those, the API sees nothing.
        attached.retain(|(name, _)| {
            !name.starts_with("field ")
                && !["lifetime", "scope", "rejects", "keeps"].contains(&name.as_str())
        });
        Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            variables: variables
                .lines()
                .map(|line| line.replacen(" = ", "=", 1))
                .collect(),
            status: head.next().unwrap().parse().unwrap(),
            headers: pairs(head),
            body: body.trim_end().to_owned(),
            attached,
        }
    }

    async fn is_served(&self) {
        let server = Server::start().await;
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        server
            .token_endpoint()
            .respond_next(1, self.status, &headers, self.body.clone());
        server.api().respond_next(1, 200, &[], "[]");
        let (base, token_url) = (server.url(), server.token_url());
        let url = format!("{base}/items");
        let mut args = vec![self.name.as_str(), "--client-id", "my-client"];
        args.extend(["--secret", "env:SECRET"]);
        args.extend(["--token-url", &token_url, "--origin", &base]);
        for variable in &self.variables {
            args.extend(["--var", variable]);
        }
        args.push(&url);
        let run = call(args).await;
        assert_eq!(run.code, 0, "{}: {}{}", self.name, run.stdout, run.stderr);
        assert_eq!(run.calls[0]["status"], 200, "{}", self.name);

        let journal = server.journal();
        let [asked, used] = journal.entries() else {
            panic!("{}: {:?}", self.name, journal.entries());
        };
        assert_eq!((asked.kind, used.kind), (Kind::Token, Kind::Api));
        assert!(!shows(used, SECRET), "{}: {used:?}", self.name);
        for (name, value) in &self.attached {
            assert_eq!(used.header(name), Some(&**value), "{}", self.name);
        }
    }
}

fn shows(entry: &Entry, text: &str) -> bool {
    let mut values = entry.headers.values();
    values.any(|value| value.to_str().is_ok_and(|value| value.contains(text)))
}

#[tokio::test]
async fn each_profile_that_ships_makes_a_call() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../hallpass-oauth2/tests/golden"
    );
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let vendor = Vendor::read(&entry.unwrap().path());
        vendor.is_served().await;
        names.push(vendor.name);
    }
    names.sort_unstable();
    let mut shipped: Vec<&str> = hallpass::Profile::names().collect();
    shipped.sort_unstable();
    assert_eq!(names, shipped);
}
