//! What a source learns that shares its credentials with others.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hallpass_core::{Cached, Challenges, Credential, CredentialSource, Error, Fetch, Reason};
use tokio::sync::Notify;

const LIFETIME: Duration = Duration::from_secs(300);

/// Why, and in place of which credential.
type Asked = (Reason, Option<u64>);

#[derive(Clone, Default)]
struct Issuer {
    issued: Arc<AtomicU64>,
    asked: Arc<Mutex<Vec<Asked>>>,
    news: Arc<Notify>,
}

impl CredentialSource for Issuer {
    async fn fetch(&self, why: &Fetch) -> Result<Credential, Error> {
        let replaced = why.replaces().map(Credential::generation);
        self.asked.lock().unwrap().push((why.reason(), replaced));
        let number = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Credential::bearer(&format!("token-{number}"))?.lives_for(LIFETIME))
    }

    fn news(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let news = Arc::clone(&self.news);
        Box::pin(async move { news.notified().await })
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_knows_what_it_replaces() {
    let issuer = Issuer::default();
    let cached = Cached::new(issuer.clone());
    cached.get().await.unwrap();
    cached.renew().await.unwrap();
    let second = cached.get().await.unwrap();
    cached.accept(&second);
    tokio::time::sleep(Duration::from_secs(20)).await;
    cached.reject(&second, &Challenges::default());
    cached.get().await.unwrap();
    tokio::time::sleep(2 * LIFETIME).await;
    cached.get().await.unwrap();
    assert_eq!(
        *issuer.asked.lock().unwrap(),
        [
            (Reason::First, None),
            (Reason::Ahead, Some(1)),
            (Reason::Rejected, Some(2)),
            (Reason::Expired, None),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn kept_warm_it_follows_news_at_once() {
    let issuer = Issuer::default();
    let cached = Cached::new(issuer.clone());
    let warm = cached.keep_warm().unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(cached.try_get().unwrap().token(), Some("token-1"));
    issuer.news.notify_one();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cached.try_get().unwrap().token(), Some("token-2"));
    assert_eq!(issuer.asked.lock().unwrap()[1], (Reason::Ahead, Some(1)));
    // Without more of it nothing happens before the renewal is due.
    tokio::time::sleep(LIFETIME / 2).await;
    assert_eq!(issuer.issued.load(Ordering::Relaxed), 2);
    drop(warm);
}
