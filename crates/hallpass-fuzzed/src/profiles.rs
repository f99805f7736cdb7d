//! Profiles in TOML: whatever one says, its requests show the secret only where it may stand.

use hallpass_oauth2::Profile;

use crate::offline::{Offline, SECRET, TOKEN, check_credential, check_debug, check_error, fetch};

/// A profile in TOML.
pub fn profiles(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // The fuzzer learns the words, and what a profile says itself may be shown.
    if text.contains(SECRET) {
        return;
    }
    let profile = match Profile::from_toml(text) {
        Ok(profile) => profile,
        Err(error) => return check_error(&error, bytes, &[]),
    };
    check_debug(&profile, bytes, &[]);
    let secret_in_url = profile.secret_in_url;
    let transport = Offline::ok(TOKEN);
    let source = match profile.client("my-client", SECRET).build(transport.clone()) {
        Ok(source) => source,
        Err(error) => return check_error(&error, bytes, &[SECRET]),
    };
    check_debug(&source, bytes, &[SECRET]);
    match fetch(&source) {
        Ok(credential) => check_credential(&credential, bytes),
        Err(error) => check_error(&error, bytes, &[SECRET]),
    }
    for request in transport.sent() {
        let uri = request.uri().to_string();
        assert!(uri.starts_with("https://") || uri.starts_with("http://"));
        assert!(secret_in_url || !uri.contains(SECRET), "{uri}");
        assert!(!format!("{:?}", request.headers()).contains(SECRET));
        assert!(request.body().len() <= 2 * 1024 * 1024 + 40 * bytes.len());
    }
}
