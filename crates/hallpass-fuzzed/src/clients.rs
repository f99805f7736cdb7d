//! The clients of a program in TOML.

use hallpass::Clients;

use crate::offline::{MARK, Offline, TOKEN, check_debug, check_error, run};

/// The clients of a program in TOML.
pub fn clients(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // A device is a file without an end.
    if ["/dev", "/proc", "/sys"]
        .iter()
        .any(|folder| text.contains(folder))
    {
        return;
    }
    // A name or a text that has the mark may be shown; a value may not.
    let in_value = text.matches(MARK).count() == text.matches("{ value = \"Zq9").count();
    let secrets = if in_value { &[MARK][..] } else { &[] };
    let clients = match Clients::from_toml(text) {
        Ok(clients) => clients,
        Err(error) => return check_error(&error, bytes, secrets),
    };
    check_debug(&clients, bytes, secrets);
    for name in clients.names().take(4) {
        let config = clients.config(name).unwrap();
        check_debug(config, bytes, secrets);
        let outcome = run(async {
            let cached = clients.get_over(name, Offline::ok(TOKEN))?;
            check_debug(&cached, bytes, secrets);
            cached.get().await
        });
        match outcome {
            Ok(credential) => check_debug(&credential, bytes, secrets),
            Err(error) => check_error(&error, bytes, secrets),
        }
    }
}
