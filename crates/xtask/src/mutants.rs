//! `cargo xtask mutants`: changes the code in small ways, and shows which changes no test notices.
//!
//! All of it takes hours, so that a run takes one share of several; `.cargo/mutants.toml` says of
//! what.

use crate::run::{cargo, output, step};

/// One run takes the first of so many shares unless `--shard` says otherwise.
const SHARES: u32 = 24;

const USAGE: &str = "mutants takes --shard SHARE/SHARES, such as 0/24, or --list, or nothing";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (shard, list) = match arguments {
        [] => (format!("0/{SHARES}"), false),
        [option] if option == "--list" => (format!("0/{SHARES}"), true),
        [option, shard] if option == "--shard" && is_share(shard) => (shard.clone(), false),
        _ => return Err(USAGE.to_owned()),
    };
    if list {
        let all = output("mutants", cargo(&["mutants", "--list"]).args(PACKAGES))?;
        print!("{all}");
        return Ok(());
    }
    install()?;
    step(
        &format!("mutants, share {shard}"),
        cargo(&["mutants", "--no-shuffle", "--shard", &shard])
            .args(PACKAGES)
            // In the place of its own that it makes: this one may be built in meanwhile.
            .args(["--output", "target/mutants", "--cap-lints", "true"]),
    )
}

const PACKAGES: [&str; 3] = [
    "--package=hallpass-core",
    "--package=hallpass-oauth2",
    "--package=hallpass-tower",
];

fn install() -> Result<(), String> {
    if output("mutants", &mut cargo(&["mutants", "--version"])).is_ok() {
        return Ok(());
    }
    step(
        "installing cargo-mutants",
        &mut cargo(&["install", "--locked", "cargo-mutants"]),
    )
}

/// Whether it is one of several, counted from 0.
fn is_share(text: &str) -> bool {
    let parts = text.split_once('/');
    parts.is_some_and(|(one, of)| {
        let (one, of): (Option<u32>, Option<u32>) = (one.parse().ok(), of.parse().ok());
        one.zip(of).is_some_and(|(one, of)| one < of)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_one_of_several() {
        for (text, expected) in [
            ("0/24", true),
            ("23/24", true),
            ("24/24", false),
            ("0/0", false),
            ("1", false),
            ("-1/2", false),
            ("a/b", false),
        ] {
            assert_eq!(is_share(text), expected, "{text}");
        }
    }

    #[test]
    fn other_arguments_are_refused_before_anything_runs() {
        for arguments in [vec!["--shard"], vec!["--shard", "2/1"], vec!["--all"]] {
            let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
            assert_eq!(run(&arguments), Err(USAGE.to_owned()));
        }
    }
}
