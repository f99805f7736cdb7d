//! The processes, and what they say.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use hallpass::BoxError;

use crate::replica::Settings;

pub(crate) struct Fleet {
    replicas: Vec<Replica>,
    heard: Arc<Mutex<Heard>>,
}

struct Replica {
    child: Child,
    alive: bool,
}

/// What all have said so far.
#[derive(Default)]
pub(crate) struct Heard {
    /// The number of each one's last token.
    pub(crate) tokens: Vec<Option<u64>>,
    pub(crate) calls: u64,
    /// How many of them had to wait for a token.
    pub(crate) waits: u64,
    pub(crate) failures: Vec<String>,
    /// Who fetched last on behalf of all.
    pub(crate) holder: Option<usize>,
}

impl Fleet {
    pub(crate) fn start(count: usize, settings: &Settings) -> Result<Self, BoxError> {
        let heard = Arc::new(Mutex::new(Heard {
            tokens: vec![None; count],
            ..Heard::default()
        }));
        let mut fleet = Self {
            replicas: Vec::new(),
            heard,
        };
        for number in 0..count {
            let mut child = Command::new(env::current_exe()?)
                .envs(settings.environment())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()?;
            if let Some(output) = child.stdout.take() {
                let heard = Arc::clone(&fleet.heard);
                thread::spawn(move || {
                    for line in BufReader::new(output).lines().map_while(Result::ok) {
                        lock(&heard).note(number, &line);
                    }
                });
            }
            fleet.replicas.push(Replica { child, alive: true });
        }
        Ok(fleet)
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard)
    }

    /// Begins a new count.
    pub(crate) fn forget(&self) {
        let mut heard = self.heard();
        heard.calls = 0;
        heard.waits = 0;
        heard.failures.clear();
        heard.holder = None;
    }

    /// The one token that all living replicas have, if it is one.
    pub(crate) fn common_token(&self, except: Option<usize>) -> Option<u64> {
        let heard = self.heard();
        let living = self.replicas.iter().zip(&heard.tokens).enumerate();
        let mut tokens = living
            .filter(|(number, (replica, _))| replica.alive && Some(*number) != except)
            .map(|(_, (_, token))| *token);
        let first = tokens.next()??;
        tokens.all(|token| token == Some(first)).then_some(first)
    }

    pub(crate) fn token_of(&self, number: usize) -> Option<u64> {
        self.heard().tokens.get(number).copied().flatten()
    }

    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(replica) = self.replicas.get_mut(number) {
            replica.alive = false;
            let _ = replica.child.kill();
            let _ = replica.child.wait();
        }
    }

    pub(crate) fn process(&self, number: usize) -> Option<u32> {
        self.replicas.get(number).map(|replica| replica.child.id())
    }
}

impl Heard {
    fn note(&mut self, number: usize, line: &str) {
        match line.split_once(' ') {
            None if line == "fetch" => self.holder = Some(number),
            Some((call @ ("call" | "wait"), token)) => {
                self.calls += 1;
                self.waits += u64::from(call == "wait");
                self.tokens[number] = token.parse().ok();
            }
            _ => self.failures.push(format!("process {number}: {line}")),
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for replica in &mut self.replicas {
            let _ = replica.child.kill();
            let _ = replica.child.wait();
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a signal by its name.
pub(crate) fn signal(process: u32, signal: &str) -> Result<(), BoxError> {
    let status = Command::new("kill")
        .args([format!("-{signal}"), process.to_string()])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("process {process} could not be sent {signal}").into())
    }
}
