//! Whether every secret is where the settings say, and looks like one.

use hallpass::{
    Key,
    config::{ClientConfig, Reference},
};

use super::finding::Finding;
use crate::exit::Exit;

const STEP: &str = "secrets";

pub(super) fn examine(config: &ClientConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sound = Vec::new();
    for (key, reference) in config.references() {
        match one(&key, reference) {
            Some(finding) => findings.push(finding),
            None => sound.push(format!("{key} from {reference}")),
        }
    }
    // What is well first, because a failure ends the visit.
    if !sound.is_empty() {
        findings.insert(0, Finding::ok(STEP, sound.join(", ")));
    }
    findings
}

fn one(key: &str, reference: &Reference) -> Option<Finding> {
    let failed = |message: String| Finding::failed(STEP, Exit::Configuration, message);
    let value = match reference.read() {
        Ok(value) => value,
        Err(error) => {
            let finding = failed(format!("{key}: {error}"));
            return Some(match reference {
                Reference::Env(name) => finding.because(
                    format!("the variable {name} is not there for this process"),
                    format!("export {name}, or name another place for {key}, such as file:/run/secrets/{key}"),
                ),
                _ => finding.because(
                    "the file is not there, or this user may not read it",
                    format!("check the path of {key} and who may read the file"),
                ),
            });
        }
    };
    if value.is_empty() {
        return Some(failed(format!("{key}: {reference} is empty")).because(
            "the place is there, and nothing is in it",
            format!("put the value of {key} there"),
        ));
    }
    if key == "private_key" || key == "dpop_key" {
        let parsed = if value.trim_start().starts_with('{') {
            Key::from_jwk(&value)
        } else {
            Key::from_pem(&value)
        };
        return parsed.err().map(|error| {
            failed(format!("{key}: {error}")).because(
                "what is there is no private key in PEM or as a JWK",
                "give it an unencrypted private key, RSA of 2048 bits and more, P-256, P-384 or Ed25519",
            )
        });
    }
    if value.trim() != value {
        let what = if value.ends_with('\n') || value.ends_with('\r') {
            "ends with a line break"
        } else {
            "begins or ends with white space"
        };
        return Some(
            Finding::warning(STEP, format!("{key}: {reference} {what}")).because(
                format!("{key} is sent as it is, with that character, and servers compare every character"),
                format!("write it without: printf %s instead of echo, and no line break at the end of {reference}"),
            ),
        );
    }
    None
}
