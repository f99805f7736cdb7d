//! How a case's requests are sent.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    adapter::{Adapter, Message, Outcome},
    case::{At, Load, Source},
    stage::Stage,
};

impl<A: Adapter> Stage<A> {
    /// Sends what the case wants sent; the outcomes in the order of sending.
    pub(crate) async fn load(&self, load: Load, message: Message) -> Vec<Outcome> {
        match load {
            Load::InARow(n) => self.in_a_row(n, &message).await,
            Load::Renewed => {
                let first = self.send(message.clone()).await;
                until(|| self.cached.stats().generation >= Some(2)).await;
                vec![first, self.send(message).await]
            }
            Load::Together(n) => self.together(n, &message).await,
            Load::Waiting(n) => self.waiting(n, &message).await,
            Load::Overtaken => {
                let first = self.spawn(message.clone());
                until(|| self.server.journal().api_requests() == 1).await;
                let second = self.send(message).await;
                vec![first.await.unwrap(), second]
            }
            Load::Dropped(at) => self.dropped(at, message).await,
            Load::BesideWaiting(n) => self.beside_waiting(n, message).await,
            Load::BesideRefused(n) => self.beside_refused(n, &message).await,
            Load::For(time) => {
                let (start, mut outcomes) = (Instant::now(), Vec::new());
                while start.elapsed() < time {
                    outcomes.push(self.send(message.clone()).await);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                outcomes
            }
            Load::PlainThread => {
                let (adapter, client) = (self.adapter.clone(), self.client.clone());
                let message = self.named(message);
                let sending = move || block_on(adapter.send(&client, message));
                let thread = tokio::task::spawn_blocking(|| thread::spawn(sending).join());
                vec![thread.await.unwrap().unwrap()]
            }
        }
    }

    async fn in_a_row(&self, n: usize, message: &Message) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for _ in 0..n {
            outcomes.push(self.send(message.clone()).await);
        }
        outcomes
    }

    async fn together(&self, n: usize, message: &Message) -> Vec<Outcome> {
        let hold = self.server.api().hold();
        let sending: Vec<_> = (0..n).map(|_| self.spawn(message.clone())).collect();
        hold.arrived(n).await;
        hold.release();
        let mut outcomes = Vec::new();
        for sent in sending {
            outcomes.push(sent.await.unwrap());
        }
        outcomes
    }

    async fn waiting(&self, n: usize, message: &Message) -> Vec<Outcome> {
        let hold = self.server.token_endpoint().hold();
        let sending: Vec<_> = (0..n).map(|_| self.spawn(message.clone())).collect();
        until(|| self.cached.stats().waits >= n as u64).await;
        hold.release();
        let mut outcomes = Vec::new();
        for sent in sending {
            outcomes.push(sent.await.unwrap());
        }
        outcomes
    }

    async fn dropped(&self, at: At, message: Message) -> Vec<Outcome> {
        let hold = match at {
            At::Fetching => self.server.token_endpoint().hold(),
            At::Sending => self.server.api().hold(),
        };
        let leaving = self.spawn(message.clone());
        hold.arrived(1).await;
        leaving.abort();
        assert!(leaving.await.is_err(), "it has left");
        if at == At::Sending {
            until(|| hold.waiting() == 0).await;
        }
        hold.release();
        // The fetch goes on without its caller.
        self.cached.get().await.unwrap();
        vec![self.send(message).await]
    }

    async fn beside_waiting(&self, n: usize, message: Message) -> Vec<Outcome> {
        let hanging = self.own(Source::Hanging);
        let with = Message {
            with: Some(hanging.clone()),
            without_credential: false,
            ..message.clone()
        };
        let waiting: Vec<_> = (0..n).map(|_| self.spawn(with.clone())).collect();
        until(|| hanging.stats().waits >= n as u64).await;
        let outcomes = self.in_a_row(2, &message).await;
        for one in waiting {
            assert!(!one.is_finished(), "it waits for ever");
            one.abort();
        }
        outcomes
    }

    async fn beside_refused(&self, n: usize, message: &Message) -> Vec<Outcome> {
        let refused = self.refused(message);
        let hold = self.server.token_endpoint().hold();
        let first = self.spawn(refused.clone());
        hold.arrived(1).await;
        let mut outcomes = self.in_a_row(1, message).await;
        hold.release();
        let mut unserved = vec![first.await.unwrap()];
        for _ in 1..n {
            unserved.push(self.send(refused.clone()).await);
            outcomes.push(self.send(message.clone()).await);
        }
        for outcome in unserved {
            let code = self.adapter.code(401);
            let told = matches!(&outcome, Outcome::Answer { code: seen, .. } if *seen == code);
            assert!(told, "its own answer, not {outcome:?}");
        }
        outcomes
    }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// As an executor does that knows nothing of tokio.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}
