//! The same for programs without a runtime.
//!
//! ```no_run
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use hallpass::Secret;
//!
//! let atlar = atlar_example::Atlar::builder()
//!     .credentials(Secret::env("ATLAR_ACCESS_KEY"), Secret::env("ATLAR_SECRET"))
//!     .build()?;
//! let atlar = atlar_example::blocking::Atlar::new(atlar)?;
//! for account in atlar.accounts() {
//!     println!("{}", account?.name);
//! }
//! # Ok(())
//! # }
//! ```

use std::{collections::VecDeque, fmt, io, sync::Arc};

use tokio::runtime::{Builder, Runtime};

use crate::{Account, Accounts, Error, Transfer, TransferRequest};

/// A client whose calls return when they are done. Clones share its runtime, and any thread may call.
#[derive(Clone)]
pub struct Atlar {
    atlar: crate::Atlar,
    /// One thread of its own, so that a token is renewed while no call is under way.
    runtime: Arc<Runtime>,
}

impl Atlar {
    /// A client that runs this one.
    ///
    /// # Errors
    /// If the operating system has no thread for it.
    pub fn new(atlar: crate::Atlar) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("atlar")
            .enable_all()
            .build()?;
        let runtime = Arc::new(runtime);
        Ok(Self { atlar, runtime })
    }

    /// The accounts one by one; a page is fetched when the one before is used up.
    pub fn accounts(&self) -> impl Iterator<Item = Result<Account, Error>> {
        Pages {
            runtime: Arc::clone(&self.runtime),
            accounts: Some(self.atlar.accounts()),
            ready: VecDeque::new(),
        }
    }

    /// Makes a transfer under this idempotency key.
    ///
    /// # Errors
    /// As [`CreateTransfer::send`](crate::CreateTransfer::send).
    ///
    /// # Panics
    /// On a thread that drives a tokio runtime, which it would stop: use [`crate::Atlar`] there.
    pub fn transfer(&self, transfer: TransferRequest, key: &str) -> Result<Transfer, Error> {
        let transfer = self.atlar.create_transfer(transfer).idempotency_key(key);
        self.runtime.block_on(transfer.send())
    }
}

struct Pages {
    runtime: Arc<Runtime>,
    /// None after the last one, or an error.
    accounts: Option<Accounts>,
    ready: VecDeque<Account>,
}

impl Iterator for Pages {
    type Item = Result<Account, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(account) = self.ready.pop_front() {
                return Some(Ok(account));
            }
            let accounts = self.accounts.as_mut()?;
            match self.runtime.block_on(accounts.next_page()) {
                Ok(Some(page)) => self.ready = page.into(),
                Ok(None) => self.accounts = None,
                Err(error) => {
                    self.accounts = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl fmt::Debug for Atlar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.atlar.fmt(f)
    }
}
