//! What a program prints for an `ExecCredential`: never shown, and taken by no other rule than
//! another parser's.

use std::{fs, path::PathBuf, thread};

use hallpass_core::{CredentialSource as _, Fetch};
use hallpass_oauth2::Exec;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::offline::{MARK, check_credential, shown};

thread_local! {
    /// A program takes its time, so this one is not paused.
    static REAL: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
    static FILE: Printed = Printed::new();
}

/// What the program prints. It goes away with the thread.
struct Printed(PathBuf);

impl Printed {
    fn new() -> Self {
        let name = format!(
            "hallpass-exec-{}-{:?}",
            std::process::id(),
            thread::current().id()
        );
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Printed {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

/// What a program prints.
pub fn exec(bytes: &[u8]) {
    let outcome = FILE.with(|file| {
        fs::write(&file.0, bytes).unwrap();
        let source = Exec::program("cat").args([file.0.as_os_str()]);
        REAL.with(|runtime| runtime.block_on(source.fetch(&Fetch::first())))
    });
    match outcome {
        Ok(credential) => {
            check_credential(&credential, bytes);
            // In what nobody reads, another parser may mind what ours passes over.
            let Ok(printed) = serde_json::from_slice::<Value>(bytes) else {
                return;
            };
            let token = printed["status"]["token"].as_str().unwrap();
            assert_eq!(
                credential.header_value().to_str().unwrap(),
                format!("Bearer {token}")
            );
        }
        Err(error) => {
            let shown = shown(&error);
            assert!(shown.len() < 4096 && !shown.contains(MARK), "{shown}");
        }
    }
}
