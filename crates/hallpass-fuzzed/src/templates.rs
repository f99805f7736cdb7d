//! Templates, in every place that takes one: bounded, and a text without names stands for itself.

use hallpass_oauth2::{ClientAuth, Encoding, Param, Profile, Secret};
use serde_json::Value;

use crate::offline::{Offline, SECRET, TOKEN, check_credential, check_error, fetch};

/// What one template may grow to, with room for how JSON writes it.
const MOST: usize = 8 * 1024 * 1024;

/// A template.
pub fn templates(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // The fuzzer learns the words, and what a template says itself may be shown.
    if text.contains(SECRET) {
        return;
    }
    for place in 0..5 {
        let mut profile = plain();
        let text = text.to_owned();
        match place {
            0 => profile
                .params
                .push(("filled".to_owned(), Param::from(text))),
            1 => profile.token_headers.push(("x-filled".to_owned(), text)),
            2 => profile.header_value = text,
            3 => profile.api_headers.push(("x-filled".to_owned(), text)),
            _ => profile.token_url = text,
        }
        drop(asked(&profile, bytes));
    }
    // Doubled braces stand for themselves, and so does everything else.
    let mut profile = plain();
    let literal = text.replace('{', "{{").replace('}', "}}");
    profile
        .params
        .push(("filled".to_owned(), Param::from(literal)));
    if let Some(body) = asked(&profile, bytes) {
        let body: Value = serde_json::from_slice(&body).unwrap();
        // An empty value leaves a parameter out.
        assert_eq!(body["filled"].as_str().unwrap_or_default(), text);
    } else {
        assert!(text.len() > 1024 * 1024, "a literal is refused");
    }
}

/// A profile that knows a variable and a secret one.
fn plain() -> Profile {
    let mut profile = Profile::default();
    "https://auth.example.com/token".clone_into(&mut profile.token_url);
    profile.encoding = Encoding::Json;
    profile.client_auth = ClientAuth::Custom;
    profile.params = vec![
        ("id".to_owned(), Param::from("{client_id}{client_secret}")),
        ("variables".to_owned(), Param::from("{v}{s}")),
    ];
    let secret: Secret = SECRET.into();
    profile.var("v", "value {v} of \"v\"").var("s", secret)
}

/// What the body of the request is, if there is one.
fn asked(profile: &Profile, bytes: &[u8]) -> Option<Vec<u8>> {
    let transport = Offline::ok(TOKEN);
    let built = profile.client("my-client", SECRET).build(transport.clone());
    let outcome = built.and_then(|source| fetch(&source));
    match outcome {
        Ok(credential) => check_credential(&credential, bytes),
        Err(error) => check_error(&error, bytes, &[SECRET]),
    }
    let mut sent = transport.sent();
    for request in &sent {
        assert!(request.body().len() <= MOST);
        assert!(!format!("{:?}", request.headers()).contains(SECRET));
        assert!(!request.uri().to_string().contains(SECRET));
    }
    Some(sent.pop()?.into_body().to_vec())
}
