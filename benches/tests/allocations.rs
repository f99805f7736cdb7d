//! Exact counts of allocations on the path with a fresh credential. Nothing is timed.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::convert::Infallible;

use allocation_counter::AllocationInfo;
use bytes::Bytes;
use hallpass_benches::{
    Noop, at_once,
    contenders::{Tenant, fixed, warm_tenants},
    request, warm,
};
use hallpass_tower::BearerLayer;
use http::Request;
use http_body_util::Full;
use tower::{Layer as _, Service};

/// What one request takes, after two that set up what threads keep.
fn count<S>(service: S, room: usize) -> u64
where
    S: Service<Request<Full<Bytes>>>,
{
    let requests = [(); 3].map(|()| {
        let mut request = request().unwrap();
        request.headers_mut().reserve(room);
        request
    });
    count_last(service, requests)
}

fn count_last<S>(mut service: S, requests: [Request<Full<Bytes>>; 3]) -> u64
where
    S: Service<Request<Full<Bytes>>>,
{
    let [first, second, third] = requests;
    for request in [first, second] {
        assert!(at_once(service.call(request)).unwrap().is_ok());
    }
    let mut outcome = None;
    let info: AllocationInfo = allocation_counter::measure(|| {
        outcome = at_once(service.call(third));
    });
    assert!(outcome.unwrap().is_ok());
    info.count_total
}

fn header() -> impl Service<Request<Full<Bytes>>, Error = hallpass_tower::Error<Infallible>> {
    BearerLayer::new(warm().unwrap())
        .without_replay()
        .layer(Noop)
}

fn replay() -> impl Service<Request<Full<Bytes>>, Error = hallpass_tower::Error<Infallible>> {
    BearerLayer::new(warm().unwrap()).layer(Noop)
}

#[test]
fn the_inner_service_itself_allocates_nothing() {
    assert_eq!(count(Noop, 0), 0);
}

#[test]
fn a_header_is_attached_without_allocating() {
    assert_eq!(count(header(), 2), 0);
}

#[test]
fn a_request_is_kept_for_a_replay_in_one_allocation() {
    let allocations = count(replay(), 2);
    assert!(allocations <= 1, "{allocations}");
}

/// Six headers fill a header map; whoever adds a seventh makes it grow.
#[test]
fn a_full_header_map_grows_as_it_does_for_a_static_token() {
    let floor = count(fixed().layer(Noop), 0);
    assert_eq!(count(header(), 0), floor);
    let allocations = count(replay(), 0);
    assert!(allocations <= floor + 1, "{allocations}, static {floor}");
}

#[test]
fn a_key_is_found_without_allocating() {
    let service = BearerLayer::keyed(warm_tenants().unwrap())
        .any_origin()
        .without_replay()
        .layer(Noop);
    let requests = [1, 2, 1].map(|tenant| {
        let mut request = request().unwrap();
        request.headers_mut().reserve(2);
        request.extensions_mut().insert(Tenant::new(tenant));
        request
    });
    assert_eq!(count_last(service, requests), 0);
}

#[test]
fn a_second_thread_pays_only_once() {
    let cached = warm().unwrap();
    let layer = BearerLayer::new(cached).without_replay();
    let service = layer.layer(Noop);
    let there = std::thread::spawn(move || count(service, 2));
    assert_eq!(there.join().unwrap(), 0);
}
