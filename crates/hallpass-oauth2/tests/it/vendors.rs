//! Every shipped profile against a request and an answer written down from its vendor's
//! documentation, and strangers that TOML alone describes.
//!
//! A golden file has variables, then the request as it goes over the wire, the answer, and what must
//! come of it. A header that every request has, `user-agent`, is left out; `<uuid>` stands for one.
#![allow(clippy::panic, reason = "helpers of tests fail by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use hallpass_core::{Authorizer, Credential, CredentialSource, Description, Error, Fetch};
use hallpass_oauth2::Profile;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri};

use crate::common::{Script, Seen, Step, fetch};

struct Golden {
    name: String,
    variables: Vec<(String, String)>,
    request: String,
    answer: String,
    outcome: String,
}

impl Golden {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut parts = text.split("--- ").map(|part| {
            let title = ["request\n", "answer\n", "credential\n"];
            let found = title.iter().find_map(|title| part.strip_prefix(title));
            found.unwrap_or(part).trim_end_matches('\n').to_owned()
        });
        let variables = parts.next().unwrap();
        Self {
            name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
            variables: variables
                .lines()
                .map(|line| line.split_once(" = ").unwrap())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            request: parts.next().unwrap(),
            answer: parts.next().unwrap(),
            outcome: parts.next().unwrap(),
        }
    }

    fn step(&self) -> Step {
        let (head, body) = self.answer.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().strip_prefix("HTTP ").unwrap();
        let step = Step::status(status.parse().unwrap(), body.to_owned());
        lines.fold(step, |step, line| {
            let (name, value) = line.split_once(": ").unwrap();
            step.with(name.to_owned().leak(), value)
        })
    }

    async fn holds_for(&self, profile: Profile) {
        let name = &self.name;
        let variables = self.variables.iter().cloned();
        let profile = variables.fold(profile, |profile, (name, value)| profile.var(name, value));
        let script = Script::of([self.step()]);
        let source = profile
            .client("my-client", "s3cret")
            .build(script.clone())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let credential = fetch(&source)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(written(&script.only()), self.request, "{name}");

        let mut headers = HeaderMap::new();
        credential
            .attach(&Method::GET, &Uri::from_static("/"), &mut headers)
            .unwrap();
        let mut headers: BTreeMap<String, String> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let mut scope = credential.scope();
        let description = source.description();
        for line in self.outcome.lines() {
            let (what, expected) = line.split_once(": ").unwrap();
            match what {
                "lifetime" => {
                    let seconds = Duration::from_secs(expected.parse().unwrap());
                    assert_eq!(credential.lifetime(), Some(seconds), "{name}");
                }
                "scope" => assert_eq!(scope.take(), Some(expected), "{name}"),
                "rejects" => {
                    assert!(
                        is_rejected(&description, expected).await,
                        "{name}: {expected}"
                    );
                }
                "keeps" => {
                    assert!(
                        !is_rejected(&description, expected).await,
                        "{name}: {expected}"
                    );
                }
                _ => match what.strip_prefix("field ") {
                    Some(field) => assert_eq!(credential.field(field), Some(expected), "{name}"),
                    None => assert_eq!(headers.remove(what).as_deref(), Some(expected), "{name}"),
                },
            }
        }
        assert!(
            headers.is_empty(),
            "{name}: {headers:?} beside what is expected"
        );
        assert_eq!(scope, None, "{name}");
        assert_eq!(source.description().header, credential.header_name());
    }
}

/// The request as a golden file has it.
fn written(seen: &Seen) -> String {
    let mut lines: Vec<String> = seen
        .headers
        .iter()
        .filter(|(name, _)| *name != "user-agent")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .map(|line| match line.rsplit_once(' ') {
            Some((start, uuid)) if is_uuid(uuid) => format!("{start} <uuid>"),
            _ => line,
        })
        .collect();
    lines.sort();
    let mut out = format!("{} {}\n{}", seen.method, seen.uri, lines.join("\n"));
    if !seen.body.is_empty() {
        out.push_str("\n\n");
        out.push_str(&seen.body);
    }
    out
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Another token each time, described like the source of a profile.
struct Numbered(Description, AtomicU32);

impl CredentialSource for Numbered {
    async fn fetch(&self, _: &Fetch) -> Result<Credential, Error> {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        Credential::header(self.0.header.clone(), &format!("token-{number}"))
    }

    fn description(&self) -> Description {
        let mut description = self.0.clone();
        description.origins = None;
        description
    }
}

/// `answer` is a status, then a header as `name=value` or the start of a body. What is rejected is
/// sent again.
async fn is_rejected(description: &Description, answer: &str) -> bool {
    let (status, rest) = answer.split_once(' ').unwrap_or((answer, ""));
    let mut response = Response::new(());
    *response.status_mut() = status.parse::<StatusCode>().unwrap();
    if let Some((name, value)) = rest.split_once('=').filter(|_| !rest.starts_with('{')) {
        let name: HeaderName = name.parse().unwrap();
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    let authorizer = Authorizer::new(Numbered(description.clone(), AtomicU32::new(0)));
    let request = Request::get("https://api.example.com/").body(()).unwrap();
    let mut sent = 0;
    let answered = authorizer.run(request, |_| {
        sent += 1;
        let response = response.clone();
        async move { Ok::<_, Error>(response) }
    });
    answered.await.unwrap();
    sent > 1 || (rest.starts_with('{') && description.rejected.by_body(rest.as_bytes()))
}

fn folder(name: &str) -> Vec<Golden> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "http")
        })
        .collect();
    paths.sort();
    paths.iter().map(|path| Golden::read(path)).collect()
}

#[tokio::test]
async fn every_shipped_profile_does_what_its_vendor_documents() {
    let golden = folder("golden");
    for golden in &golden {
        let profile = Profile::named(&golden.name).unwrap();
        golden.holds_for(profile).await;
    }
    let mut tested: Vec<&str> = golden.iter().map(|golden| &*golden.name).collect();
    tested.sort_unstable();
    let mut shipped: Vec<&str> = Profile::names().collect();
    shipped.sort_unstable();
    assert_eq!(tested, shipped);
}

#[test]
fn what_only_a_description_tells() {
    let source = |name: &str, variables: &[&str]| {
        let profile = Profile::named(name).unwrap();
        let set = |profile: Profile, name: &&str| profile.var(*name, "value");
        let profile = variables.iter().fold(profile, set);
        profile
            .client("my-client", "s3cret")
            .build(Script::default())
    };
    // One token at a time, so none is asked for beside another.
    let vanta = source("vanta", &["scope"]).unwrap().description();
    assert!(vanta.kills_old && !vanta.hedge);
    for missing in ["scope", "account"] {
        let set = if missing == "scope" {
            "account"
        } else {
            "scope"
        };
        let error = source("dynatrace", &[set]).unwrap_err().to_string();
        assert!(error.contains(&format!("\"{missing}\"")), "{error}");
    }
    assert!(source("dynatrace", &["scope", "account"]).is_ok());
}

#[test]
fn every_profile_in_the_folder_ships_and_names_its_documentation() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(Profile::names().any(|shipped| shipped == name), "{name}");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{name}");
        assert!(text.contains("\n# Follows: "), "{name}");
        let comment = text.lines().take_while(|line| line.starts_with('#'));
        let dated = comment.collect::<String>().contains("2026-");
        let standard = ["generic", "oauth-v2"].contains(&name);
        assert!(dated || standard, "{name} says when it was checked");
    }
}

#[tokio::test]
async fn strangers_need_no_code() {
    let strangers = folder("strangers");
    assert!(strangers.len() >= 5);
    for golden in strangers {
        let file = format!("tests/strangers/{}.toml", golden.name);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert!(Profile::named(&golden.name).is_err());
        golden
            .holds_for(Profile::from_toml_file(path).unwrap())
            .await;
    }
}
