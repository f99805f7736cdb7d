//! The connection that tells of publications.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_core::Stream as _;
use hallpass_shared::{Name, News};
use redis::Msg;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::place::Place;

/// Between two attempts to listen.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a silent connection is asked whether it still lives, and how long it may take to answer.
const PING: Duration = Duration::from_secs(15);
const PONG: Duration = Duration::from_secs(5);

/// Listens once somebody waits, and for as long as it exists.
pub(crate) struct Listener {
    place: Arc<Place>,
    channel: String,
    news: Arc<News>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Listener {
    pub(crate) fn new(place: Arc<Place>, channel: String) -> Self {
        Self {
            place,
            channel,
            news: Arc::default(),
            task: Mutex::default(),
        }
    }

    pub(crate) async fn wait(&self, name: &Name, seen: u64) {
        self.start();
        self.news.wait(name, seen).await;
    }

    /// Starts the task unless it runs; a runtime that ended has taken it along.
    fn start(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            let place = Arc::clone(&self.place);
            let news = Arc::clone(&self.news);
            *task = Some(tokio::spawn(listen(place, self.channel.clone(), news)));
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            task.abort();
        }
    }
}

async fn listen(place: Arc<Place>, channel: String, news: Arc<News>) {
    loop {
        if let Err(error) = listen_once(&place, &channel, &news).await {
            tracing::debug!(target: "hallpass", error = error.category(), "no news from Redis");
        }
        // Some may have been missed.
        news.doubt();
        sleep(PAUSE).await;
    }
}

async fn listen_once(place: &Place, channel: &str, news: &News) -> Result<(), redis::RedisError> {
    let subscribed = timeout(PONG, async {
        let client = place.news_client().await?;
        let (mut sink, messages) = client.get_async_pubsub().await?.split();
        sink.subscribe(channel).await?;
        Ok::<_, redis::RedisError>((sink, messages))
    });
    let Ok(subscribed) = subscribed.await else {
        return Ok(());
    };
    let (mut sink, mut messages) = subscribed?;
    news.doubt();
    loop {
        let message = std::future::poll_fn(|context| Pin::new(&mut messages).poll_next(context));
        tokio::select! {
            message = message => match message {
                Some(message) => tell(news, &message),
                None => return Ok(()),
            },
            () = sleep(PING) => match timeout(PONG, sink.ping::<redis::Value>()).await {
                Ok(pong) => drop(pong?),
                Err(_) => return Ok(()),
            },
        }
    }
}

/// `<name in hex> <generation>`.
fn tell(news: &News, message: &Msg) {
    let parsed = std::str::from_utf8(message.get_payload_bytes())
        .ok()
        .and_then(|text| text.split_once(' '))
        .and_then(|(name, generation)| Some((Name::from_hex(name)?, generation.parse().ok()?)));
    if let Some((name, generation)) = parsed {
        news.tell(&name, generation);
    }
}
