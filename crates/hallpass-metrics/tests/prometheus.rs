//! What Prometheus gets when it scrapes, and that the dashboard asks for nothing else.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass_core::{Cached, Error};
use hallpass_metrics::{
    DASHBOARD, FETCH_DURATION, Metrics, REJECTIONS, REMAINING, REPLAYS, WAIT_DURATION,
};
use hallpass_testkit::{ManualClock, ScriptedApi, ScriptedSource};
use hallpass_tower::BearerLayer;
use http::{Request, StatusCode};
use http_body_util::Empty;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tower::{Layer as _, ServiceExt as _};

/// Runs with a recorder that only this thread has.
fn with_prometheus<F: Future<Output = ()>>(test: impl FnOnce(PrometheusHandle) -> F) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    metrics::with_local_recorder(&recorder, || runtime.block_on(test(handle)));
}

fn observed(source: &ScriptedSource, metrics: &Metrics) -> Cached {
    let metrics = Arc::new(metrics.clone());
    let builder = Cached::builder(source.clone()).clock(ManualClock::running());
    builder.observer(metrics).build()
}

async fn call(cached: &Cached, api: &ScriptedApi) -> Result<StatusCode, hallpass_core::BoxError> {
    let layer = BearerLayer::new(cached.clone()).any_origin();
    let request = Request::get("https://api.example.com/").body(Empty::<Bytes>::new())?;
    let response = layer.layer(api.clone()).oneshot(request).await?;
    Ok(response.status())
}

/// The samples of a scrape without their values, and those values.
fn value(scrape: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let line = scrape.lines().find(|line| {
        let ends = |rest: &str| rest.starts_with('{') || rest.starts_with(' ');
        line.strip_prefix(name).is_some_and(ends) && labels.iter().all(|label| line.contains(label))
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn one_call_of_each_kind_is_counted_once() {
    with_prometheus(|prometheus| async move {
        let metrics = Metrics::default();
        let source = ScriptedSource::tokens(Duration::from_secs(300));
        let api = ScriptedApi::new(&source);
        let cached = observed(&source, &metrics);

        assert_eq!(call(&cached, &api).await.unwrap(), 200);
        let first = prometheus.render();
        let count = format!("{FETCH_DURATION}_count");
        assert_eq!(
            value(&first, &count, &["reason=\"first\""]),
            Some(1.0),
            "{first}"
        );
        assert_eq!(
            value(&first, &format!("{WAIT_DURATION}_count"), &[]),
            Some(1.0)
        );
        assert_eq!(value(&first, REPLAYS, &[]), None);
        assert!(!first.contains("error_type"), "{first}");

        // What the credential in hand serves says nothing.
        for _ in 0..100 {
            assert_eq!(call(&cached, &api).await.unwrap(), 200);
        }
        assert_eq!(prometheus.render(), first);

        source.revoke_all();
        assert_eq!(call(&cached, &api).await.unwrap(), 200);
        let healed = prometheus.render();
        assert_eq!(value(&healed, REJECTIONS, &[]), Some(1.0), "{healed}");
        assert_eq!(value(&healed, REPLAYS, &["cause=\"renewed\""]), Some(1.0));
        assert_eq!(value(&healed, &count, &["reason=\"rejected\""]), Some(1.0));
        assert!(
            !healed.contains("error_type"),
            "what healed is no failure: {healed}"
        );

        metrics.collect();
        let before = value(&prometheus.render(), REMAINING, &[]).unwrap();
        tokio::time::advance(Duration::from_secs(100)).await;
        metrics.collect();
        let after = value(&prometheus.render(), REMAINING, &[]).unwrap();
        assert!((before - after - 100.0).abs() < 1.0, "{before} {after}");

        tokio::time::advance(Duration::from_secs(300)).await;
        metrics.collect();
        let ended = value(&prometheus.render(), REMAINING, &[]);
        assert!(ended.is_some_and(f64::is_nan), "{ended:?}");
        assert_eq!(call(&cached, &api).await.unwrap(), 200);
        let expired = prometheus.render();
        assert_eq!(value(&expired, &count, &["reason=\"expired\""]), Some(1.0));
    });
}

#[test]
fn a_refused_client_is_one_failed_fetch_however_many_callers() {
    with_prometheus(|prometheus| async move {
        let metrics = Metrics::default();
        let source = ScriptedSource::tokens(Duration::from_secs(300));
        let refused = Error::permanent("no such client").with_type("invalid_client");
        source.fail_next(1, refused);
        let api = ScriptedApi::new(&source);
        let cached = observed(&source, &metrics);
        for _ in 0..3 {
            assert!(call(&cached, &api).await.is_err());
        }
        let scrape = prometheus.render();
        let count = format!("{FETCH_DURATION}_count");
        let labels = ["error_type=\"invalid_client\"", "reason=\"first\""];
        assert_eq!(value(&scrape, &count, &labels), Some(1.0), "{scrape}");
    });
}

#[test]
fn the_dashboard_asks_for_what_a_scrape_has() {
    with_prometheus(|prometheus| async move {
        let metrics = Metrics::default();
        let source = ScriptedSource::tokens(Duration::from_secs(300));
        let api = ScriptedApi::new(&source);
        let cached = observed(&source, &metrics);
        assert_eq!(call(&cached, &api).await.unwrap(), 200);
        source.revoke_all();
        assert_eq!(call(&cached, &api).await.unwrap(), 200);
        let failing = ScriptedSource::tokens(Duration::from_secs(300));
        failing.fail_next(1, Error::permanent("no"));
        assert!(observed(&failing, &metrics).get().await.is_err());

        let scrape = scraped(&prometheus, &metrics).await;
        let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
        let mut asked = BTreeSet::new();
        let panels = dashboard["panels"].as_array().unwrap();
        for panel in panels {
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                let words = query.split(|char: char| !char.is_alphanumeric() && char != '_');
                let names = words.filter(|word| word.starts_with("hallpass_"));
                asked.extend(names.map(str::to_owned));
                for label in ["source", "reason", "error_type", "cause"] {
                    let is_there = scrape.contains(&format!("{label}=\""));
                    assert!(!query.contains(label) || is_there, "{query}");
                }
            }
        }
        assert!(asked.len() >= 7, "{asked:?}");
        for name in &asked {
            assert!(
                value(&scrape, name, &[]).is_some(),
                "{name} is not in\n{scrape}"
            );
        }
        // And nothing is measured that it does not show.
        for name in [
            FETCH_DURATION,
            WAIT_DURATION,
            REJECTIONS,
            REPLAYS,
            REMAINING,
        ] {
            assert!(asked.iter().any(|asked| asked.starts_with(name)), "{name}");
            assert!(scrape.contains(&format!("# TYPE {name} ")), "{scrape}");
        }
    });
}

/// What comes over a socket when `/metrics` is asked for.
async fn scraped(prometheus: &PrometheusHandle, metrics: &Metrics) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let read = stream.read(&mut request).await.unwrap();
        assert!(request[..read].starts_with(b"GET /metrics "));
        metrics.collect();
        let body = prometheus.render();
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let ((), answer) = tokio::join!(server, client);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"));
    body.to_owned()
}
