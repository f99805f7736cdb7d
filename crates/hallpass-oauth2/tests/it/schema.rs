//! The JSON Schema of profiles says what the reader of profiles does.

use std::{collections::BTreeSet, fs, path::Path};

use boon::{Compiler, SchemaIndex, Schemas};
use hallpass_oauth2::Profile;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../profile.schema.json");

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    #[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
    fn compiled() -> Self {
        let mut compiler = Compiler::new();
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        compiler
            .add_resource("profile.schema.json", schema)
            .unwrap();
        let mut schemas = Schemas::new();
        let index = compiler
            .compile("profile.schema.json", &mut schemas)
            .unwrap();
        Self { schemas, index }
    }

    #[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
    fn check(&self, text: &str) -> Result<(), String> {
        let value: Value = toml::from_str(text).unwrap();
        let checked = self.schemas.validate(&value, self.index);
        checked.map_err(|error| format!("{error:#}"))
    }
}

#[test]
fn every_profile_that_ships_and_every_stranger_is_valid() {
    let schema = Schema::compiled();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for folder in ["profiles", "tests/strangers"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let text = fs::read_to_string(&path).unwrap();
                schema
                    .check(&text)
                    .unwrap_or_else(|error| panic!("{path:?}: {error}"));
                checked += 1;
            }
        }
    }
    assert!(checked > 40);
}

/// The names that the reader offers when it meets one that it does not know.
#[allow(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]
fn offered(text: &str) -> BTreeSet<String> {
    let error = Profile::from_toml(text).unwrap_err().to_string();
    let (_, names) = error.split_once("expected ").unwrap();
    names
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_schema_knows_every_field_and_no_other() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for (place, text) in [
        ("/properties", "zzz = 1"),
        ("/$defs/condition/properties", "rejected = { zzz = 1 }"),
        ("/$defs/expiry/anyOf/1/properties", "expiry = { zzz = 1 }"),
    ] {
        let known = schema.pointer(place).unwrap().as_object().unwrap();
        let known: BTreeSet<String> = known.keys().cloned().collect();
        assert_eq!(known, offered(text), "{place}");
    }
}

#[test]
fn the_schema_knows_every_choice() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for (place, text) in [
        ("/properties/method", "method = \"zzz\""),
        ("/properties/grant", "grant = \"zzz\""),
        ("/properties/encoding", "encoding = \"zzz\""),
        ("/properties/client_auth", "client_auth = \"zzz\""),
        ("/properties/answer", "answer = \"zzz\""),
        ("/properties/assertion_alg", "assertion_alg = \"zzz\""),
        ("/properties/dpop_alg", "dpop_alg = \"zzz\""),
        ("/properties/reissue", "reissue = \"zzz\""),
        ("/$defs/expiry/anyOf/0", "expiry = \"zzz\""),
        (
            "/$defs/expiry/anyOf/1/properties/unit",
            "expiry = { at = \"x\", unit = \"zzz\" }",
        ),
    ] {
        let error = Profile::from_toml(text).unwrap_err().to_string();
        let (_, offered) = error.split_once("one of ").unwrap();
        let names = schema.pointer(place).unwrap()["enum"].as_array().unwrap();
        let names: Vec<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(names.join(", "), offered, "{place}");
    }
}

#[test]
fn what_the_reader_refuses_the_schema_refuses() {
    let schema = Schema::compiled();
    for line in [
        "token_uri = \"x\"",
        "method = \"DELETE\"",
        "encoding = \"xml\"",
        "client_auth = \"pots\"",
        "default_lifetime = -1",
        "default_lifetime = \"60\"",
        "expiry = [\"exp\"]",
        "expiry = { unit = \"s\" }",
        "token_headers = { a = 1 }",
        "params = { a = 1.5 }",
        "header_value = \"none\"",
        "rejected = {}",
        "refused = {}",
        "grant = \"magic\"",
        "error_at = 1",
        "rejected = { header = \"a\", body = \"b\" }",
        "rejected = { status = 419, zzz = 1 }",
        "send_client_id = \"yes\"",
        "claims = { a = 1.5 }",
        "assertion_key = \"key\"",
        "dpop = \"ES256\"",
    ] {
        let text = format!("token_url = \"https://a/t\"\n{line}\n");
        assert!(Profile::from_toml(&text).is_err(), "{line}");
        assert!(schema.check(&text).is_err(), "{line}");
    }
    assert!(schema.check("name = \"x\"").is_err());
}
