//! Above a redirect follower: "401 means not done" holds for the hop that answered only.

use bytes::Bytes;
use hallpass_core::{
    Cached,
    adapter::{AnsweredBy, Processed},
};
use http::{Method, Request, Response, header::LOCATION};
use http_body_util::Full;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::common::{self, API, Api, Issuer, api::answer, full, warm};

fn redirect(code: u16, location: &'static str) -> Response<Full<Bytes>> {
    let mut response = answer(code, "");
    let location = location.parse().unwrap();
    response.headers_mut().insert(LOCATION, location);
    response
}

/// What a server saw of this request above a follower, and what came of it.
async fn send(method: Method, path: &str, api: Api) -> (Vec<String>, u16, Cached) {
    let (layer, cached) = warm(&Issuer::new()).await;
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(FollowRedirectLayer::new())
        .service(api.clone());
    let request = Request::builder()
        .method(method)
        .uri(format!("{API}{path}"))
        // A follower can't send another body on.
        .body(full(""))
        .unwrap();
    let status = service.oneshot(request).await.unwrap().status().as_u16();
    let seen = api.seen();
    let seen = seen
        .iter()
        .map(|one| format!("{} {}", one.parts.method, one.parts.uri.path()));
    (seen.collect(), status, cached)
}

/// Takes an order and says where it is; shows it to `token-2` only.
fn shop(code: u16) -> Api {
    Api::new(move |seen| match seen.parts.uri.path() {
        "/orders" => redirect(code, "/orders/1"),
        _ if seen.is_bearer("token-2") => answer(200, "an order"),
        _ => answer(401, ""),
    })
}

#[tokio::test]
async fn what_a_redirect_says_was_done_is_not_done_twice() {
    for code in [302, 303] {
        let (seen, status, cached) = send(Method::POST, "/orders", shop(code)).await;
        assert_eq!(seen, ["POST /orders", "GET /orders/1"], "{code}");
        assert_eq!(status, 401);
        assert_eq!(
            cached.stats().rejections,
            1,
            "the token is refused all the same"
        );
    }
}

#[tokio::test]
async fn what_changes_nothing_is_sent_again() {
    let (seen, status, _) = send(Method::GET, "/orders", shop(302)).await;
    assert_eq!(seen.len(), 4);
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_follower_that_followed_nothing_shows_no_difference() {
    // It names the final URI, which may be the first one again.
    let again = Api::new(|seen| match seen.parts.method {
        Method::POST => redirect(303, "/orders"),
        _ => answer(401, ""),
    });
    let (seen, _, _) = send(Method::POST, "/orders", again).await;
    assert_eq!(seen, ["POST /orders", "GET /orders"]);
}

#[tokio::test]
async fn another_origins_answer_says_nothing_about_the_credential() {
    for method in [Method::GET, Method::POST] {
        let api = Api::new(|seen| match seen.host() {
            "api.example.com" => redirect(307, "https://b.example/"),
            _ => answer(401, ""),
        });
        let (seen, status, cached) = send(method, "/", api).await;
        assert_eq!((seen.len(), status), (2, 401));
        assert_eq!((cached.stats().rejections, cached.stats().fetches), (0, 1));
    }
}

#[tokio::test]
async fn a_word_from_below_counts_as_well() {
    for (extension, sent, rejections) in [(0, 2, 1), (1, 1, 1), (2, 1, 0), (3, 1, 1)] {
        let (layer, cached) = warm(&Issuer::new()).await;
        let api = Api::new(move |_| {
            let mut response = answer(401, "");
            match extension {
                0 => None,
                1 => response
                    .extensions_mut()
                    .insert(AnsweredBy("https://api.example.com/y".parse().unwrap()))
                    .map(drop),
                2 => response
                    .extensions_mut()
                    .insert(AnsweredBy("https://b.example/y".parse().unwrap()))
                    .map(drop),
                _ => response.extensions_mut().insert(Processed).map(drop),
            };
            response
        });
        let request = common::post(full("x"));
        layer.layer(api.clone()).oneshot(request).await.unwrap();
        assert_eq!(api.calls(), sent, "{extension}");
        assert_eq!(cached.stats().rejections, rejections, "{extension}");
    }
}
