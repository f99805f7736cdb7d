//! What an exporter gets.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use hallpass_core::{Cached, Error};
use hallpass_opentelemetry::{
    FETCH_DURATION, Metrics, REJECTIONS, REMAINING, REPLAYS, WAIT_DURATION,
};
use hallpass_testkit::{ManualClock, ScriptedApi, ScriptedSource};
use hallpass_tower::BearerLayer;
use http::Request;
use http_body_util::Empty;
use opentelemetry::{KeyValue, metrics::MeterProvider as _};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, PeriodicReader, SdkMeterProvider,
    data::{AggregatedMetrics, MetricData, ScopeMetrics},
};
use tower::{Layer as _, ServiceExt as _};

struct Meters {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Meters {
    fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        Self { exporter, provider }
    }

    /// Each instrument's name with its attributes, and its count or value.
    fn read(&self) -> BTreeMap<String, f64> {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let mut read = BTreeMap::new();
        for resource in self.exporter.get_finished_metrics().unwrap() {
            for metric in resource.scope_metrics().flat_map(ScopeMetrics::metrics) {
                let name = metric.name();
                match metric.data() {
                    AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                        for point in histogram.data_points() {
                            let attributes = written(point.attributes());
                            read.insert(format!("{name}{attributes}"), point.count() as f64);
                        }
                    }
                    AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                        for point in gauge.data_points() {
                            let attributes = written(point.attributes());
                            read.insert(format!("{name}{attributes}"), point.value());
                        }
                    }
                    AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                        for point in sum.data_points() {
                            let attributes = written(point.attributes());
                            read.insert(format!("{name}{attributes}"), point.value() as f64);
                        }
                    }
                    _ => {}
                }
            }
        }
        read
    }
}

fn written<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let pairs = attributes.map(|pair| format!("{}={}", pair.key, pair.value));
    let mut pairs: Vec<String> = pairs.collect();
    pairs.sort();
    format!("{pairs:?}").replace('"', "")
}

async fn call(cached: &Cached, api: &ScriptedApi) -> Result<u16, hallpass_core::BoxError> {
    let layer = BearerLayer::new(cached.clone()).any_origin();
    let request = Request::get("https://api.example.com/").body(Empty::<Bytes>::new())?;
    let response = layer.layer(api.clone()).oneshot(request).await?;
    Ok(response.status().as_u16())
}

#[tokio::test(start_paused = true)]
async fn each_event_is_in_its_instrument() {
    let meters = Meters::new();
    let metrics = Metrics::new(&meters.provider.meter("test"));
    let source = ScriptedSource::tokens(Duration::from_secs(300));
    let api = ScriptedApi::new(&source);
    let observer = Arc::new(metrics.clone());
    let builder = Cached::builder(source.clone()).clock(ManualClock::running());
    let cached = builder.observer(observer).build();

    assert_eq!(call(&cached, &api).await.unwrap(), 200);
    source.revoke_all();
    assert_eq!(call(&cached, &api).await.unwrap(), 200);
    let read = meters.read();
    let name = &cached.description().name;
    let of = |instrument: &str, rest: &str| {
        let attributes = format!("hallpass.source={name}");
        let attributes = match rest {
            "" => attributes,
            rest if rest < "hallpass.source" => format!("{rest}, {attributes}"),
            rest => format!("{attributes}, {rest}"),
        };
        read.get(&format!("{instrument}[{attributes}]")).copied()
    };
    assert_eq!(
        of(FETCH_DURATION, "hallpass.reason=first"),
        Some(1.0),
        "{read:?}"
    );
    assert_eq!(of(FETCH_DURATION, "hallpass.reason=rejected"), Some(1.0));
    assert_eq!(of(WAIT_DURATION, ""), Some(2.0));
    assert_eq!(of(REJECTIONS, ""), Some(1.0));
    assert_eq!(of(REPLAYS, "hallpass.cause=renewed"), Some(1.0));
    assert!(
        of(REMAINING, "").is_some_and(|left| left > 200.0),
        "{read:?}"
    );
    assert!(
        read.keys().all(|key| !key.contains("error.type")),
        "{read:?}"
    );

    source.down(Error::transient("gone").with_type("http_503"));
    tokio::time::advance(Duration::from_secs(400)).await;
    assert!(call(&cached, &api).await.is_err());
    let read = meters.read();
    let failed = read
        .iter()
        .find(|(key, _)| key.contains("error.type=http_503"));
    let (key, count) = failed.expect("a failure");
    assert!(
        key.contains("hallpass.reason=expired") && *count >= 1.0,
        "{key}"
    );
    assert!(
        read.keys().all(|key| !key.starts_with(REMAINING)),
        "{read:?}"
    );

    // What is gone is looked at no more.
    drop(cached);
    assert!(format!("{metrics:?}").contains("remaining: {}"));
}
