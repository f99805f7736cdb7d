//! The key that seals the cache: of the environment, or of a file beside it.

use std::{env, fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass::shared::{KEY_LEN, Key};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::{OPERATION_DEADLINE, folder};
use crate::exit::{Exit, Failure};

/// Holds the key in base64, where the home folder is not the place for it.
const VARIABLE: &str = "HALLPASS_CACHE_KEY";

/// The key, made and kept in a file if there is none.
pub(super) fn read(folder: &Path) -> Result<Key, Failure> {
    if let Ok(text) = env::var(VARIABLE) {
        let text = Zeroizing::new(text);
        return Key::from_base64(&text)
            .map_err(|error| Failure::configuration(format!("{VARIABLE}: {error}")));
    }
    let path = folder.join("key");
    let failed = |error: io::Error| {
        // Another command that holds the lock goes on sometime; nothing else passes by itself.
        let exit = match error.kind() {
            io::ErrorKind::TimedOut => Exit::Unreachable,
            _ => Exit::Configuration,
        };
        Failure::new(exit, format!("--cache: {}: {error}", path.display()))
    };
    // Two commands that begin at the same time must not each make one.
    let _lock = folder::lock(&folder.join("key.lock"), OPERATION_DEADLINE).map_err(failed)?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => {
            let instead = "delete it, and with it what it seals";
            folder::check_owner(&path, folder::OTHERS_AT_ALL, instead)?;
            Zeroizing::new(text)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = new()?;
            folder::replace(&path, text.as_bytes()).map_err(failed)?;
            text
        }
        Err(error) => return Err(failed(error)),
    };
    Key::from_base64(&text)
        .map_err(|error| Failure::configuration(format!("{}: {error}", path.display())))
}

fn new() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    SystemRandom::new()
        .fill(&mut *bytes)
        .map_err(|_| Failure::configuration("the system gives no random numbers"))?;
    Ok(Zeroizing::new(STANDARD.encode(*bytes)))
}
