//! What each choice of features costs to build: the table of the guide's page on adapters.

use std::{collections::BTreeSet, fs};

use crate::run::{cargo, output, target};

/// The façade's features without its defaults.
const RECIPES: [&str; 8] = [
    "",
    "tower",
    "oauth2,tower",
    "hyper,oauth2,tower",
    "reqwest-without-tls",
    "reqwest",
    "tonic",
    "hyper,tonic",
];

/// Those recipes, or the ones that are named.
pub(crate) fn measure(named: &[String]) -> Result<(), String> {
    let folder = target()?.join("lean");
    println!("| features | crates | processor time |\n|---|---:|---:|");
    let named = named.iter().map(String::as_str);
    let recipes: Vec<&str> = match named.len() {
        0 => RECIPES.into(),
        _ => named.collect(),
    };
    for features in recipes {
        let choice = [
            "--package",
            "hallpass",
            "--no-default-features",
            "--features",
            features,
        ];
        let mut tree = cargo(&["tree", "--edges", "normal,build", "--prefix", "none"]);
        let printed = output("tree", tree.args(choice))?;
        // A name and its version; what follows is where it is from, or that it was listed before.
        let crates: BTreeSet<_> = printed
            .lines()
            .filter_map(|line| Some((line.split(' ').next()?, line.split(' ').nth(1)?)))
            .collect();
        // What another recipe has built is built again.
        drop(fs::remove_dir_all(&folder));
        let before = spent()?;
        let mut build = cargo(&["build", "--target-dir"]);
        build.arg(&folder).args(choice).env_remove("RUSTC_WRAPPER");
        // As others build by default, which this workspace does not.
        build.env("CARGO_PROFILE_DEV_DEBUG", "true");
        output(features, build.arg("--quiet"))?;
        let seconds = spent()? - before;
        println!("| `{features}` | {} | {seconds:.0} s |", crates.len());
    }
    Ok(())
}

/// The processor time of all programs that this one has waited for, which does not depend on what
/// else the machine does. As Linux counts it, in hundredths of a second.
fn spent() -> Result<f64, String> {
    let stat = fs::read_to_string("/proc/self/stat")
        .map_err(|error| format!("processor time can be read on Linux only: {error}"))?;
    // Behind the program's name, which may hold anything: the 16th and 17th of all fields.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: f64 = fields
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Ok(ticks / 100.0)
}
