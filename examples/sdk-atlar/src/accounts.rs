//! Accounts, in pages or as a stream.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::{Atlar, Error};

const PATH: &str = "/financial-data/v2/accounts";

/// A bank account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// Atlar's id of it.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The currency's code, such as `EUR`.
    pub currency: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Account>,
    #[serde(default)]
    next_token: String,
}

/// All accounts, of which a page is fetched when it is asked for.
#[must_use = "nothing is fetched before a page is asked for"]
pub struct Accounts {
    atlar: Atlar,
    limit: Option<u32>,
    /// What the next page is asked for with; none behind the last one.
    next: Option<String>,
    seen: HashSet<String>,
}

impl Accounts {
    pub(crate) fn new(atlar: Atlar) -> Self {
        Self {
            atlar,
            limit: None,
            next: Some(String::new()),
            seen: HashSet::new(),
        }
    }

    /// How many accounts a page has at most.
    pub fn limit(mut self, accounts: u32) -> Self {
        self.limit = Some(accounts);
        self
    }

    /// The next page; none behind the last one.
    ///
    /// # Errors
    /// If it can't be had. The same page is asked for again then.
    ///
    /// # Cancel safety
    /// The same page is asked for again if the future is dropped.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Account>>, Error> {
        let Some(token) = &self.next else {
            return Ok(None);
        };
        let token = utf8_percent_encode(token, NON_ALPHANUMERIC);
        let path = match self.limit {
            Some(limit) => format!("{PATH}?limit={limit}&token={token}"),
            None => format!("{PATH}?token={token}"),
        };
        let page: Page = self.atlar.get(&path).await?;
        self.next = Some(page.next_token).filter(|token| !token.is_empty());
        if let Some(token) = &self.next
            && !self.seen.insert(token.clone())
        {
            self.next = None;
            return Err(Error::endless());
        }
        Ok(Some(page.items))
    }

    /// The accounts one by one.
    pub fn into_stream(self) -> AccountStream {
        AccountStream {
            ready: VecDeque::new(),
            state: State::Idle(self),
        }
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("pages", &self.seen.len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The accounts one by one; ends after an error.
#[must_use = "streams do nothing unless polled"]
pub struct AccountStream {
    ready: VecDeque<Account>,
    state: State,
}

type Fetch = dyn Future<Output = (Accounts, Result<Option<Vec<Account>>, Error>)> + Send;

enum State {
    Idle(Accounts),
    Fetching(Pin<Box<Fetch>>),
    Done,
}

impl Stream for AccountStream {
    type Item = Result<Account, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(account) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(account)));
            }
            match mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Idle(mut accounts) => {
                    self.state = State::Fetching(Box::pin(async move {
                        let page = accounts.next_page().await;
                        (accounts, page)
                    }));
                }
                State::Fetching(mut fetch) => {
                    let Poll::Ready((accounts, page)) = fetch.as_mut().poll(context) else {
                        self.state = State::Fetching(fetch);
                        return Poll::Pending;
                    };
                    match page {
                        Ok(None) => {}
                        Ok(Some(page)) => {
                            self.ready = page.into();
                            self.state = State::Idle(accounts);
                        }
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
            }
        }
    }
}

impl fmt::Debug for AccountStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountStream")
            .field("ready", &self.ready.len())
            .finish_non_exhaustive()
    }
}
