//! How many calls, how many at the same time, and how far apart.

use std::time::Duration;

use super::common::{call_generic, generic};

#[tokio::test]
async fn calls_start_an_interval_apart() {
    let (server, args) = generic().await;
    // Far slower than the interval: calls that waited for each other would take more than 3 s.
    server.api().delay(Duration::from_millis(400));
    let more = "--repeat 10 --concurrency 10 --interval 50ms".split(' ');
    let run = call_generic(&args, &more.collect::<Vec<_>>()).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    let journal = server.journal();
    // The first waits for the token, which shifts it against the rest.
    let starts: Vec<Duration> = journal.api().skip(1).map(|entry| entry.at).collect();
    let span = starts[8].checked_sub(starts[0]).unwrap();
    assert!(span >= Duration::from_millis(300), "{starts:?}");
    assert!(span < Duration::from_millis(2500), "{starts:?}");
}

#[tokio::test]
async fn no_more_than_so_many_at_once() {
    let (server, args) = generic().await;
    let delay = Duration::from_millis(300);
    server.api().delay(delay);
    let run = call_generic(&args, &["--repeat", "9", "--concurrency", "3"]).await;
    assert_eq!(run.totals()["calls"], 9);
    let journal = server.journal();
    let starts: Vec<Duration> = journal.api().map(|entry| entry.at).collect();
    for (n, start) in starts.iter().enumerate() {
        let at_once = starts[..n].iter().filter(|other| **other + delay > *start);
        assert!(at_once.count() < 3, "{starts:?}");
    }
    // Three rounds, and not nine.
    let span = starts[8].checked_sub(starts[0]).unwrap();
    assert!(span < Duration::from_secs(2), "{starts:?}");
}

#[tokio::test]
async fn one_after_the_other_unless_told() {
    let (server, args) = generic().await;
    let run = call_generic(&args, &["--repeat", "4"]).await;
    let order: Vec<u64> = run
        .calls
        .iter()
        .map(|call| call["call"].as_u64().unwrap())
        .collect();
    assert_eq!(order, [0, 1, 2, 3]);
    assert_eq!(
        run.totals,
        r#"{"calls":4,"statuses":{"200":4},"token_requests":1,"rejections":0,"waits":1,"replays":0,"failures":0}"#
    );
    let journal = server.journal();
    let first = journal.api().next().unwrap().connection;
    assert!(journal.api().all(|entry| entry.connection == first));
}

#[tokio::test]
async fn a_line_comes_when_its_call_ends() {
    let (server, args) = generic().await;
    server.api().delay_next(1, Duration::from_millis(300));
    let run = call_generic(&args, &["--repeat", "3", "--concurrency", "2"]).await;
    // The first call took the longest, so that others overtook it.
    assert_ne!(run.calls[0]["ms"], run.calls[2]["ms"]);
    let slowest = run.calls.last().unwrap();
    assert!(slowest["ms"].as_f64().unwrap() >= 300.0, "{}", run.stdout);
}
